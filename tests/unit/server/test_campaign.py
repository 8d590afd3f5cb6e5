"""A run as a whole: what is logged, summed and told, and how it ends."""

import json
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from clients.partner import node as node_module
from model.descent import Opened
from model.noise import IntegerNoise, IntegerVector
from model.queries.answer import noise_for
from model.queries.batch import Question
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import (
    ConfigError,
    ContractError,
    EntryError,
    MissingNoiseError,
    RoundError,
    RunPausedError,
)
from protocols.ledger.audit import CohortChange, FaultRow
from protocols.ledger.canonical import digest
from protocols.ledger.codec import decode, encode
from protocols.ledger.entry import (
    GROSS_ERROR,
    MISSING_NOISE,
    NO_ENTRY,
    NO_FAULT,
    NO_KEY,
    Authorise,
    RoundClose,
    RoundOpen,
    Step,
    entry_in,
    parse_entry,
)
from protocols.ledger.envelope import parse_envelope, sign
from protocols.ledger.keyfile import load_key
from protocols.ledger.messages import AskAuthorise
from protocols.ledger.sharing import Sharing
from server import campaign as campaign_module
from server.campaign import Campaign
from server.cohort import Gathered
from server.conduct import run_campaign
from server.ledger.scribe import Scribe
from tests.simulator import World, found_world

NAMES = ("p0", "p1", "p2")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("campaign"), sizes=(30, 20, 20), start=False)


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    """A federation that has never trained."""
    yield from _fresh(founded, NAMES)


