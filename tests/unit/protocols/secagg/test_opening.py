"""A sum is opened for the whole cohort or not at all."""

import pytest

from protocols.errors import ContractError, IncompleteCohortError
from protocols.secagg.opening import open_sum

_SEALED = {"a": b"\x01" * 8, "b": b"\x02" * 8, "c": b"\xff" * 8}


def test_the_sum_is_word_by_word() -> None:
    assert open_sum({"a": b"\x01" * 16, "b": b"\x02" * 16}, cohort=["b", "a"]) == b"\x03" * 16


@pytest.mark.parametrize(
    ("cohort", "said"),
    [
        ("abcd", "expected 4 sealed vectors, found 3; missing: d"),
        ("abd", "expected 3 sealed vectors, found 3; missing: d"),
        ("ab", "expected 2 sealed vectors, found 3; missing: none"),
        ("abcc", "expected 4 sealed vectors, found 3; missing: none"),
    ],
)
def test_another_set_of_partners_than_the_cohort_is_refused(cohort: str, said: str) -> None:
    with pytest.raises(IncompleteCohortError, match=said):
        open_sum(_SEALED, cohort=list(cohort))


def test_a_cohort_of_nobody_has_no_sum() -> None:
    with pytest.raises(IncompleteCohortError, match="expected 0 sealed vectors"):
        open_sum({}, cohort=[])


def test_vectors_of_different_lengths_are_refused() -> None:
    with pytest.raises(IncompleteCohortError, match="one length"):
        open_sum(_SEALED | {"c": bytes(16)}, cohort="abc")


def test_vectors_that_are_not_whole_words_are_refused() -> None:
    with pytest.raises(ContractError, match="64-bit words"):
        open_sum({"a": bytes(7), "b": bytes(7)}, cohort="ab")
