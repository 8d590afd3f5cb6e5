"""Which contributions count: one test for each reason why one does not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from clients.partner.node import PartnerNode
from protocols.contracts.orders import Reply
from protocols.errors import EntryError, IncompleteCohortError, RoundError, SignatureError
from protocols.ledger.canonical import digest
from protocols.ledger.codec import encode
from protocols.ledger.entry import RoundOpen, entry_in
from protocols.ledger.envelope import Envelope, parse_envelope, sign
from protocols.ledger.messages import Acknowledged, Contribution, Refused
from protocols.ledger.roster import mask_keys
from protocols.ledger.terms import Terms
from server.cohort import Attempt, Gathered, gather, read_answer
from tests.simulator import World, found_world

NAMES = ("p0", "p1", "p2")
Bend = Callable[[PartnerNode, Reply], Reply]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    trained = found_world(tmp_path_factory.mktemp("cohort"), sizes=(30, 20, 20))
    trained.train()
    return trained


@pytest.fixture(scope="module")
def terms(world: World) -> Terms:
    return world.nodes["p0"].terms


@pytest.fixture(scope="module")
def attempt(world: World) -> Attempt:
    """The last attempt of a run."""
    return _attempt(world, -1)


def _attempt(world: World, index: int) -> Attempt:
    orders = dict.fromkeys(delivery.order for _, delivery in world.deliveries)
    rounds = [order for order in map(parse_envelope, orders) if _is_round(order)]
    opened = entry_in(rounds[index])
    assert isinstance(opened, RoundOpen)
    (keys, *_) = [
        delivery.keys
        for _, delivery in world.deliveries
        if delivery.order == rounds[index].to_bytes()
    ]
    return Attempt(
        order=rounds[index],
        width=opened.width,
        cohort=opened.cohort,
        keys=mask_keys(opened, keys, world.nodes["p0"].terms),
    )


def _is_round(order: Envelope) -> bool:
    return order.payload_type == RoundOpen.payload_type


def _replies(world: World, attempt: Attempt) -> dict[str, Reply]:
    """Let every node say again what it said, with all leaves of its book."""
    replies = {}
    for name, node in world.nodes.items():
        (delivery, *_) = [
            delivery
            for to, delivery in world.deliveries
            if to == name and delivery.order == attempt.order.to_bytes()
        ]
        leaves = [node.book.leaf_of(seq) or b"" for seq in range(node.book.last_seq + 1)]
        replies[name] = replace(node.answer(delivery), leaves=b"\n".join(leaves) + b"\n")
    return replies


def _signed(node: PartnerNode, answer: Contribution | Acknowledged | Refused) -> bytes:
    key = node.keys.identity
    return sign(encode(answer), payload_type=answer.payload_type, keys=[key]).to_bytes()


def _with_vector(node: PartnerNode, reply: Reply, vector: bytes, attempt: Attempt) -> Reply:
    said = read_answer(node.name, reply, order=attempt.order, terms=node.terms)
    assert isinstance(said, Contribution)
    named = replace(said, vector_digest=digest(vector).hex())
    return replace(reply, answer=_signed(node, named), vector=vector)


def test_an_attempt_with_all_contributions_is_complete(
    world: World, attempt: Attempt, terms: Terms
) -> None:
    replies = _replies(world, attempt)
    gathered = gather(attempt, replies, terms)
    assert gathered.is_complete
    assert set(gathered.vectors) == set(gathered.spends) == set(NAMES)
    vectors = [np.frombuffer(reply.vector, dtype="<u8") for reply in replies.values()]
    assert np.array_equal(gathered.total().view("<u8"), sum(vectors))  # modulo 2^64
    assert gathered.total().dtype == np.int64


def test_a_reply_of_somebody_who_was_not_asked_is_not_summed(
    world: World, attempt: Attempt, terms: Terms
) -> None:
    smaller = replace(attempt, cohort=NAMES[:2])
    gathered = gather(smaller, _replies(world, attempt), terms)
    assert gathered.is_complete
    assert set(gathered.vectors) == {"p0", "p1"}


def test_a_partner_that_says_nothing_is_missing(
    world: World, attempt: Attempt, terms: Terms
) -> None:
    replies = _replies(world, attempt)
    del replies["p1"]
    gathered = gather(attempt, replies, terms)
    assert gathered.missing == {"p1": "no-reply"}
    assert not gathered.is_complete


def test_an_incomplete_attempt_has_no_total() -> None:
    gathered = Gathered(cohort=("p1",), vectors={}, spends={}, missing={"p1": "no-reply"})
    with pytest.raises(IncompleteCohortError):
        gathered.total()


def test_a_refusal_is_missing_by_its_own_word(world: World, attempt: Attempt, terms: Terms) -> None:
    replies = _replies(world, attempt)
    refused = Refused("p1", attempt.order.digest.hex(), "stale-order")
    answer = _signed(world.nodes["p1"], refused)
    replies["p1"] = Reply(answer=answer, vector=b"", leaves=b"")
    assert gather(attempt, replies, terms).missing == {"p1": "stale-order"}


BENDS: dict[str, tuple[Bend, str]] = {
    "no envelope": (lambda _, reply: replace(reply, answer=b"{}"), "EntryError"),
    "a vector that was changed": (
        lambda _, reply: replace(reply, vector=bytes(len(reply.vector))),
        "EntryError",
    ),
    "no leaves": (lambda _, reply: replace(reply, leaves=b""), "EntryError"),
    "leaves that are noise": (lambda _, reply: replace(reply, leaves=b"\xff\n"), "EntryError"),
}


@pytest.mark.parametrize("name", BENDS)
def test_a_reply_that_does_not_hold_is_missing_by_its_error(
    name: str, world: World, attempt: Attempt, terms: Terms
) -> None:
    bend, word = BENDS[name]
    replies = _replies(world, attempt)
    replies["p1"] = bend(world.nodes["p1"], replies["p1"])
    gathered = gather(attempt, replies, terms)
    assert gathered.missing == {"p1": word}
    assert "p1" not in gathered.spends


@pytest.mark.parametrize("change", [lambda v: v[:-8], lambda v: v + bytes(8), lambda _: b""])
def test_a_vector_of_another_length_does_not_count(
    change: Callable[[bytes], bytes], world: World, attempt: Attempt, terms: Terms
) -> None:
    replies = _replies(world, attempt)
    node, reply = world.nodes["p1"], replies["p1"]
    replies["p1"] = _with_vector(node, reply, change(reply.vector), attempt)
    assert gather(attempt, replies, terms).missing == {"p1": "EntryError"}


def test_the_spend_of_another_order_does_not_count(
    world: World, attempt: Attempt, terms: Terms
) -> None:
    earlier = _attempt(world, -2)
    old = _replies(world, earlier)["p1"]
    said = read_answer("p1", old, order=earlier.order, terms=terms)
    replies = _replies(world, attempt)
    now = read_answer("p1", replies["p1"], order=attempt.order, terms=terms)
    assert isinstance(said, Contribution)
    assert isinstance(now, Contribution)
    answer = _signed(world.nodes["p1"], replace(now, spend=said.spend))
    replies["p1"] = replace(replies["p1"], answer=answer)
    assert gather(attempt, replies, terms).missing == {"p1": "EntryError"}


def test_an_acknowledgement_is_no_contribution(
    world: World, attempt: Attempt, terms: Terms
) -> None:
    replies = _replies(world, attempt)
    node = world.nodes["p1"]
    answer = _signed(node, Acknowledged("p1", attempt.order.digest.hex()))
    replies["p1"] = replace(replies["p1"], answer=answer)
    assert gather(attempt, replies, terms).missing == {"p1": "EntryError"}


def test_an_answer_is_read_only_as_its_signers_own(
    world: World, attempt: Attempt, terms: Terms
) -> None:
    reply = _replies(world, attempt)["p1"]
    with pytest.raises(SignatureError):
        read_answer("p0", reply, order=attempt.order, terms=terms)


@pytest.mark.parametrize("changes", [{"partner": "p0"}, {"order": "00" * 32}])
def test_an_answer_to_something_else_is_refused(
    changes: dict[str, str], world: World, attempt: Attempt, terms: Terms
) -> None:
    said = replace(Acknowledged("p1", attempt.order.digest.hex()), **changes)
    reply = Reply(answer=_signed(world.nodes["p1"], said), vector=b"", leaves=b"")
    with pytest.raises(EntryError, match="answers something else"):
        read_answer("p1", reply, order=attempt.order, terms=terms)


def test_an_answer_of_an_unknown_kind_is_refused(
    world: World, attempt: Attempt, terms: Terms
) -> None:
    envelope = sign(b"{}", payload_type="text/plain", keys=[world.nodes["p1"].keys.identity])
    reply = Reply(answer=envelope.to_bytes(), vector=b"", leaves=b"")
    with pytest.raises(EntryError, match="unknown kind"):
        read_answer("p1", reply, order=attempt.order, terms=terms)


def test_a_refusal_is_a_round_error_with_the_partners_word(
    world: World, attempt: Attempt, terms: Terms
) -> None:
    refused = Refused("p1", attempt.order.digest.hex(), "budget-exhausted")
    reply = Reply(answer=_signed(world.nodes["p1"], refused), vector=b"", leaves=b"")
    with pytest.raises(RoundError, match=r"^budget-exhausted$"):
        read_answer("p1", reply, order=attempt.order, terms=terms)
