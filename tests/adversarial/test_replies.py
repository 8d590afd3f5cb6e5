"""A hostile or broken partner against the coordinator: void attempts, and a log that stays true."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from protocols.contracts.orders import Delivery, Reply
from protocols.errors import RoundError
from protocols.ledger.canonical import digest
from protocols.ledger.codec import encode
from protocols.ledger.entry import (
    NO_ENTRY,
    RoundOpen,
    RunClose,
    Spend,
    entry_in,
    parse_entry,
    sign_entry,
)
from protocols.ledger.envelope import Envelope, parse_envelope, sign
from protocols.ledger.messages import Acknowledged, Contribution
from tests.adversarial.coordinator import coordinator_of
from tests.simulator import World, found_world

LIAR = "p1"


@dataclass
class Liar:
    """The second partner's replies, bent from a certain contribution on.

    Attributes:
        world: Where it lives.
        lie: Makes a lie of an honest reply.
        times: How many contributions in a row are lies.
        seen: Honest replies to orders so far.
        hides: Whether it sends no entries along after the first lie, until it contributes again.
    """

    world: World
    lie: Callable[["Liar", Reply], Reply | None]
    times: int
    seen: list[Reply]
    hides: bool = False

    def bend(self, name: str, reply: Reply) -> Reply | None:
        if name == LIAR and self.hides and len(self.seen) == 2 and not reply.vector:
            return replace(reply, leaves=b"")
        if name != LIAR or not reply.vector:
            return reply
        self.seen.append(reply)
        if 2 <= len(self.seen) < 2 + self.times:
            return self.lie(self, reply)
        return reply

    def sign(self, answer: Contribution | Acknowledged, *, partner: str = LIAR) -> bytes:
        key = self.world.nodes[partner].keys.identity
        return sign(encode(answer), payload_type=answer.payload_type, keys=[key]).to_bytes()

    def contribution(self, reply: Reply, **changes: str) -> Contribution:
        """Return what an honest reply says, changed."""
        fields = json.loads(parse_envelope(reply.answer).payload)
        return Contribution(**{**fields, **changes})

    def answering(self, reply: Reply, **changes: str) -> Reply:
        return replace(reply, answer=self.sign(self.contribution(reply, **changes)))

    def with_vector(self, reply: Reply, vector: bytes) -> Reply:
        named = self.answering(reply, vector_digest=digest(vector).hex())
        return replace(named, vector=vector)

    def last_leaf(self, reply: Reply) -> tuple[Envelope, Spend]:
        envelope, entry = parse_entry(reply.leaves.splitlines()[-1])
        assert isinstance(entry, Spend)
        return envelope, entry

    def with_spend(self, reply: Reply, spend: Spend) -> Reply:
        """Put another spend in place of the last one, and contribute by it."""
        leaf = sign_entry(spend, self.world.nodes[LIAR].keys.identity)
        lines = [*reply.leaves.splitlines()[:-1], leaf.to_bytes()]
        named = self.answering(reply, spend=leaf.digest.hex())
        return replace(named, leaves=b"".join(line + b"\n" for line in lines))


def _foreign(liar: Liar, reply: Reply) -> Reply:
    return replace(reply, answer=liar.sign(liar.contribution(reply), partner="p2"))


def _to_another_order(liar: Liar, reply: Reply) -> Reply:
    return liar.answering(reply, order=liar.contribution(liar.seen[0]).order)


def _acknowledged(liar: Liar, reply: Reply) -> Reply:
    order = liar.contribution(reply).order
    return replace(reply, answer=liar.sign(Acknowledged(LIAR, order)))


def _unknown_kind(liar: Liar, reply: Reply) -> Reply:
    envelope = parse_envelope(reply.answer)
    return replace(reply, answer=replace(envelope, payload_type="text/plain").to_bytes())


def _others_leaves(liar: Liar, reply: Reply) -> Reply:
    return replace(reply, leaves=liar.world.nodes["p2"].book.leaf_of(0) + b"\n")  # type: ignore[operator]


def _reversed(_liar: Liar, reply: Reply) -> Reply:
    return replace(reply, leaves=b"".join(reply.leaves.splitlines(keepends=True)[::-1]))


def _gap(liar: Liar, reply: Reply) -> Reply:
    _, spend = liar.last_leaf(reply)
    return liar.with_spend(reply, replace(spend, link=replace(spend.link, seq=spend.link.seq + 1)))


def _another_past(liar: Liar, reply: Reply) -> Reply:
    _, spend = liar.last_leaf(reply)
    return liar.with_spend(reply, replace(spend, link=replace(spend.link, prev=NO_ENTRY)))


def _forked(liar: Liar, reply: Reply) -> Reply:
    """Send another entry under a number that the log has already."""
    _, first = liar.last_leaf(liar.seen[0])
    _, spend = liar.last_leaf(reply)
    return liar.with_spend(reply, replace(spend, link=first.link))


def _other_charter(liar: Liar, reply: Reply) -> Reply:
    _, spend = liar.last_leaf(reply)
    return liar.with_spend(reply, replace(spend, link=replace(spend.link, charter="1" * 64)))


def _cheap(liar: Liar, reply: Reply) -> Reply:
    _, spend = liar.last_leaf(reply)
    return liar.with_spend(reply, replace(spend, spent=replace(spend.spent, released_micro=1)))


def _of_another_order(liar: Liar, reply: Reply) -> Reply:
    _, spend = liar.last_leaf(reply)
    return liar.with_spend(reply, replace(spend, order=NO_ENTRY))


def _old_spend(liar: Liar, reply: Reply) -> Reply:
    """Name the authorisation as the spend."""
    old = liar.world.nodes[LIAR].book.leaf_of(0)
    assert old is not None
    lines = [old, *reply.leaves.splitlines()]
    named = liar.answering(reply, spend=digest(old).hex())
    return replace(named, leaves=b"".join(line + b"\n" for line in lines))


def _closed_early(liar: Liar, reply: Reply) -> Reply:
    """Close the run with a false count beside a true contribution."""
    envelope, spend = liar.last_leaf(reply)
    link = replace(spend.link, seq=spend.link.seq + 1, prev=envelope.digest.hex())
    close = RunClose(link, spends=0, spent=spend.spent)
    leaf = sign_entry(close, liar.world.nodes[LIAR].keys.identity)
    return replace(reply, leaves=reply.leaves + leaf.to_bytes() + b"\n")


LIES: dict[str, Callable[[Liar, Reply], Reply | None]] = {
    "a lost reply": lambda _liar, _reply: None,
    "a foreign signature": _foreign,
    "a contribution to another order": _to_another_order,
    "a contribution in another's name": lambda liar, reply: liar.answering(reply, partner="p2"),
    "an acknowledgement in place of a contribution": _acknowledged,
    "an answer of an unknown kind": _unknown_kind,
    "an answer that is no envelope": lambda _, reply: replace(reply, answer=b"{}"),
    "the answer to the order before": lambda liar, _: liar.seen[0],
    "a vector that is too short": lambda liar, reply: liar.with_vector(reply, reply.vector[:-8]),
    "a vector that is too long": lambda liar, reply: liar.with_vector(reply, reply.vector * 2),
    "a vector cut within a number": lambda liar, reply: liar.with_vector(reply, reply.vector[:-1]),
    "no vector": lambda liar, reply: liar.with_vector(reply, b""),
    "a vector that the answer does not name": lambda _, reply: replace(
        reply, vector=bytes(len(reply.vector))
    ),
    "no spend": lambda _, reply: replace(reply, leaves=b""),
    "a spend of another's": _others_leaves,
    "leaves that are noise": lambda _, reply: replace(reply, leaves=b"\xff\n{}\n"),
    "a gap before the spend": _gap,
    "a spend after another past": _another_past,
    "a spend in place of an older one": _forked,
    "a spend under another charter": _other_charter,
    "a spend that claims to cost nothing": _cheap,
    "a spend for an order that never was": _of_another_order,
    "an authorisation in place of a spend": _old_spend,
    "a run-close that is not true": _closed_early,
}


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Four partners, of whom one may be lost."""
    return found_world(tmp_path_factory.mktemp("four"), sizes=(30, 20, 20, 20))


