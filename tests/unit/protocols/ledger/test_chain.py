"""A partner's chain: its own entries, one after the other, priced as they come."""

from dataclasses import replace

import pytest

from protocols.errors import ChainError, PinError, PolicyError, SignatureError
from protocols.ledger.chain import Chain
from protocols.ledger.charters import Charters
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_PIN,
    POLICY,
    Authorise,
    PartnerEntry,
    Pin,
    entry_in,
    parse_entry,
    sign_entry,
)
from protocols.ledger.envelope import parse_envelope
from tests.adversarial.ledger.honest import World, key_for, trained

WORLD = trained()
NORTH = [leaf for leaf in WORLD.leaves[1:] if parse_entry(leaf)[1].link.signer == "north"]
ORDER = next(leaf for leaf in WORLD.leaves[1:] if parse_entry(leaf)[1].link.signer == "coordinator")


def _chain(world: World = WORLD) -> Chain:
    return Chain("north", Charters(world.terms))


def _take(chain: Chain, leaf: bytes) -> list[object]:
    envelope, entry = chain.read(leaf)
    return list(chain.take(envelope.digest.hex(), entry))


def test_an_honest_chain_has_no_faults_and_knows_where_the_next_entry_stands() -> None:
    chain = _chain()
    assert (chain.last_seq, chain.link("run", at=5, pin=NO_PIN).prev) == (-1, NO_ENTRY)
    assert [fault for leaf in NORTH for fault in _take(chain, leaf)] == []
    pin = Pin(9, "ab" * 32)
    link = chain.link("run", at=5, pin=pin)
    assert (link.seq, link.prev, link.pin) == (len(NORTH), chain.name_of(len(NORTH) - 1), pin)
    assert chain.account.spends > 0


def test_an_entry_that_does_not_follow_is_not_taken() -> None:
    chain = _chain()
    with pytest.raises(ChainError):
        _take(chain, NORTH[1])
    assert chain.last_seq == -1
    assert _take(chain, NORTH[0]) == []


def test_what_an_auditor_would_object_to_is_taken_and_told() -> None:
    chain = _chain()
    assert _take(chain, NORTH[0]) == []
    _, entry = parse_entry(NORTH[1])
    assert isinstance(entry, Authorise)
    bent = sign_entry(replace(entry, code_digest="c1" * 32), key_for("north"))
    assert len(_take(chain, bent.to_bytes())) == 1
    assert chain.last_seq == 1


def test_a_pin_that_goes_back_is_taken_and_told() -> None:
    chain = _chain()
    first = next(index for index, leaf in enumerate(NORTH) if parse_entry(leaf)[1].link.pin.size)
    assert [fault for leaf in NORTH[: first + 1] for fault in _take(chain, leaf)] == []
    _, entry = parse_entry(NORTH[first + 1])
    assert isinstance(entry, PartnerEntry)
    bent = sign_entry(replace(entry, link=replace(entry.link, pin=NO_PIN)), key_for("north"))
    assert [type(fault) for fault in _take(chain, bent.to_bytes())] == [PinError]
    assert chain.last_seq == first + 1


@pytest.mark.parametrize("signer", ["south", "coordinator"])
def test_an_entry_of_somebody_else_is_refused(signer: str) -> None:
    leaf = next(raw for raw in WORLD.leaves[1:] if parse_entry(raw)[1].link.signer == signer)
    with pytest.raises(SignatureError, match="not this partner's own"):
        _chain().read(leaf)


def test_an_entry_signed_by_another_key_is_refused() -> None:
    _, entry = parse_entry(NORTH[0])
    with pytest.raises(SignatureError):
        _chain().read(sign_entry(entry, key_for("south")).to_bytes())


def test_an_order_in_the_partners_name_is_refused() -> None:
    _, entry = parse_entry(ORDER)
    forged = replace(entry, link=replace(entry.link, signer="north"))
    with pytest.raises(SignatureError, match="not this partner's own"):
        _chain().read(sign_entry(forged, key_for("north")).to_bytes())


def test_an_entry_under_another_charter_is_refused() -> None:
    _, entry = parse_entry(NORTH[0])
    other = replace(entry, link=replace(entry.link, charter="ab" * 32))
    with pytest.raises(PolicyError):
        _chain().read(sign_entry(other, key_for("north")).to_bytes())


def test_a_partner_does_not_go_back_to_an_older_charter() -> None:
    world = trained()
    first = world.terms
    world.succeed()
    world.begin_epoch("north", "more loans")
    world.begin_epoch("north", "yet more", link=lambda at: replace(at, charter=first.charter.hex()))
    chain = Chain("north", Charters(world.terms, [first]))
    *before, later, back = (leaf for leaf in world.leaves if _is_of_north(leaf))
    assert [fault for leaf in (*before, later) for fault in _take(chain, leaf)] == []
    (fault,) = _take(chain, back)
    assert isinstance(fault, ChainError)


def _is_of_north(leaf: bytes) -> bool:
    envelope = parse_envelope(leaf)
    return envelope.payload_type != POLICY and entry_in(envelope).link.signer == "north"


def test_an_entry_under_a_charter_without_its_signer_is_refused() -> None:
    others = {name: key for name, key in WORLD.terms.partners.items() if name != "north"}
    chain = Chain("north", Charters(replace(WORLD.terms, partners=others)))
    with pytest.raises(SignatureError, match="under a charter without it"):
        chain.read(NORTH[0])
