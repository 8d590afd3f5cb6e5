"""Where a run stands, folded from a log that an honest federation wrote."""

from dataclasses import replace

import pytest

from protocols.ledger.entry import GROSS_ERROR, Entry, RoundOpen, Step, parse_entry
from protocols.ledger.envelope import Envelope
from protocols.ledger.terms import Terms
from server.run_state import OpenedRound, RunState, run_state
from tests.adversarial.ledger.honest import (
    FOUR,
    GRADIENT,
    GRAM,
    HISTOGRAM,
    PARTNERS,
    PLAN,
    World,
    authorised,
    masked,
    started,
)

RUN = "run-1"


def _entries(world: World) -> list[tuple[Envelope, Entry]]:
    return [parse_entry(leaf) for leaf in world.leaves[1:]]


def _state(world: World, run: str = RUN) -> RunState:
    return run_state(_entries(world), run)


def _terms(world: World, **changes: int) -> Terms:
    return replace(world.terms, **changes)  # type: ignore[arg-type]


def _void(
    world: World, step: tuple[int, int], missing: str, cohort: tuple[str, ...] = FOUR
) -> None:
    order = world.order(RUN, step, GRAM, cohort)
    spends = [world.spend(name, order) for name in cohort if name != missing]
    world.close_round(order, spends, [missing])


def test_a_run_that_the_log_does_not_know_is_new() -> None:
    state = _state(masked(), "run-9")
    assert state == RunState()
    assert (state.next_step, state.repeated) == (Step(1, 1), 0)


def test_those_who_authorised_a_run_are_asked_first() -> None:
    world = masked()
    state = _state(world)
    assert set(state.authorisations) == set(FOUR)
    signed = {name: item.to_bytes() for name, item in state.authorisations.items()}
    assert set(signed.values()) == set(world.leaves[2::2])  # each after its epoch
    assert set(state.allowed) == set(FOUR)
    assert state.next_cohort(world.terms) == FOUR


def test_an_order_that_was_not_closed_waits() -> None:
    world = masked()
    world.round(RUN, (1, 1), HISTOGRAM, FOUR)
    world.order(RUN, (2, 1), GRAM, FOUR)
    state = _state(world)
    assert state.waiting is not None
    assert state.waiting[0].to_bytes() == world.leaves[-1]
    assert state.repeated == 0


def test_rounds_that_are_over_are_kept_in_order_with_their_cohorts() -> None:
    world = masked()
    world.round(RUN, (1, 1), HISTOGRAM, FOUR)
    _void(world, (2, 1), "east")
    world.round(RUN, (2, 2), GRAM, PARTNERS)
    state = _state(world)
    asked = [
        entry.parameters_digest for _, entry in _entries(world) if isinstance(entry, RoundOpen)
    ]
    assert state.rounds == [
        OpenedRound(FOUR, asked[0], "ee" * 32),
        OpenedRound(PARTNERS, asked[2], "ee" * 32),
    ]
    assert state.waiting is None
    assert state.next_step == Step(3, 1)


def test_a_void_attempt_is_repeated_under_the_next_number_without_who_was_missing() -> None:
    world = masked()
    world.round(RUN, (1, 1), HISTOGRAM, FOUR)
    _void(world, (2, 1), "east")
    state = _state(world)
    assert state.missing == ("east",)
    assert state.next_step == Step(2, 2)
    assert state.next_cohort(world.terms) == PARTNERS
    assert state.repeated == 1


def test_a_sum_with_a_fault_is_asked_again_of_everybody() -> None:
    world = masked()
    order = world.order(RUN, (1, 1), HISTOGRAM, FOUR)
    world.close_round(order, [world.spend(name, order) for name in FOUR], fault=GROSS_ERROR)
    state = _state(world)
    assert state.rounds == []
    assert state.next_step == Step(1, 2)
    assert state.next_cohort(world.terms) == FOUR
    assert state.repeated == 1


def test_repeated_attempts_of_all_rounds_add_up() -> None:
    world = masked(spare_attempts=9, most_cohort_changes=9)
    _void(world, (1, 1), "east")
    _void(world, (1, 2), "north", PARTNERS)
    world.round(RUN, (1, 3), GRAM, PARTNERS)
    _void(world, (2, 1), "north", PARTNERS)
    world.order(RUN, (2, 2), GRAM, PARTNERS)
    assert _state(world).repeated == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, PARTNERS), ({"most_cohort_changes": 0}, None), ({"minimum_cohort": 4}, None)],
)
def test_a_cohort_shrinks_only_as_far_and_as_often_as_the_charter_allows(
    changes: dict[str, int], expected: tuple[str, ...] | None
) -> None:
    world = masked()
    _void(world, (1, 1), "east")
    assert _state(world).next_cohort(_terms(world, **changes)) == expected


def test_a_change_that_was_made_is_not_made_again() -> None:
    world = masked(("beta", *FOUR))
    _void(world, (1, 1), "beta", ("beta", *FOUR))
    _void(world, (1, 2), "east", FOUR)
    state = _state(world)
    assert state.next_cohort(_terms(world, most_cohort_changes=1)) is None
    assert state.next_cohort(_terms(world, most_cohort_changes=2)) == PARTNERS


def test_a_run_that_is_resumed_asks_those_again_without_whom_it_cannot_go_on() -> None:
    world = masked()
    _void(world, (1, 1), "east")
    state = _state(world)
    terms = _terms(world, minimum_cohort=4)
    state.resume(terms)
    assert state.next_cohort(terms) == FOUR


def test_a_run_that_is_resumed_leaves_out_whom_it_can_do_without() -> None:
    world = masked()
    _void(world, (1, 1), "east")
    state = _state(world)
    state.resume(world.terms)
    assert state.next_cohort(world.terms) == PARTNERS


def test_what_is_said_of_other_runs_does_not_count() -> None:
    world = authorised(masked(), "run-2")
    world.round("run-2", (1, 1), HISTOGRAM, FOUR)
    world.order("run-2", (2, 1), GRAM, FOUR)
    world.release("run-2")
    state = _state(world)
    assert (state.rounds, state.waiting, state.release) == ([], None, None)
    released = _state(world, "run-2").release
    assert released is not None
    assert released[0].to_bytes() == world.leaves[-1]


def test_who_closed_a_run_is_remembered_and_nothing_else_changes() -> None:
    world = started()
    world.round(RUN, (1, 1), GRADIENT)
    before = _state(world)
    world.close_run("north", RUN)
    assert _state(world) == replace(before, closed_by={"north"})


def test_partners_that_allow_something_else_are_left_out() -> None:
    world = masked()
    state = _state(world)
    state.allowed[FOUR[0]] = replace(state.allowed[FOUR[0]], queries=PLAN[:1])
    assert state.leave_out_misfits(PLAN) == FOUR[:1]
    assert set(state.authorisations) == set(state.allowed) == set(FOUR[1:])
    assert state.next_cohort(world.terms) == FOUR[1:]


def test_partners_that_claim_one_mask_key_are_both_left_out() -> None:
    world = masked()
    state = _state(world)
    key = state.allowed[FOUR[0]].mask_key
    state.allowed[FOUR[1]] = replace(state.allowed[FOUR[1]], mask_key=key)
    assert state.leave_out_misfits(PLAN) == FOUR[:2]
    assert state.next_cohort(world.terms) == FOUR[2:]


def test_in_mode_local_nobody_has_a_mask_key_and_nobody_is_left_out() -> None:
    assert _state(started()).leave_out_misfits(PLAN) == ()