@pytest.fixture(scope="module")
def three_founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("three"), sizes=(30, 20, 20))


@pytest.fixture
def three(three_founded: World) -> Iterator[World]:
    """Three partners, of whom none may be lost: a run pauses, and the liar is asked again."""
    fresh = three_founded.forget()
    yield fresh
    fresh.close()


def _events(world: World, run: str = "run-1") -> list[dict[str, object]]:
    lines = (world.server / "runs" / run / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _enough(name: str, delivery: Delivery) -> Delivery:
    """End a run before its fourth round: what there is to see was seen."""
    envelope = parse_envelope(delivery.order)
    entry = entry_in(envelope) if envelope.payload_type == RoundOpen.payload_type else None
    if isinstance(entry, RoundOpen) and entry.step.round == 4:
        raise RoundError("enough seen")
    return delivery


def _train_a_little(world: World) -> list[dict[str, object]]:
    """Hold three rounds, and return the events."""
    world.bend = _enough
    with pytest.raises(RoundError, match="enough seen"):
        world.train_through_pauses()
    return _events(world)


def _assert_true_log(world: World) -> None:
    audit = world.audit()
    assert audit.findings == ()
    for row in audit.partners:
        book = world.nodes[row.name].book
        assert (row.spends, row.price, row.open_runs) == (book.spends, book.spent, ())


@pytest.mark.parametrize("name", LIES)
def test_a_lie_voids_the_attempt_and_the_run_goes_on(name: str, world: World) -> None:
    world.bend_reply = Liar(world, LIES[name], times=1, seen=[]).bend
    events = _train_a_little(world)
    missing = [event["missing"] for event in events if event["event"] == "void"]
    assert [set(names) for names in missing] == [{LIAR}]  # type: ignore[call-overload]
    rounds = [(event["round"], event["attempt"]) for event in events if event["event"] == "round"]
    assert rounds == [(1, 1), (2, 2), (3, 1)]
    assert [change.left for change in world.audit().cohort_changes] == [(LIAR,)]
    _assert_true_log(world)


def test_leaves_in_another_order_are_not_taken(three: World) -> None:
    def lose_then_reverse(liar: Liar, reply: Reply) -> Reply | None:
        return None if len(liar.seen) == 2 else _reversed(liar, reply)

    three.bend_reply = Liar(three, lose_then_reverse, times=2, seen=[], hides=True).bend
    events = _train_a_little(three)
    rounds = [(event["round"], event["attempt"]) for event in events if event["event"] == "round"]
    assert rounds == [(1, 1), (2, 3), (3, 1)]
    _assert_true_log(three)


def test_an_older_spend_does_not_pay_for_a_later_order(three: World) -> None:
    def lose_then_pay_with_it(liar: Liar, reply: Reply) -> Reply | None:
        if len(liar.seen) == 2:
            return None
        older = reply.leaves.splitlines()[0]
        return liar.answering(reply, spend=digest(older).hex())

    three.bend_reply = Liar(three, lose_then_pay_with_it, times=2, seen=[], hides=True).bend
    events = _train_a_little(three)
    missing = [event["missing"] for event in events if event["event"] == "void"]
    assert missing == [{LIAR: "no-reply"}, {LIAR: "EntryError"}]
    _assert_true_log(three)


def test_a_leaf_sent_twice_is_logged_once(world: World) -> None:
    def double(_: Liar, reply: Reply) -> Reply:
        return replace(reply, leaves=reply.leaves * 2)

    world.bend_reply = Liar(world, double, times=9, seen=[]).bend
    assert not [event for event in _train_a_little(world) if event["event"] == "void"]
    _assert_true_log(world)


def test_more_lies_than_spare_attempts_end_the_run_with_everybodys_close(three: World) -> None:
    three.bend_reply = Liar(three, LIES["no vector"], times=9, seen=[]).bend
    with pytest.raises(RoundError, match="no attempt is left to spare"):
        three.train_through_pauses()
    audit = three.audit()
    assert audit.findings == ()
    assert audit.releases == ()
    assert [(row.runs, row.open_runs) for row in audit.partners] == [(1, ())] * 3
    assert {row.spends for row in audit.partners} == {
        1 + 1 + three.nodes["p0"].terms.spare_attempts
    }
    assert [event["event"] for event in _events(three)].count("paused") == 2


def test_too_few_authorisations_end_the_run_with_the_close_of_those_that_gave_one(
    three: World,
) -> None:
    def lose(name: str, delivery: Delivery) -> Delivery | None:
        return None if name == LIAR else delivery

    three.bend = lose
    with pytest.raises(RoundError, match="2 partners authorised the run, the charter asks for 3"):
        three.train()
    audit = three.audit()
    assert audit.findings == ()
    assert [(row.runs, row.spends, row.open_runs) for row in audit.partners] == [
        (1, 0, ()),
        (0, 0, ()),
        (1, 0, ()),
    ]


def test_a_refusal_is_told_by_its_word(world: World) -> None:
    own = world.nodes[LIAR]
    world.nodes[LIAR] = replace(own, terms=replace(own.terms, minimum_noise=Fraction(9_000)))
    world.train()
    told = [event for event in _events(world) if event["event"] == "refused"]
    assert [(event["partner"], event["reason"]) for event in told] == [(LIAR, "noise-too-low")]
    assert {row.name for row in world.audit().partners if row.spends} == {"p0", "p2", "p3"}
    _assert_true_log(world)


def test_a_run_that_partners_know_with_another_plan_is_not_begun(world: World) -> None:
    for node in world.nodes.values():  # authorised, and then the coordinator lost its log
        coordinator_of(world, node).authorise()
    with pytest.raises(RoundError, match="0 partners authorised"):
        world.train()
    told = [event for event in _events(world) if event["event"] == "refused"]
    assert {event["reason"] for event in told} == {
        "conflicting-order",
        "another plan, or a shared mask key",
    }
    assert [node.book.spends for node in world.nodes.values()] == [0] * 4
    world.train("run-2")  # which closes the other one
    _assert_true_log(world)


def test_a_refusal_within_a_run_is_told_by_its_word(world: World) -> None:
    def without_keys(name: str, delivery: Delivery) -> Delivery:
        return replace(delivery, keys=b"") if name == LIAR else delivery

    world.bend = without_keys
    world.train()
    missing = [event["missing"] for event in _events(world) if event["event"] == "void"]
    assert missing == [{LIAR: "unknown-key"}]
    assert world.nodes[LIAR].book.spends == 0
    _assert_true_log(world)
