"""Pins: what a signer has seen of the log is what the log still is."""

from dataclasses import replace

import pytest

from protocols.errors import DateError, PinError, RollbackError, SplitViewError, VerificationError
from protocols.ledger.entry import LATEST, NO_ENTRY, NO_PIN, Link, Pin
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.pins import CLOCKS_APART_S, Pins, check_pin
from protocols.ledger.tree import Tree

_TREE = Tree(leaf_hash(b"%d" % number) for number in range(4))
_LINK = Link("ab" * 32, "north", 1, NO_ENTRY, NO_PIN, 5_000, "run")
_SAID = (None, ("south", 5_000), ("west", 6_000))  # leaf 0 is the charter, which has no date


def _pins() -> Pins:
    """Return the pins of a log with three leaves in it."""
    pins = Pins(_TREE.root_at)
    for said in _SAID:
        pins.record(said and replace(_LINK, signer=said[0], at=said[1]))
    return pins


def _pin(size: int) -> Pin:
    return Pin(size, _TREE.root_at(size).hex())


def _kinds(pin: Pin, at: int = 5_000) -> list[type[VerificationError]]:
    return [type(err) for err in _pins().check(replace(_LINK, pin=pin, at=at))]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_whatever_the_log_was_may_have_been_seen(size: int) -> None:
    assert _kinds(_pin(size)) == []


def test_who_has_seen_nothing_says_nothing_of_the_log() -> None:
    assert _kinds(NO_PIN, at=0) == []


def test_a_signer_that_saw_more_leaves_than_come_before_it_saw_a_longer_log() -> None:
    # Not even what follows now may have been seen before it was there.
    assert _kinds(_pin(4)) == [RollbackError]
    assert _kinds(Pin(2**40, "ab" * 32)) == [RollbackError]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_another_root_of_the_same_size_is_another_log(size: int) -> None:
    assert _kinds(Pin(size, "ab" * 32)) == [SplitViewError]


def test_an_entry_is_not_dated_before_what_two_others_had_dated() -> None:
    earliest = 5_000 - CLOCKS_APART_S
    assert _kinds(_pin(3), at=earliest) == []
    assert _kinds(_pin(3), at=earliest - 1) == [DateError]
    # What it had not seen may have any date.
    assert _kinds(_pin(1), at=0) == []


def test_one_signer_with_a_wrong_clock_puts_nobody_in_the_wrong() -> None:
    pins = _pins()
    for _ in range(3):
        pins.record(replace(_LINK, signer="west", at=LATEST))
    now = replace(_LINK, pin=NO_PIN, at=6_000)
    assert list(pins.check(replace(now, pin=Pin(4, _TREE.root_at(4).hex())))) == []
    pins.record(replace(_LINK, signer="south", at=LATEST))
    assert list(pins.check(now)) == []


def test_another_log_and_a_wrong_date_are_two_faults() -> None:
    assert _kinds(Pin(3, "ab" * 32), at=0) == [SplitViewError, DateError]


def test_the_last_pin_of_a_signer_is_the_largest() -> None:
    before = replace(_LINK, seq=0, pin=_pin(2))
    for size, faults in ((1, [PinError]), (2, []), (3, [])):
        assert [type(err) for err in check_pin(replace(_LINK, pin=_pin(size)), before)] == faults
    assert list(check_pin(_LINK, None)) == []
    assert [type(err) for err in check_pin(_LINK, before)] == [PinError]
