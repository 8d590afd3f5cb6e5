"""What the auditor hands over stands in the log only where a verifier would take it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from protocols.errors import (
    ChainError,
    ForeignKeyError,
    PinError,
    PolicyError,
    RoleError,
    SplitViewError,
    VerificationError,
)
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_PIN,
    POLICY,
    AuditReport,
    Pin,
    entry_in,
    parse_entry,
    sign_entry,
)
from protocols.ledger.envelope import parse_envelope
from protocols.ledger.pins import Pins
from protocols.ledger.succession import Succession
from protocols.ledger.terms import Terms, terms_of
from server.ledger.auditor import AuditorChain
from tests.adversarial.ledger.honest import World, key_for, trained


@pytest.fixture(scope="module")
def world() -> World:
    """Return a log under two charters, with a report under the second."""
    world = trained()
    world.succeed()
    world.report()
    return world


def _first(world: World) -> Terms:
    return terms_of({name: value for name, value in world.table.items() if name != "succeeds"})


def _chain(world: World) -> AuditorChain:
    pins, succession = Pins(world.tree.root_at), Succession(world.terms)
    chain = AuditorChain(succession, pins)
    for index, leaf in enumerate(map(parse_envelope, world.leaves[:-1])):
        is_policy = leaf.payload_type == POLICY
        pins.record(None if is_policy else entry_in(leaf).link)
        assert not is_policy or list(succession.take(index, leaf)) == []
    envelope, entry = parse_entry(world.leaves[-1])
    assert isinstance(entry, AuditReport)
    pins.record(entry.link)
    chain.read(envelope.digest.hex(), entry)
    return chain


def _next(world: World, *, key: str = "auditor", **bend: object) -> bytes:
    entry = AuditReport(world.link("auditor", "-"), 0, "ad" * 32)
    entry = replace(entry, link=replace(entry.link, **bend))  # type: ignore[arg-type]
    return sign_entry(entry, key_for(key)).to_bytes()


def test_a_report_in_its_turn_is_taken(world: World) -> None:
    _chain(world).check(_next(world))


FAULTS: dict[str, tuple[Callable[[World], bytes], type[VerificationError]]] = {
    "out of its turn": (lambda world: _next(world, seq=5), ChainError),
    "after another one": (lambda world: _next(world, prev=NO_ENTRY), ChainError),
    "under the charter before": (
        lambda world: _next(world, charter=_first(world).charter.hex()),
        ChainError,
    ),
    "under another charter": (lambda world: _next(world, charter="ab" * 32), PolicyError),
    "by another key": (lambda world: _next(world, key="north"), ForeignKeyError),
    "by a partner": (lambda world: _next(world, signer="north", key="north"), RoleError),
    "of another log": (lambda world: _next(world, pin=Pin(9, "ab" * 32)), PinError),
    "of a later fork": (
        lambda world: _next(world, pin=Pin(len(world.leaves), "ab" * 32)),
        SplitViewError,
    ),
    "that forgets what it saw": (lambda world: _next(world, pin=NO_PIN), PinError),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_report_that_a_verifier_would_object_to_is_refused(fault: str, world: World) -> None:
    make, kind = FAULTS[fault]
    with pytest.raises(kind):
        _chain(world).check(make(world))


def test_no_other_entry_comes_from_outside_of_a_run(world: World) -> None:
    leaf = next(leaf for leaf in world.leaves[1:] if parse_entry(leaf)[1].link.signer == "north")
    with pytest.raises(RoleError):
        _chain(world).check(leaf)
