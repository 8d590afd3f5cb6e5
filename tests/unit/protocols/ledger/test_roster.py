"""A mask key counts only in its partner's own, signed authorisation of this very run."""

from collections.abc import Callable

import pytest

from protocols.errors import UnknownKeyError
from protocols.ledger.entry import RoundOpen, parse_entry
from protocols.ledger.roster import mask_keys
from tests.adversarial.ledger.honest import (
    FOUR,
    HISTOGRAM,
    MASKED,
    PARTNERS,
    World,
    authorised,
    charter_table,
    masked,
    public_mask_key,
    started,
)


def _order(world: World, cohort: tuple[str, ...] = FOUR) -> RoundOpen:
    world.order("run-1", (1, 1), HISTOGRAM, cohort)
    entry = parse_entry(world.leaves[-1])[1]
    assert isinstance(entry, RoundOpen)
    return entry


def _allowed(world: World) -> list[bytes]:
    """Return the authorisation of every partner, each after its data set's epoch."""
    return world.leaves[2:9:2]


def _with(last: bytes) -> bytes:
    """Return the authorisations of all partners, with another one for the last."""
    return b"\n".join([*_allowed(masked())[:3], last])


def _authorisation(run: str = "run-1", **bend: object) -> bytes:
    world = masked()
    world.authorise("west", run, **bend)
    return world.leaves[-1]


def test_every_partner_of_the_cohort_has_the_key_that_it_signed() -> None:
    world = masked()
    keys = mask_keys(_order(world), b"\n".join(_allowed(world)), world.terms)
    assert {name: key.hex() for name, key in keys.items()} == {
        name: public_mask_key(name, "run-1") for name in FOUR
    }


def test_a_smaller_cohort_has_fewer_keys() -> None:
    world = masked()
    keys = mask_keys(_order(world, PARTNERS), b"\n".join(_allowed(world)[1:]), world.terms)
    assert set(keys) == set(PARTNERS)


def test_where_nothing_is_masked_there_are_no_keys() -> None:
    world = started()
    assert mask_keys(_order(world, PARTNERS), b"whatever", world.terms) == {}


def _another_charter() -> bytes:
    return authorised(World(charter_table(FOUR, **(MASKED | {"most_rounds": 21})))).leaves[8]


def _a_spend() -> bytes:
    world = masked()
    world.spend("west", world.order("run-1", (1, 1), HISTOGRAM, FOUR))
    return world.leaves[-1]


def _order_leaf() -> bytes:
    world = masked()
    _order(world)
    return world.leaves[-1]


LIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "a key signed by another partner": (lambda: _authorisation(key="south"), "is not signed by"),
    "a key signed by the coordinator": (lambda: _authorisation(key="order"), "is not signed by"),
    "a key of a stranger": (lambda: _authorisation(key="mallory"), "is not signed by"),
    "a key without a signature": (lambda: b"{}", "is not signed by"),
    "a key of another run": (lambda: _authorisation("run-2"), "for another run or charter"),
    "a key under another charter": (_another_charter, "for another run or charter"),
    "two keys for a partner": (lambda: _allowed(masked())[2], "has two mask keys"),
    "not an authorisation": (_a_spend, "expected authorisations"),
    "an order": (_order_leaf, "expected authorisations"),
    "a key too few": (lambda: b"", "one mask key of each"),
}


@pytest.mark.parametrize("name", LIES)
def test_any_other_key_is_refused(name: str) -> None:
    lie, said = LIES[name]
    world = masked()
    with pytest.raises(UnknownKeyError, match=said):
        mask_keys(_order(world), _with(lie()), world.terms)


def test_a_key_too_many_is_refused() -> None:
    world = masked()
    with pytest.raises(UnknownKeyError, match="one mask key of each"):
        mask_keys(_order(world, PARTNERS), b"\n".join(_allowed(world)), world.terms)
