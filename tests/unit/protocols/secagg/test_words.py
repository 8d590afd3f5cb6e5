"""Words are added and subtracted each for itself, modulo 2^64."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import ContractError
from protocols.secagg.words import sum_words

_MODULUS = 2**64
_EDGES = [0, 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1]
_WORD = st.sampled_from(_EDGES) | st.integers(0, _MODULUS - 1)


def _packed(*words: int) -> bytes:
    return b"".join(word.to_bytes(8, "little") for word in words)


@settings(deadline=None)
@given(st.data(), st.integers(0, 9), st.integers(1, 6), st.integers(0, 5))
def test_sums_are_those_of_plain_integers(
    data: st.DataObject, width: int, added: int, taken: int
) -> None:
    vector = st.lists(_WORD, min_size=width, max_size=width)
    plus = data.draw(st.lists(vector, min_size=added, max_size=added))
    minus = data.draw(st.lists(vector, min_size=taken, max_size=taken))
    plain = [
        (sum(vector[place] for vector in plus) - sum(vector[place] for vector in minus)) % _MODULUS
        for place in range(width)
    ]
    total = sum_words([_packed(*item) for item in plus], minus=[_packed(*item) for item in minus])
    assert total == _packed(*plain)


@pytest.mark.parametrize("first", _EDGES)
@pytest.mark.parametrize("second", _EDGES)
def test_no_carry_and_no_borrow_reaches_a_neighbour(first: int, second: int) -> None:
    one, other = _packed(0, first, 0), _packed(0, second, 0)
    assert sum_words([one, other]) == _packed(0, (first + second) % _MODULUS, 0)
    assert sum_words([one], minus=[other]) == _packed(0, (first - second) % _MODULUS, 0)


@pytest.mark.parametrize(
    ("plus", "minus"),
    [([b"seven b"], []), ([bytes(8), bytes(16)], []), ([bytes(8)], [bytes(16)])],
)
def test_vectors_that_do_not_fit_are_refused(plus: list[bytes], minus: list[bytes]) -> None:
    with pytest.raises(ContractError, match="equally many 64-bit words"):
        sum_words(plus, minus=minus)
