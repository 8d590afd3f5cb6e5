"""Contributions in an honest frame that are wrong inside: replayed, absurd, or without noise."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import pytest

from clients.partner.mask_keys import MaskKeys
from model.noise import IntegerVector
from model.queries.batch import Question
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import ConfigError, MissingNoiseError, RoundError, RunPausedError
from protocols.ledger.canonical import digest
from protocols.ledger.codec import encode
from protocols.ledger.envelope import parse_envelope, sign
from protocols.ledger.messages import Contribution
from protocols.ledger.sharing import Sharing
from protocols.secagg.words import sum_words
from tests.simulator import World, found_world

LIAR = "p1"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Four partners, of whom one may be lost."""
    return found_world(tmp_path_factory.mktemp("faults"), sizes=(30, 20, 20, 20))


Lie = Callable[["_Liar", Reply], Reply]


@dataclass
class _Liar:
    """One partner whose contributions are bent from its ``first`` on, ``times`` times.

    Attributes:
        seen: Its honest contributions, in order.
    """

    world: World
    lie: Lie
    first: int = 2
    times: int = 1
    seen: list[Reply] = field(default_factory=list)

    def bend_reply(self, name: str, reply: Reply) -> Reply:
        if name != LIAR or not reply.vector:
            return reply
        self.seen.append(reply)
        lies = self.first <= len(self.seen) < self.first + self.times
        return self.lie(self, reply) if lies else reply

    def said(self, reply: Reply) -> Contribution:
        return Contribution(**json.loads(parse_envelope(reply.answer).payload))

    def signed(self, reply: Reply, vector: bytes, **changes: str) -> Reply:
        """Return the reply with another vector, signed for as the partner would."""
        answer = replace(self.said(reply), vector_digest=digest(vector).hex(), **changes)
        key = self.world.nodes[LIAR].keys.identity
        envelope = sign(encode(answer), payload_type=answer.payload_type, keys=[key])
        return replace(reply, answer=envelope.to_bytes(), vector=vector)


def _events(world: World, event: str, run: str = "run-1") -> list[dict[str, object]]:
    lines = (world.server / "runs" / run / "events.jsonl").read_text().splitlines()
    return [told for told in map(json.loads, lines) if told["event"] == event]


def _faults(world: World) -> list[tuple[int, int, str]]:
    return [(row.round, row.attempt, row.fault) for row in world.audit().faults]


def _assert_true(world: World, *, releases: int) -> None:
    audit = world.audit()
    assert audit.findings == ()
    assert len(audit.releases) == releases
    for row in audit.partners:
        book = world.nodes[row.name].book
        assert (row.spends, row.price, row.open_runs) == (book.spends, book.spent, ())


def _other_transcript(liar: _Liar, reply: Reply) -> Reply:
    return liar.signed(reply, reply.vector, transcript=liar.said(liar.seen[0]).transcript)


def _same_round_of_the_run_before(before: list[Reply]) -> Lie:
    return lambda liar, _: before[len(liar.seen) - 1]


def test_a_contribution_with_another_transcript_is_not_counted(world: World) -> None:
    world.bend_reply = _Liar(world, _other_transcript).bend_reply
    world.train()
    (void,) = _events(world, "void")
    assert (void["missing"], void["fault"]) == ({LIAR: "EntryError"}, "none")
    assert _faults(world) == []  # nothing was opened
    _assert_true(world, releases=1)


def test_a_contribution_of_the_run_before_is_not_counted(world: World) -> None:
    before = _Liar(world, lambda _, reply: reply)
    world.bend_reply = before.bend_reply
    world.train("run-1")
    world.bend_reply = _Liar(world, _same_round_of_the_run_before(before.seen)).bend_reply
    world.train("run-2")
    (void,) = _events(world, "void", "run-2")
    assert void["missing"] == {LIAR: "EntryError"}
    _assert_true(world, releases=2)


def test_a_contribution_of_the_attempt_before_is_not_counted(world: World) -> None:
    lost = [False]
    liar = _Liar(world, lambda liar, _: liar.seen[1], first=3)

    def lose_one(name: str, delivery: Delivery) -> Delivery | None:
        lost[0] = lost[0] or (name == "p3" and len(liar.seen) == 2)
        return None if name == "p3" and len(liar.seen) == 2 else delivery

    world.bend, world.bend_reply = lose_one, liar.bend_reply
    with pytest.raises(RoundError, match="too few partners to go on without p1"):
        world.train()
    assert lost == [True]
    assert [event["missing"] for event in _events(world, "void")] == [
        {"p3": "no-reply"},
        {LIAR: "EntryError"},
    ]
    assert world.audit().findings == ()


