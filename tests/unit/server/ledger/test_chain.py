"""One partner's words: taken once, in order, if an auditor would not object; else none of them."""

from dataclasses import replace

import pytest

from protocols.errors import ChainError, PolicyError, SignatureError, VerificationError
from protocols.ledger.charters import Charters
from protocols.ledger.entry import PartnerEntry, RoundOpen, parse_entry, sign_entry
from protocols.ledger.pins import Pins
from protocols.ledger.rounds import Rounds
from protocols.ledger.succession import Succession
from server.ledger.chain import PartnerChain
from tests.adversarial.ledger.honest import World, key_for, trained

WORLD = trained()
NORTH = [
    leaf
    for leaf in WORLD.leaves[1:]
    if parse_entry(leaf)[1].link.signer == "north"
]  # fmt: skip


def _chain(partner: str = "north", world: World = WORLD) -> PartnerChain:
    rounds, pins = Rounds(Charters(world.terms)), Pins(world.tree.root_at)
    pins.record(None)
    for leaf in world.leaves[1:]:
        envelope, entry = parse_entry(leaf)
        pins.record(entry.link)
        if isinstance(entry, RoundOpen):
            list(rounds.open(envelope.digest.hex(), entry))
    return PartnerChain(
        partner,
        succession=Succession(world.terms),
        rounds=rounds,
        pins=pins,
        clock=lambda: 1_700_000_000,
    )


def _lines(*leaves: bytes) -> bytes:
    return b"".join(leaf + b"\n" for leaf in leaves)


def test_leaves_are_taken_once_and_in_order() -> None:
    chain = _chain()
    assert chain.take(_lines(*NORTH[:2])) == NORTH[:2]
    assert chain.take(_lines(*NORTH[:2])) == []
    assert chain.take(_lines(*NORTH[1:])) == NORTH[2:]
    assert chain.take(b"") == []


def test_of_very_many_leaves_the_first_are_taken_and_the_rest_when_they_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.ledger.chain.MOST_NEW", 3)
    chain = _chain()
    assert chain.take(_lines(*NORTH)) == NORTH[:3]
    assert chain.take(_lines(*NORTH)) == NORTH[3:6]


@pytest.mark.parametrize(
    ("leaves", "error"),
    [
        ([NORTH[1]], ChainError),
        ([NORTH[0], NORTH[2]], ChainError),
        ([NORTH[1], NORTH[0]], ChainError),
        ([b"{}"], VerificationError),
        ([b"\xff"], VerificationError),
    ],
)
def test_leaves_that_do_not_follow_are_not_taken(
    leaves: list[bytes], error: type[VerificationError]
) -> None:
    chain = _chain()
    with pytest.raises(error):
        chain.take(_lines(*leaves))
    assert chain.take(_lines(*NORTH)) == NORTH


def test_one_wrong_leaf_takes_none_of_those_with_it_and_costs_nothing() -> None:
    chain = _chain()
    before = chain.price
    with pytest.raises(ChainError):
        chain.take(_lines(NORTH[0], NORTH[1], NORTH[3]))
    assert chain.price == before
    assert chain.take(_lines(*NORTH)) == NORTH


def test_anothers_leaf_is_not_taken() -> None:
    with pytest.raises(SignatureError):
        _chain("south").take(_lines(NORTH[0]))


def _bent(**changes: str) -> bytes:
    entry = parse_entry(NORTH[0])[1]
    assert isinstance(entry, PartnerEntry)
    return sign_entry(
        replace(entry, link=replace(entry.link, **changes)), key_for("north")
    ).to_bytes()


def test_a_leaf_under_another_charter_is_not_taken() -> None:
    with pytest.raises(PolicyError):
        _chain().take(_lines(_bent(charter="11" * 32)))


def test_another_leaf_in_the_place_of_one_that_was_taken_is_not_taken() -> None:
    chain = _chain()
    chain.take(_lines(NORTH[0]))
    with pytest.raises(ChainError, match="another than it was"):
        chain.take(_lines(_bent(run="run-9")))


def test_what_the_log_holds_is_read_and_is_then_not_new() -> None:
    chain = _chain()
    for leaf in NORTH:
        envelope, entry = parse_entry(leaf)
        assert isinstance(entry, PartnerEntry)
        chain.read(envelope.digest.hex(), entry)
    assert chain.take(_lines(*NORTH)) == []
    assert chain.price == WORLD.spent_price("north")