@pytest.fixture(scope="module")
def founded_by_four(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("four")
    return found_world(folder, sizes=(30, 20, 20, 20), start=False)


@pytest.fixture
def four(founded_by_four: World) -> Iterator[World]:
    """One with a partner more than the charter's minimum cohort."""
    yield from _fresh(founded_by_four, (*NAMES, "p3"))


def _fresh(founded: World, names: Collection[str]) -> Iterator[World]:
    for pattern in ("*/*.sqlite*", "server/runs", "*/state"):
        for path in founded.folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    fresh = World(founded.folder)
    for name in names:
        fresh.restart(name)
    yield fresh
    for node in fresh.nodes.values():
        node.book.close_file()


def _events(world: World, run: str = "run-1") -> list[dict[str, object]]:
    lines = (world.server / "runs" / run / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _names(world: World) -> list[object]:
    return [event["event"] for event in _events(world)]


def _step(delivery: Delivery) -> Step | None:
    envelope = parse_envelope(delivery.order)
    entry = entry_in(envelope) if envelope.payload_type == RoundOpen.payload_type else None
    return entry.step if isinstance(entry, RoundOpen) else None


def _lose(world: World, partner: str, *steps: Step) -> None:
    """Lose the orders of these attempts on their way to a partner."""

    def bend(name: str, delivery: Delivery) -> Delivery | None:
        return None if name == partner and _step(delivery) in steps else delivery

    world.bend = bend


def _logged(world: World, kind: type) -> list[object]:
    lines = world.leaves()[1:]
    return [entry for entry in (parse_entry(line)[1] for line in lines) if isinstance(entry, kind)]


def _opened(world: World) -> list[RoundOpen]:
    return [entry for entry in _logged(world, RoundOpen) if isinstance(entry, RoundOpen)]


def _closed(world: World) -> list[RoundClose]:
    return [entry for entry in _logged(world, RoundClose) if isinstance(entry, RoundClose)]


def test_the_events_of_a_run_tell_it_from_beginning_to_end(world: World) -> None:
    world.train()
    events = _events(world)
    rounds = [event for event in events if event["event"] == "round"]
    assert _names(world) == [
        "waiting",
        "authorised",
        *["round"] * len(rounds),
        "closed",
        "released",
    ]
    assert events[0]["partners"] == events[1]["partners"] == events[-2]["partners"] == [*NAMES]
    assert events[0]["rounds"] == len(rounds)
    assert [event["round"] for event in rounds] == list(range(1, len(rounds) + 1))
    assert {event["attempt"] for event in rounds} == {1}
    queries = [event["query"] for event in rounds]
    assert (queries[0], queries[-1]) == ("histogram", "evaluation")
    assert (set(queries[1:-2]), queries[-2]) == ({"gradient"}, "calibration")
    latest = (world.server / "releases" / "latest").read_text()
    assert events[-1]["digest"] == latest
    times = [float(str(event["at"])) for event in events]
    assert times == sorted(times)


def test_the_opened_sum_is_the_sum_of_the_contributions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[bytes, list[Reply]] = {}
    opened: list[Opened] = []
    steps: list[float] = []
    by_order: list[bytes] = []
    exchange = world.exchange

    def watched(deliveries: Mapping[str, Delivery], *, deadline_s: float) -> dict[str, Reply]:
        replies = exchange(deliveries, deadline_s=deadline_s)
        for name, reply in replies.items():
            if reply.vector:
                sent.setdefault(deliveries[name].order, []).append(reply)
        if any(reply.vector for reply in replies.values()):
            by_order.append(next(iter(deliveries.values())).order)
        return replies

    original = campaign_module.Campaign._open_sum

    def noting(self: Campaign, question: Question, *others: object) -> Opened:
        answer = original(self, question, *others)  # type: ignore[arg-type]
        opened.append(answer)
        steps.append(question.clip.step)
        return answer

    monkeypatch.setattr(world, "exchange", watched)
    monkeypatch.setattr(campaign_module.Campaign, "_open_sum", noting)
    world.train()
    totals = [
        np.stack([np.frombuffer(reply.vector, dtype="<u8") for reply in sent[order]])
        .sum(axis=0)
        .view("<i8")  # modulo 2^64: the masks are gone
        for order in by_order
    ]
    assert len(totals) == len(opened) > 3
    for total, answer, step in zip(totals, opened, steps, strict=True):
        assert torch.equal(answer.values, torch.from_numpy(total).to(torch.float64) * step)
    assert [entry.sum_digest for entry in _closed(world)] == [
        digest(total.astype("<i8").tobytes()).hex() for total in totals
    ]


def test_a_partner_that_drops_out_is_left_out_and_the_run_goes_on(four: World) -> None:
    _lose(four, "p1", Step(2, 1))
    four.train()
    (void,) = [event for event in _events(four) if event["event"] == "void"]
    assert (void["round"], void["attempt"], void["missing"]) == (2, 1, {"p1": "no-reply"})
    cohorts = {entry.step: entry.cohort for entry in _opened(four)}
    left = ("p0", "p2", "p3")
    assert cohorts.pop(Step(1, 1)) == cohorts.pop(Step(2, 1)) == ("p0", "p1", "p2", "p3")
    assert set(cohorts.values()) == {left}
    assert Step(2, 2) in cohorts
    assert _names(four)[-1] == "released"
    audit = four.audit()
    assert audit.findings == ()
    assert audit.cohort_changes == (CohortChange("run-1", ("p1",)),)


def test_a_void_attempt_is_paid_for_by_those_who_answered_it(four: World) -> None:
    _lose(four, "p3", Step(2, 1))
    four.train()
    rounds = _names(four).count("round")
    spends = {name: node.book.spends for name, node in four.nodes.items()}
    assert spends == {"p0": rounds + 1, "p1": rounds + 1, "p2": rounds + 1, "p3": 1}


def test_a_void_attempt_is_logged_without_a_sum_and_with_who_was_missing(four: World) -> None:
    _lose(four, "p2", Step(2, 1))
    four.train()
    closed = _closed(four)
    (void,) = [entry for entry in closed if entry.sum_digest == NO_ENTRY]
    assert (void.step, void.missing, len(void.spends)) == (Step(2, 1), ("p2",), 3)
    assert (void.fault, void.contrasts, void.squares_milli) == (NO_FAULT, 0, 0)
    assert all(entry.is_complete for entry in closed if entry != void)


def test_the_sum_of_a_void_attempt_is_never_opened(
    four: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals: list[Gathered] = []
    original = Gathered.total

    def noting(self: Gathered) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        totals.append(self)
        return original(self)  # type: ignore[return-value]

    monkeypatch.setattr(Gathered, "total", noting)
    _lose(four, "p2", Step(2, 1))
    four.train()
    assert totals
    assert all(gathered.is_complete for gathered in totals)


def test_a_run_with_too_few_partners_is_paused_and_nobody_closes_it(world: World) -> None:
    _lose(world, "p2", Step(2, 1))
    with pytest.raises(RunPausedError, match="too few partners to go on without p2"):
        world.train()
    assert _names(world)[-2:] == ["void", "paused"]
    assert [node.book.open_runs for node in world.nodes.values()] == [("run-1",)] * 3
    assert len(_opened(world)) == 2  # nobody is asked the same again
    assert world.audit().findings == ()


def test_a_paused_run_goes_on_with_everybody_and_asks_no_round_twice(world: World) -> None:
    _lose(world, "p2", Step(2, 1))
    with pytest.raises(RunPausedError):
        world.train()
    world.train()
    steps = [entry.step for entry in _opened(world)]
    assert steps[:3] == [Step(1, 1), Step(2, 1), Step(2, 2)]
    assert [step.round for step in steps[2:]] == list(range(2, len(steps)))
    assert {entry.cohort for entry in _opened(world)} == {NAMES}
    audit = world.audit()
    assert audit.findings == ()
    assert len(audit.releases) == 1


def test_a_run_that_needs_a_partner_that_is_away_costs_nothing_when_it_is_resumed(
    world: World,
) -> None:
    _lose(world, "p2", Step(2, 1))
    with pytest.raises(RunPausedError):
        world.train()
    orders, away = len(_opened(world)), world.nodes.pop("p2")
    with pytest.raises(RunPausedError, match="not connected"):
        world.train()
    assert len(_opened(world)) == orders
    world.nodes["p2"] = away
    world.train()


def test_a_run_that_too_few_authorised_is_over(world: World) -> None:
    away = world.nodes.pop("p2")
    with pytest.raises(RoundError, match=r"runs/run-1/events\.jsonl has each one's reason"):
        world.train()
    world.nodes["p2"] = away
    with pytest.raises(ConfigError, match="run-1 is over: too few partners authorised it"):
        world.train()
    world.train("run-2")


def test_a_run_whose_sums_were_altered_meanwhile_does_not_go_on(world: World) -> None:
    _lose(world, "p2", Step(3, 1))
    with pytest.raises(RunPausedError):
        world.train()
    for path in (world.server / "runs" / "run-1" / "sums").glob("*.i64"):
        path.write_bytes(bytes(8))
    with pytest.raises(RoundError, match="altered on disk"):
        world.train()


def test_more_voids_than_spares_end_the_run_with_everybodys_close(world: World) -> None:
    _lose(world, "p2", *[Step(2, attempt) for attempt in range(1, 9)])
    spare = world.nodes["p0"].terms.spare_attempts
    for _ in range(spare):
        with pytest.raises(RunPausedError):
            world.train()
    with pytest.raises(RoundError, match="no attempt is left to spare"):
        world.train()
    assert _names(world).count("void") == spare + 1
    assert _events(world)[-1]["event"] == "closed"
    assert _events(world)[-1]["partners"] == [*NAMES]
    audit = world.audit()
    assert audit.findings == ()
    assert [row.open_runs for row in audit.partners] == [()] * 3
    assert not audit.releases


def test_spares_are_for_the_run_and_not_for_the_round(world: World) -> None:
    _lose(world, "p2", Step(2, 1), Step(3, 1), Step(4, 1))
    for _ in range(2):
        with pytest.raises(RunPausedError):
            world.train()
    with pytest.raises(RoundError, match="no attempt is left"):
        world.train()


def test_a_run_that_has_its_release_is_not_taken_up_again(world: World) -> None:
    world.train()
    world.deliveries.clear()
    with pytest.raises(ConfigError, match="run-1 has its release already"):
        world.train()
    assert world.deliveries == []


def test_a_run_is_not_taken_up_again_with_another_budget(world: World) -> None:
    _lose(world, "p2", Step(2, 1))
    with pytest.raises(RunPausedError):
        world.train()
    settings = world.server / "server.toml"
    text = settings.read_text()
    settings.write_text(text.replace("run_epsilon_micro = 2000000", "run_epsilon_micro = 1000000"))
    try:
        with pytest.raises(ConfigError, match="set run_epsilon_micro back"):
            world.train()
    finally:
        settings.write_text(text)
    assert len(_opened(world)) == 2
    world.train()  # nobody closed it


def test_a_run_that_its_partners_closed_is_not_taken_up_again(world: World) -> None:
    _lose(world, "p2", Step(2, 1))
    with pytest.raises(RunPausedError):
        world.train()
    world.bend, world.bend_reply = World.bend, World.bend_reply
    world.train("run-2")  # whoever authorises it closes the one before
    spends = [row.spends for row in world.audit().partners]
    with pytest.raises(ConfigError, match="run-1 is over"):
        world.train()
    audit = world.audit()
    assert audit.findings == ()
    assert [row.spends for row in audit.partners] == spends


def test_a_partner_that_authorises_something_else_is_left_out(four: World) -> None:
    def bend(name: str, delivery: Delivery) -> Delivery:
        return _asked_half(four, delivery) if name == "p1" else delivery

    four.bend = bend
    four.train()
    audit = four.audit()
    assert [row.spends > 0 for row in audit.partners] == [True, False, True, True]
    assert {order.cohort for order in _opened(four)} == {("p0", "p2", "p3")}
    assert [row.open_runs for row in audit.partners] == [
        ()
    ] * 4  # it is asked to close all the same


def _asked_half(world: World, delivery: Delivery) -> Delivery:
    """Ask for a part of the plan, as a partner would that signs something else."""
    envelope = parse_envelope(delivery.order)
    if envelope.payload_type != AskAuthorise.payload_type:
        return delivery
    ask = decode(AskAuthorise, envelope.payload)
    key = load_key(world.server / "keys" / "order.pem")
    half = encode(replace(ask, queries=ask.queries[:1]))
    order = sign(half, payload_type=ask.payload_type, keys=[key])
    return replace(delivery, order=order.to_bytes())


class _Fixed:
    """Adds the same to every entry of the first ``times`` sums, and then true noise."""

    def __init__(self, value: int, times: int) -> None:
        self._value, self._times = value, times

    def __call__(
        self, question: Question, *, noise_multiplier: Fraction, sharing: Sharing
    ) -> IntegerNoise:
        self._times -= 1
        if self._times < 0:
            return noise_for(question, noise_multiplier=noise_multiplier, sharing=sharing)
        return self

    def draw(self, size: int) -> IntegerVector:
        return np.full(size, self._value, dtype=np.int64)


def test_a_sum_without_noise_ends_the_run_and_is_logged_as_a_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "noise_for", _Fixed(0, times=3))
    with pytest.raises(MissingNoiseError, match="round 1 holds less noise"):
        world.train()
    (closed,) = _closed(world)
    assert (closed.fault, closed.missing, closed.squares_milli) == (MISSING_NOISE, (), 0)
    assert closed.contrasts > 0
    audit = world.audit()
    assert audit.findings == ()
    assert audit.faults == (FaultRow("run-1", 1, 1, MISSING_NOISE),)
    assert [row.open_runs for row in audit.partners] == [()] * 3


def test_a_grossly_wrong_sum_is_asked_again_of_the_same_cohort(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "noise_for", _Fixed(2**50, times=1))
    with pytest.raises(RunPausedError, match="find out which"):
        world.train()
    world.train()
    first, second, *_ = _closed(world)
    assert (first.step, first.fault, first.missing) == (Step(1, 1), GROSS_ERROR, ())
    assert (second.step, second.fault) == (Step(1, 2), NO_FAULT)
    assert {entry.cohort for entry in _opened(world)} == {NAMES}
    audit = world.audit()
    assert audit.findings == ()
    assert audit.faults == (FaultRow("run-1", 1, 1, GROSS_ERROR),)


def test_too_few_authorisations_end_the_run_before_anything_is_asked(world: World) -> None:
    world.bend = lambda name, delivery: None if name == "p1" else delivery
    with pytest.raises(RoundError, match="2 partners authorised the run, the charter asks for 3"):
        world.train()
    assert _names(world) == ["waiting", "authorised", "closed"]
    assert {node.book.spends for node in world.nodes.values()} == {0}
    assert [node.book.open_runs for node in world.nodes.values()] == [()] * 3
    assert world.audit().findings == ()


def test_alone_contributions_are_noised_whole_and_not_masked(tmp_path: Path) -> None:
    world = found_world(tmp_path, sizes=(30, 20), mode="local")
    world.train()
    assert not list(world.folder.glob("*/state/masks/*"))
    promises = [entry for entry in _logged(world, Authorise) if isinstance(entry, Authorise)]
    assert [entry.mask_key for entry in promises] == [NO_KEY] * 2
    assert world.audit().findings == ()


def test_a_partner_that_is_offline_is_left_out_when_the_minimum_cohort_allows(
    tmp_path: Path,
) -> None:
    world = found_world(tmp_path, sizes=(30, 20, 20, 20))
    world.nodes.pop("p3").book.close_file()
    world.train()
    events = _events(world)
    told = [event["reason"] for event in events if event["event"] == "not-connected"]
    assert len(told) == 1
    assert "p3" in str(told[0])
    assert events[2]["partners"] == [*NAMES]
    assert {entry.cohort for entry in _opened(world)} == {NAMES}
    world.restart("p3")
    audit = world.audit()
    assert audit.findings == ()
    assert {row.name: row.spends for row in audit.partners}["p3"] == 0


def test_a_partner_that_joins_late_takes_part_in_the_next_run(tmp_path: Path) -> None:
    world = found_world(tmp_path, sizes=(30, 20, 20, 20))
    world.nodes.pop("p3").book.close_file()
    world.train("run-1")
    world.restart("p3")
    world.train("run-2")
    assert world.nodes["p3"].book.spends > 0
    assert world.audit().findings == ()


def test_every_order_is_logged_before_it_is_sent(world: World) -> None:
    seen: list[bool] = []

    def look(_: str, delivery: Delivery) -> Delivery:
        if _step(delivery):
            seen.append(delivery.order in world.leaves())
        return delivery

    world.bend = look
    world.train()
    assert seen
    assert all(seen)


@pytest.mark.parametrize("run", ["", "../run", "a/b", "run 1", "x" * 300])
def test_a_run_without_a_plain_name_is_refused_and_makes_no_folder(run: str, world: World) -> None:
    before = sorted(world.server.rglob("*"))
    with pytest.raises(EntryError):
        world.train(run)
    assert sorted(world.server.rglob("*")) == before
    assert world.deliveries == []


def test_a_contract_that_was_changed_after_signing_starts_no_run(tmp_path: Path) -> None:
    world = found_world(tmp_path, sizes=(30, 20, 20))
    contract = world.server / "contract.toml"
    contract.write_text(contract.read_text().replace("Monthly income", "Yearly income"))
    with pytest.raises(ContractError, match="that the charter names"):
        world.train()
    assert world.deliveries == []


def test_deadlines_of_the_settings_reach_the_transport(world: World) -> None:
    seen: list[float] = []

    class Watching:
        def wait_online(self, partners: Collection[str], *, deadline_s: float) -> None:
            seen.append(deadline_s)

        def exchange(
            self, deliveries: Mapping[str, Delivery], *, deadline_s: float
        ) -> dict[str, Reply]:
            seen.append(deadline_s)
            return {}

    with pytest.raises(RoundError, match="0 partners"):
        run_campaign(world.server / "server.toml", "run-1", Watching())
    assert seen == [60.0, 10.0, 10.0]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_told_to_end_while_it_logs_leaves_no_entry_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    world = found_world(tmp_path, sizes=(30, 20, 20))
    append, calls = Scribe.append, []

    def interrupted(self: Scribe, leaves: Sequence[bytes]) -> int:
        calls.append(leaves)
        if len(calls) == 4 and when == "before":
            raise SystemExit(143)
        first = append(self, leaves)
        if len(calls) == 4:
            raise SystemExit(143)
        return first

    monkeypatch.setattr(Scribe, "append", interrupted)
    with pytest.raises(SystemExit):
        world.train()
    monkeypatch.undo()
    assert world.audit().findings == ()
    world.train("run-2")
    assert world.audit().findings == ()
