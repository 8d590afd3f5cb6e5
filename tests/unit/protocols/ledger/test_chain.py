"""A partner's chain: its own entries, one after the other, priced as they come."""

from dataclasses import replace

import pytest

from protocols.errors import ChainError, PolicyError, SignatureError
from protocols.ledger.chain import Chain
from protocols.ledger.entry import NO_ENTRY, PartnerEntry, parse_entry, sign_entry
from tests.adversarial.ledger.honest import World, key_for, trained

WORLD = trained()
NORTH = [leaf for leaf in WORLD.leaves[1:] if parse_entry(leaf)[1].link.signer == "north"]
ORDER = next(leaf for leaf in WORLD.leaves[1:] if parse_entry(leaf)[1].link.signer == "coordinator")


def _chain(world: World = WORLD) -> Chain:
    return Chain("north", key=world.terms.partners["north"], terms=world.terms)


def _take(chain: Chain, leaf: bytes) -> list[object]:
    envelope, entry = chain.read(leaf)
    return list(chain.take(envelope.digest.hex(), entry))


def test_an_honest_chain_has_no_faults_and_knows_where_the_next_entry_stands() -> None:
    chain = _chain()
    assert (chain.last_seq, chain.link("run", at=5).prev) == (-1, NO_ENTRY)
    assert [fault for leaf in NORTH for fault in _take(chain, leaf)] == []
    link = chain.link("run", at=5)
    assert (link.seq, link.prev) == (len(NORTH), chain.name_of(len(NORTH) - 1))
    assert chain.account.spends > 0


def test_an_entry_that_does_not_follow_is_not_taken() -> None:
    chain = _chain()
    with pytest.raises(ChainError):
        _take(chain, NORTH[1])
    assert chain.last_seq == -1
    assert _take(chain, NORTH[0]) == []


def test_what_an_auditor_would_object_to_is_taken_and_told() -> None:
    chain = _chain()
    _, entry = parse_entry(NORTH[0])
    assert isinstance(entry, PartnerEntry)
    bent = sign_entry(replace(entry, code_digest="c1" * 32), key_for("north"))
    assert len(_take(chain, bent.to_bytes())) == 1
    assert chain.last_seq == 0


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