def _replayed(liar: _Liar, reply: Reply) -> Reply:
    """Send the words of the round before, under a true answer to this one."""
    return liar.signed(reply, liar.seen[-2].vector)


def _absurd(liar: _Liar, reply: Reply) -> Reply:
    """Add a million billion to every entry, beneath the masks."""
    vector = np.full(len(reply.vector) // 8, 2**50, dtype="<i8").tobytes()
    return liar.signed(reply, sum_words([reply.vector, vector]))


def _largest(liar: _Liar, reply: Reply) -> Reply:
    vector = np.full(len(reply.vector) // 8, 2**62, dtype="<i8").tobytes()
    return liar.signed(reply, sum_words([reply.vector, vector]))


def _unmasked(liar: _Liar, reply: Reply) -> Reply:
    return liar.signed(reply, bytes(len(reply.vector)))


GROSS: dict[str, tuple[Lie, int]] = {
    "the round before's words": (_replayed, 3),  # rounds 2 and 3 are both gradients
    "far too large": (_absurd, 2),
    "as large as can be": (_largest, 2),
    "no masks": (_unmasked, 2),
    "too large, in the histogram": (_absurd, 1),
}


@pytest.mark.parametrize("name", GROSS)
def test_a_gross_error_voids_the_sum_is_logged_and_pauses_the_run(name: str, world: World) -> None:
    lie, at = GROSS[name]
    world.bend_reply = _Liar(world, lie, first=at).bend_reply
    with pytest.raises(RunPausedError, match="more than its capacity allows"):
        world.train()
    world.train()
    (void,) = _events(world, "void")
    assert (void["missing"], void["fault"]) == ({}, "gross-error")
    assert _faults(world) == [(at, 1, "gross-error")]
    assert [row.spends for row in world.audit().partners] == [10] * 4  # one more than rounds
    assert world.audit().cohort_changes == ()  # nobody can tell whose error it was
    _assert_true(world, releases=1)


def test_more_gross_errors_than_spare_attempts_end_the_run(world: World) -> None:
    world.bend_reply = _Liar(world, _absurd, times=99).bend_reply
    for _ in range(3):
        with pytest.raises(RunPausedError):
            world.train()
    with pytest.raises(RoundError, match="no attempt is left to spare"):
        world.train()
    assert _faults(world) == [(2, attempt, "gross-error") for attempt in (1, 2, 3)]
    assert [row.spends for row in world.audit().partners] == [4] * 4
    _assert_true(world, releases=0)


class _UnusableKeys(MaskKeys):
    """Has a partner sign for a point of low order."""

    def create(self, run: str) -> bytes:
        super().create(run)
        return bytes([1, *[0] * 31])


def test_a_partner_whose_mask_key_nobody_can_use_is_left_out_and_stops_nobody(
    world: World,
) -> None:
    masks = _UnusableKeys(world.settings(LIAR).state / "masks")
    world.nodes[LIAR] = replace(world.nodes[LIAR], masks=masks)
    world.train()
    (told,) = _events(world, "refused")
    assert (told["partner"], told["reason"]) == (LIAR, "mask key is not usable")
    audit = world.audit()
    assert audit.findings == ()
    assert [row.spends for row in audit.partners] == [9, 0, 9, 9]
    assert [release.not_closed_by for release in audit.releases] == [()]  # it is asked to, too


class _NoNoise:
    def draw(self, size: int) -> IntegerVector:
        return np.zeros(size, dtype=np.int64)


def _draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: Question, *, noise_multiplier: Fraction, sharing: Sharing) -> _NoNoise:
        return _NoNoise()

    monkeypatch.setattr("clients.partner.node.noise_for", nothing)


def test_noise_that_is_missing_everywhere_ends_the_run_and_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _draw_nothing(monkeypatch)
    with pytest.raises(MissingNoiseError, match="round 1 holds less noise"):
        world.train()
    assert _faults(world) == [(1, 1, "missing-noise")]
    assert [row.spends for row in world.audit().partners] == [1] * 4
    _assert_true(world, releases=0)


def test_a_run_that_ended_for_missing_noise_is_not_taken_up_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _draw_nothing(patch)
        with pytest.raises(MissingNoiseError):
            world.train()
    with pytest.raises(ConfigError, match="run-1 is over: a sum of it lacked noise"):
        world.train()
    assert [row.spends for row in world.audit().partners] == [1] * 4
    world.train("run-2")
    _assert_true(world, releases=1)
