"""Charters of one log: which one an entry is judged by, and what a later one keeps."""

from dataclasses import replace

import pytest

from protocols.errors import PolicyError, SuccessionError
from protocols.ledger.charters import Charters
from protocols.ledger.entry import NO_ENTRY, NO_PIN, Link
from protocols.ledger.terms import Terms, terms_of
from tests.adversarial.ledger.honest import charter_table, public


def _after(*before: Terms, **changes: object) -> Terms:
    succeeds = [terms.charter.hex() for terms in before]
    return terms_of({**charter_table(), "succeeds": succeeds, **changes})


FIRST = terms_of(charter_table())
SECOND = _after(FIRST)
THIRD = _after(FIRST, SECOND)


def _link(terms: Terms) -> Link:
    return Link(terms.charter.hex(), "north", 0, NO_ENTRY, NO_PIN, 0, "run")


def test_an_earlier_charter_is_known_once_it_is_shown() -> None:
    charters = Charters(THIRD, [FIRST])
    assert charters.of(FIRST.charter.hex()) == FIRST
    assert charters.of(THIRD.charter.hex()) == THIRD
    with pytest.raises(PolicyError, match="not one of this log's"):
        charters.of(SECOND.charter.hex())
    charters.add(SECOND)
    assert charters.of(SECOND.charter.hex()) == SECOND
    assert [charters.number(terms.charter.hex()) for terms in (FIRST, SECOND, THIRD)] == [0, 1, 2]
    assert [charters.leads_to_latest(name) for name in (NO_ENTRY, FIRST.charter.hex())] == [
        False,
        True,
    ]


def test_own_stricter_terms_of_the_latest_stay() -> None:
    strict = replace(SECOND, released_cap_micro=5)
    charters = Charters(strict, [FIRST, SECOND])
    assert charters.of(SECOND.charter.hex()).released_cap_micro == 5


@pytest.mark.parametrize(
    "other",
    [_after(SECOND), _after(SECOND, FIRST), THIRD, _after(FIRST, code_digest="c2" * 32)],
)
def test_a_charter_with_another_past_is_none_of_this_log(other: Terms) -> None:
    with pytest.raises(PolicyError, match="is none that"):
        Charters(SECOND, [other])


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("coordinator", {"log_key": public("other log")}),
        ("coordinator", {"log_origin": "other/log"}),
        ("coordinator", {"order_key": public("other order")}),
        ("privacy", {"max_lenders_per_borrower": 2}),
        ("privacy", {"mode": "distributed", "tolerated_colluders": 1, "minimum_cohort": 3}),
    ],
)
def test_log_order_key_and_noise_are_kept(part: str, changes: dict[str, object]) -> None:
    table = charter_table()
    inner = table[part]
    assert isinstance(inner, dict)
    with pytest.raises(SuccessionError, match="keeps log, order key and noise"):
        Charters(_after(FIRST, **{part: inner | changes}), [FIRST])


def test_a_signer_goes_on_to_later_charters_only() -> None:
    charters = Charters(SECOND, [FIRST])
    assert list(charters.check_turn(_link(FIRST), None)) == []
    assert list(charters.check_turn(_link(SECOND), _link(FIRST))) == []
    assert list(charters.check_turn(_link(SECOND), _link(SECOND))) == []
    (fault,) = charters.check_turn(_link(FIRST), _link(SECOND))
    assert "under an older charter" in str(fault)
