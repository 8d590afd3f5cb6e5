"""Cohorts that shrink: an honest coordinator stops in time, and a greedy one gets nothing."""

import json
from collections.abc import Collection, Iterator, Mapping

import pytest

from protocols.contracts.orders import Delivery
from protocols.errors import RoundError, RunPausedError
from protocols.ledger.entry import RoundOpen, Step, entry_in
from protocols.ledger.envelope import parse_envelope
from server.run_state import RunState
from tests.simulator import World, found_world

ALL = ("p0", "p1", "p2", "p3", "p4", "p5")
SEVEN = (*ALL, "p6")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("shrinking")
    return found_world(folder, sizes=(30, 20, 20, 20, 20, 20), minimum_cohort=4)


@pytest.fixture(scope="module")
def seven_founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("seven"), sizes=(20,) * 7, minimum_cohort=4)


@pytest.fixture
def seven(seven_founded: World) -> Iterator[World]:
    """Seven partners, of whom three may leave, but not one after another."""
    fresh = seven_founded.forget()
    yield fresh
    fresh.close()


def _lose(world: World, lost: Mapping[Step, set[str]]) -> None:
    """Lose the orders of these attempts to these partners."""

    def bend(name: str, delivery: Delivery) -> Delivery | None:
        envelope = parse_envelope(delivery.order)
        if envelope.payload_type != RoundOpen.payload_type:
            return delivery
        entry = entry_in(envelope)
        assert isinstance(entry, RoundOpen)
        return None if name in lost.get(entry.step, ()) else delivery

    world.bend = bend


def _events(world: World, event: str) -> list[dict[str, object]]:
    lines = (world.server / "runs" / "run-1" / "events.jsonl").read_text().splitlines()
    return [told for told in map(json.loads, lines) if told["event"] == event]


def _changes(world: World) -> list[tuple[str, ...]]:
    return [change.left for change in world.audit().cohort_changes]


def _assert_true(world: World) -> None:
    audit = world.audit()
    assert audit.findings == ()
    for row in audit.partners:
        book = world.nodes[row.name].book
        assert (row.spends, row.price, row.open_runs) == (book.spends, book.spent, ())


def test_partners_lost_one_after_another_are_listed_by_the_auditor(world: World) -> None:
    _lose(world, {Step(2, 1): {"p5"}, Step(3, 1): {"p1"}})
    world.train()
    assert _changes(world) == [("p5",), ("p1",)]
    assert [row.spends for row in world.audit().partners] == [11, 3, 11, 11, 11, 1]
    _assert_true(world)


def test_partners_lost_together_are_one_change(world: World) -> None:
    _lose(world, {Step(2, 1): {"p5", "p1"}})
    world.train()
    assert _changes(world) == [("p1", "p5")]
    _assert_true(world)


def test_a_run_pauses_below_the_minimum_and_goes_on_when_the_lost_are_back(world: World) -> None:
    _lose(world, {Step(2, 1): {"p3", "p4", "p5"}})
    with pytest.raises(RunPausedError, match="p3, p4, p5"):
        world.train()
    world.train()
    assert _changes(world) == []
    assert [event["missing"] for event in _events(world, "void")] == [
        dict.fromkeys(("p3", "p4", "p5"), "no-reply")
    ]
    _assert_true(world)


def test_a_run_that_pauses_asks_no_partner_back_that_left_before(world: World) -> None:
    _lose(world, {Step(2, 1): {"p5"}, Step(3, 1): {"p2", "p3"}})
    with pytest.raises(RunPausedError, match="p2, p3"):
        world.train()
    world.train()
    assert _changes(world) == [("p5",)]
    _assert_true(world)


def _greedy(monkeypatch: pytest.MonkeyPatch, cohorts: Collection[tuple[str, ...]]) -> None:
    """Have the coordinator ask these cohorts in turn, whatever the charter says, and then stop."""
    left = iter(cohorts)
    monkeypatch.setattr(RunState, "resume", lambda *_: None)
    monkeypatch.setattr(RunState, "next_cohort", lambda *_: next(left, None))


GREED: dict[str, tuple[list[tuple[str, ...]], str, str]] = {
    "below the minimum": ([ALL, ALL[:3]], "cohort-too-small", "TermsError"),
    "one after another, below the minimum": (
        [ALL, ALL[:5], ALL[:4], ALL[:3]],
        "cohort-too-small",
        "TermsError",
    ),
    "back to all": ([ALL, ALL[:5], ALL], "cohort-changed", "CohortError"),
    "one for another": (
        [ALL, ALL[:5], (*ALL[:4], "p5")],
        "cohort-changed",
        "CohortError",
    ),
}


@pytest.mark.parametrize("name", GREED)
def test_a_cohort_that_must_not_be_is_refused_and_found_by_the_auditor(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohorts, word, kind = GREED[name]
    _greedy(monkeypatch, cohorts)
    with pytest.raises(RunPausedError):
        world.train()
    (void,) = _events(world, "void")
    missing = void["missing"]
    assert isinstance(missing, dict)
    # p5, which was not asked in between, cannot tell; the others do, so that no sum is opened.
    assert {missing[name] for name in cohorts[-1] if name != "p5"} == {word}
    audit = world.audit()
    assert kind in {found.kind for found in audit.findings}
    asked = len(cohorts) - 1
    assert [row.spends for row in audit.partners][:3] == [asked] * 3
    assert [world.nodes[name].book.spends for name in ALL[:3]] == [asked] * 3


def test_one_change_more_than_the_charters_is_refused_and_found_by_the_auditor(
    seven: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _greedy(monkeypatch, [SEVEN, SEVEN[:6], SEVEN[:5], SEVEN[:4]])
    with pytest.raises(RunPausedError):
        seven.train()
    (void,) = _events(seven, "void")
    assert void["missing"] == dict.fromkeys(SEVEN[:4], "cohort-changed")
    audit = seven.audit()
    assert "CohortError" in {found.kind for found in audit.findings}
    assert [row.spends for row in audit.partners] == [3, 3, 3, 3, 3, 2, 1]


def test_three_losses_end_a_run_of_two_spare_attempts(seven: World) -> None:
    _lose(seven, {Step(2, 1): {"p6"}, Step(2, 2): {"p5"}, Step(3, 1): {"p4"}})
    with pytest.raises(RoundError, match="no attempt is left"):
        seven.train()
    audit = seven.audit()
    assert audit.findings == ()
    assert _changes(seven) == [("p6",), ("p5",)]
