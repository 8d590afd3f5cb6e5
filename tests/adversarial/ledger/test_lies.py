"""Every lie that a signer can tell in the log has an error class of its own.

The coordinator holds the log's key, so each of these logs has a valid checkpoint: what gives
the lie away is what the entries say.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from protocols.ledger.audit import CohortChange, FaultRow
from protocols.ledger.entry import (
    GROSS_ERROR,
    MISSING_NOISE,
    NO_KEY,
    Mechanism,
    PlannedQuery,
    Step,
)
from tests.adversarial.ledger.honest import (
    FOUR,
    GRADIENT,
    GRAM,
    HISTOGRAM,
    MASKED,
    PARTNERS,
    World,
    authorised,
    charter_table,
    claiming,
    masked,
    public_mask_key,
    started,
    trained,
)

_WEAK = Mechanism("gram", "4.999")
_OTHER = Mechanism("gram", "30.6")


def _ordered() -> tuple[World, str]:
    world = started()
    return world, world.order("run-1", (1, 1), HISTOGRAM, PARTNERS)


def _spent() -> tuple[World, str, list[str]]:
    world, order = _ordered()
    return world, order, [world.spend(name, order) for name in PARTNERS]


def _authorise(**bend: object) -> Callable[[], World]:
    def told() -> World:
        world = World()
        world.authorise("north", "run-1", **bend)
        return world

    return told


def _order(**bend: object) -> Callable[[], World]:
    def told() -> World:
        world = started()
        world.order("run-1", (1, 1), HISTOGRAM, PARTNERS, **bend)
        return world

    return told


def _spend(**bend: object) -> Callable[[], World]:
    def told() -> World:
        world, order = _ordered()
        world.spend("north", order, **bend)
        return world

    return told


def _close(**bend: object) -> Callable[[], World]:
    def told() -> World:
        world, order, spends = _spent()
        world.close_round(order, spends, **bend)
        return world

    return told


def _run_close(**bend: object) -> Callable[[], World]:
    def told() -> World:
        world, _, _ = _spent()
        world.close_run("north", "run-1", **bend)
        return world

    return told


def _authorise_twice() -> World:
    world = started()
    world.most["north", "run-1"] *= 2
    price = world.price(world.most["north", "run-1"])
    world.most["north", "run-1"] /= 2
    world.authorise("north", "run-1", most=price)
    return world


def _order_of_an_unknown_partner() -> World:
    world = started()
    world.order("run-1", (1, 1), HISTOGRAM, ("mallory", "north"))
    return world


def _weak_order() -> World:
    world = started()
    world.order("run-1", (1, 1), _WEAK, PARTNERS)
    return world


def _small_cohort() -> World:
    world = started()
    world.order("run-1", (1, 1), HISTOGRAM, ("north",))
    return world


def _steps_go_back(step: tuple[int, int]) -> Callable[[], World]:
    def told() -> World:
        world = started()
        world.order("run-1", (2, 2), HISTOGRAM, PARTNERS)
        world.order("run-1", step, HISTOGRAM, PARTNERS)
        return world

    return told


def _spend_without_authorisation() -> World:
    world = World()
    world.spend("north", world.order("run-1", (1, 1), HISTOGRAM, PARTNERS))
    return world


def _spend_before_authorisation() -> World:
    world = World()
    order = world.order("run-1", (1, 1), HISTOGRAM, PARTNERS)
    world.spend("north", order)
    world.authorise("north", "run-1")
    world.witness()
    return world


def _spend_before_its_order() -> World:
    world, order = _ordered()
    world.spend("north", order)
    world.leaves[-1], world.leaves[-2] = world.leaves[-2], world.leaves[-1]
    return world


def _spend_of_a_partner_not_asked() -> World:
    world = started()
    world.spend("west", world.order("run-1", (1, 1), HISTOGRAM, ("north", "south")))
    return world


def _two_spends_in_one_step() -> World:
    world, order = _ordered()
    world.spend("north", order)
    world.spend("north", order)
    return world


def _spend_after_the_run_close() -> World:
    world, order = _ordered()
    world.close_run("north", "run-1")
    world.spend("north", order)
    return world


def _spend_with_other_noise() -> World:
    world = started()
    world.spend("north", world.order("run-1", (1, 1), _OTHER, PARTNERS))
    return world


def _more_attempts_than_authorised() -> World:
    world = started()
    for attempt in (1, 2, 3):
        world.round("run-1", (1, attempt), HISTOGRAM)
    world.round("run-1", (2, 1), GRAM)
    world.spend("north", world.order("run-1", (2, 2), GRAM, PARTNERS))
    return world


def _close_before_the_order() -> World:
    world, order, spends = _spent()
    world.close_round(order, spends)
    world.leaves.insert(1, world.leaves.pop())
    return world


def _close_twice() -> World:
    world, order, spends = _spent()
    world.close_round(order, spends)
    world.close_round(order, spends)
    return world


def _complete_without_a_spend() -> World:
    world, order, spends = _spent()
    world.close_round(order, spends[:2])
    return world


def _complete_before_the_last_spend() -> World:
    world, order, spends = _spent()
    world.close_round(order, spends)
    world.leaves[-1], world.leaves[-2] = world.leaves[-2], world.leaves[-1]
    return world


def _void_though_all_arrived() -> World:
    world, order, spends = _spent()
    world.close_round(order, spends, ["south"])
    return world


def _void_by_somebody_not_asked() -> World:
    world, order, spends = _spent()
    world.close_round(order, spends, ["mallory"])
    return world


def _old_spends_for_a_new_update() -> World:
    world, order, spends = _spent()
    world.close_round(order, spends)
    second = world.order("run-1", (2, 1), GRAM, PARTNERS)
    world.close_round(second, spends)
    return world


def _old_spends_in_a_void_round() -> World:
    world, order, spends = _spent()
    world.close_round(order, spends)
    second = world.order("run-1", (2, 1), GRAM, PARTNERS)
    world.close_round(second, spends, PARTNERS)
    return world


def _unknown_spend_in_a_void_round() -> World:
    world, order = _ordered()
    world.close_round(order, ["ab" * 32], PARTNERS)
    return world


def _run_close_twice() -> World:
    world, _, _ = _spent()
    world.close_run("north", "run-1")
    world.close_run("north", "run-1")
    return world


def _run_close_without_authorisation() -> World:
    world = World()
    world.close_run("north", "run-1")
    return world


def _release_of_nothing() -> World:
    world = started()
    world.release("run-7")
    return world


def _second_charter() -> World:
    world = started()
    world.leaves.append(world.leaves[0])
    return world


def _first_leaf_is_no_charter() -> World:
    world = started()
    del world.leaves[0]
    return world


def _another_charter_first() -> World:
    world = started()
    world.leaves[0] = World(charter_table(most_rounds=21)).leaves[0]
    return world


def _entries_under_another_charter() -> World:
    other = World(charter_table(most_rounds=21))
    other.authorise("north", "run-1")
    world = World()
    world.leaves.append(other.leaves[-1])
    return world


def _not_an_entry() -> World:
    world = started()
    world.leaves.append(b"{}")
    return world


def _empty_log() -> World:
    world = World()
    world.leaves.clear()
    return world


def _replayed_spend() -> World:
    world, _, _ = _spent()
    world.leaves.append(world.leaves[-1])
    return world


def _dropped_spend() -> World:
    world = started()
    first = world.order("run-1", (1, 1), HISTOGRAM, PARTNERS)
    world.spend("north", first)
    dropped = len(world.leaves) - 1
    world.spend("north", world.order("run-1", (1, 2), HISTOGRAM, PARTNERS))
    del world.leaves[dropped]
    return world


def _two_spends_swapped() -> World:
    world = started()
    orders = [world.order("run-1", (1, n), HISTOGRAM, PARTNERS) for n in (1, 2)]
    for order in orders:
        world.spend("north", order)
    world.leaves[-1], world.leaves[-2] = world.leaves[-2], world.leaves[-1]
    return world


def _forked_chain() -> World:
    world, order = _ordered()
    before = world.last["north"]
    world.spend("north", order)
    world.last["north"] = (world.last["north"][0], before[1])
    world.close_run("north", "run-1")
    return world


def _over_the_cap() -> World:
    world = World(charter_table(released_cap_micro=100_000))
    world.authorise("north", "run-1")
    return world


def _over_the_other_cap() -> World:
    world = World(charter_table(worst_cap_micro=100_000))
    world.authorise("north", "run-1")
    return world


def _over_the_cap_for_a_while() -> World:
    world = _over_the_cap()
    world.close_run("north", "run-1")
    return world


def _in_the_name_of(signer: str) -> Callable[[], World]:
    def told() -> World:
        world = started()
        order = world.order("run-1", (1, 1), HISTOGRAM, PARTNERS)
        world.spend(signer, order, key="north")
        return world

    return told


def _order_by_a_partner() -> World:
    world = started()
    link = world.link("north", "run-1")
    world.order("run-1", (1, 1), HISTOGRAM, PARTNERS, link=link, key="north")
    return world


def _another_cohort(cohort: tuple[str, ...]) -> Callable[[], World]:
    def told() -> World:
        world = masked()
        world.spend("north", world.order("run-1", (1, 1), HISTOGRAM, FOUR), cohort=cohort)
        return world

    return told


def _orders_to(*cohorts: tuple[str, ...], changes: int = 1) -> Callable[[], World]:
    """The coordinator orders one round after another, and nobody answers."""

    def told() -> World:
        world = masked(_FIVE, most_cohort_changes=changes)
        for number, cohort in enumerate(cohorts, start=1):
            world.order("run-1", (number, 1), GRADIENT, cohort)
        return world

    return told


def _whole_rounds_with(*cohorts: tuple[str, ...]) -> Callable[[], World]:
    def told() -> World:
        world = masked(_FIVE)
        for number, cohort in enumerate(cohorts, start=1):
            world.round("run-1", (number, 1), GRADIENT, cohort)
        return world

    return told


def _masked_authorise(**bend: object) -> Callable[[], World]:
    def told() -> World:
        world = World(charter_table(FOUR, **MASKED))
        world.authorise("north", "run-1", **bend)
        return world

    return told


def _mask_key_of_an_earlier_run() -> World:
    world = World(charter_table(FOUR, **MASKED))
    world.authorise("north", "run-1")
    world.close_run("north", "run-1")
    world.authorise("north", "run-2", mask_key=public_mask_key("north", "run-1"))
    return world


def _masked_spend(**bend: object) -> Callable[[], World]:
    def told() -> World:
        world = masked(max_lenders_per_borrower=2)
        world.spend("north", world.order("run-1", (1, 1), HISTOGRAM, FOUR), **bend)
        return world

    return told


def _release_of_a_sum_with_a_fault(fault: str) -> Callable[[], World]:
    def told() -> World:
        world = masked()
        order = world.order("run-1", (1, 1), HISTOGRAM, FOUR)
        world.close_round(order, [world.spend(name, order) for name in FOUR], fault=fault)
        world.release("run-1")
        return world

    return told


def _fault_without_all_spends() -> World:
    world = masked()
    order = world.order("run-1", (1, 1), HISTOGRAM, FOUR)
    spends = [world.spend(name, order) for name in PARTNERS]
    world.close_round(order, spends, fault=GROSS_ERROR)
    return world


def _person_as_alone() -> World:
    world = masked()
    order = world.order("run-1", (1, 1), HISTOGRAM, FOUR)
    alone = World().price(1 / Fraction(HISTOGRAM.noise_multiplier) ** 2)
    world.spend("north", order, spent=claiming(person_micro=alone.person_micro))
    return world


def _over_the_worst_cap_alone() -> World:
    """Both caps are the same: what is within one for users is over the other for colluders."""
    released = masked().audit().partners[0].price.released_micro
    return masked(FOUR, released_cap_micro=released, worst_cap_micro=released)


_FIVE = (*FOUR, "zeal")
_THREE = FOUR[:3]
_STEP = Step(1, 2)
_CLAIMS = (
    ("authorised", _authorise, "most"),
    ("spent", _spend, "spent"),
    ("closed", _run_close, "spent"),
)
_LESS = {
    "released_micro": 1,
    "worst_micro": 1,
    "person_micro": (1,) * 5,
    "person_worst_micro": (1,) * 5,
}
_LIES: dict[str, tuple[Callable[[], World], str]] = {
    # The log's shape.
    "second charter": (_second_charter, "PolicyError"),
    "no charter first": (_first_leaf_is_no_charter, "PolicyError"),
    "another charter first": (_another_charter_first, "PolicyError"),
    "empty log": (_empty_log, "PolicyError"),
    "entry under another charter": (_entries_under_another_charter, "PolicyError"),
    "no entry": (_not_an_entry, "EntryError"),
    # Who says it.
    "spend signed by the coordinator": (_spend(key="order"), "ForeignKeyError"),
    "spend signed by another partner": (_spend(key="south"), "ForeignKeyError"),
    "order signed by the log": (_order(key="log"), "ForeignKeyError"),
    "spend of a stranger": (_in_the_name_of("mallory"), "RoleError"),
    "spend of the coordinator": (_in_the_name_of("coordinator"), "RoleError"),
    "order by a partner": (_order_by_a_partner, "RoleError"),
    # In which order.
    "replayed spend": (_replayed_spend, "ReplayError"),
    "forked chain": (_forked_chain, "ChainError"),
    "two authorisations": (_authorise_twice, "TurnError"),
    "steps stand still": (_steps_go_back((2, 2)), "TurnError"),
    "attempt goes back": (_steps_go_back((2, 1)), "TurnError"),
    "round goes back": (_steps_go_back((1, 9)), "TurnError"),
    "spend before its order": (_spend_before_its_order, "UnknownOrderError"),
    "two spends in one step": (_two_spends_in_one_step, "TurnError"),
    "spend after the run-close": (_spend_after_the_run_close, "TurnError"),
    "round-close twice": (_close_twice, "TurnError"),
    "run-close twice": (_run_close_twice, "TurnError"),
    # Within the charter.
    "order with weak noise": (_weak_order, "WeakNoiseError"),
    "small cohort": (_small_cohort, "TermsError"),
    "order to a stranger": (_order_of_an_unknown_partner, "TermsError"),
    "weak noise authorised": (
        _authorise(queries=(PlannedQuery(_WEAK, 1),), spare_attempts=0),
        "WeakNoiseError",
    ),
    "too many rounds": (_authorise(queries=(PlannedQuery(GRADIENT, 21),)), "TermsError"),
    "rounds of all queries together": (
        _authorise(queries=(PlannedQuery(GRADIENT, 10), PlannedQuery(GRAM, 11))),
        "TermsError",
    ),
    "too many spares": (_authorise(spare_attempts=4), "TermsError"),
    "other code": (_authorise(code_digest="c1" * 32), "TermsError"),
    "small cohort under a mask": (_orders_to(FOUR[:2]), "TermsError"),
    "no mask key where noise is shared": (_masked_authorise(mask_key=NO_KEY), "TermsError"),
    "a mask key where nothing is masked": (_authorise(mask_key="ab" * 32), "TermsError"),
    # A cohort only shrinks.
    "a partner is back": (_orders_to(_FIVE, FOUR, _FIVE, changes=9), "CohortError"),
    "a partner joins late": (_orders_to(FOUR, _FIVE), "CohortError"),
    "partners swapped": (_orders_to(FOUR, (*_THREE, "zeal")), "CohortError"),
    "more changes than allowed": (_orders_to(_FIVE, FOUR, _THREE), "CohortError"),
    "a change where none is allowed": (_orders_to(_FIVE, FOUR, changes=0), "CohortError"),
    "whole rounds of a cohort that grew": (_whole_rounds_with(FOUR, _FIVE), "CohortError"),
    # Within the authorisation.
    "unauthorised run": (_spend_without_authorisation, "AuthorisationError"),
    "spend before authorise": (_spend_before_authorisation, "AuthorisationError"),
    "other noise": (_spend_with_other_noise, "AuthorisationError"),
    "too many attempts": (_more_attempts_than_authorised, "AuthorisationError"),
    "mask key of an earlier run": (_mask_key_of_an_earlier_run, "AuthorisationError"),
    "run-close of an unauthorised run": (_run_close_without_authorisation, "AuthorisationError"),
    # Spends and their orders.
    "spend with another mechanism": (_spend(mechanism=GRAM), "OrderMismatchError"),
    "spend with another step": (_spend(step=_STEP), "OrderMismatchError"),
    "spend with a smaller cohort than its order": (_another_cohort(_THREE), "OrderMismatchError"),
    "spend with strangers in its cohort": (
        _another_cohort((*FOUR, "yonder")),
        "OrderMismatchError",
    ),
    "spend of a partner not asked": (_spend_of_a_partner_not_asked, "OrderMismatchError"),
    "round-close of another step": (_close(step=_STEP), "OrderMismatchError"),
    # How it ended.
    "complete without a spend": (_complete_without_a_spend, "RoundCloseError"),
    "complete before the last spend": (_complete_before_the_last_spend, "RoundCloseError"),
    "void though all arrived": (_void_though_all_arrived, "RoundCloseError"),
    "void by somebody not asked": (_void_by_somebody_not_asked, "RoundCloseError"),
    "old spends for a new update": (_old_spends_for_a_new_update, "RoundCloseError"),
    "old spends in a void round": (_old_spends_in_a_void_round, "RoundCloseError"),
    "unknown spend in a void round": (_unknown_spend_in_a_void_round, "RoundCloseError"),
    "fault of a sum without all spends": (_fault_without_all_spends, "RoundCloseError"),
    "one spend fewer": (_run_close(spends=0), "RunCloseError"),
    "one spend more": (_run_close(spends=2), "RunCloseError"),
    "release of a sum with gross errors": (
        _release_of_a_sum_with_a_fault(GROSS_ERROR),
        "UnknownRunError",
    ),
    "release of a sum without noise": (
        _release_of_a_sum_with_a_fault(MISSING_NOISE),
        "UnknownRunError",
    ),
    "release of an unknown run": (_release_of_nothing, "UnknownRunError"),
    # What it costs.
    "over the released cap": (_over_the_cap, "CapError"),
    "over the worst cap": (_over_the_other_cap, "CapError"),
    "over the worst cap where noise is shared": (_over_the_worst_cap_alone, "CapError"),
    "over the cap for a while": (_over_the_cap_for_a_while, "CapError"),
    "shared noise priced as if it were one's own": (
        _masked_spend(spent=lambda claimed: replace(claimed, worst_micro=claimed.released_micro)),
        "PriceError",
    ),
    "a person priced as if it were a borrower": (
        _masked_spend(
            spent=lambda claimed: replace(claimed, person_micro=claimed.person_micro[:1] * 5)
        ),
        "PriceError",
    ),
    "a person under one noise priced as under several": (_person_as_alone, "PriceError"),
    **{
        f"{said} for less in the view {view}": (
            told(**{member: claiming(**{view: to})}),
            "PriceError",
        )
        for said, told, member in _CLAIMS
        for view, to in _LESS.items()
    },
}


# What follows from a lie: some of those who signed had seen another log, or more of this one.
_FOLLOWS = {
    "no charter first": {"RollbackError"},
    "another charter first": {"SplitViewError"},
    "complete before the last spend": {"RollbackError"},
}
_SEEN = {"RollbackError", "SplitViewError", "WitnessError", "PinError"}


@pytest.mark.parametrize("name", _LIES)
def test_a_lie_is_found_and_called_by_its_name(name: str) -> None:
    told, kind = _LIES[name]
    assert told().kinds() == {kind} | _FOLLOWS.get(name, set())


def test_what_follows_is_of_lies_that_are_told_here() -> None:
    assert set(_FOLLOWS) <= set(_LIES)


def test_a_dropped_spend_leaves_a_gap_that_its_signer_did_not_make() -> None:
    # The next claim counts the spend, and the coordinator's next order was made after it.
    assert _dropped_spend().kinds() == {"GapError", "PriceError", "RollbackError"}


def test_swapped_spends_break_the_chain() -> None:
    assert _two_spends_swapped().kinds() == {"GapError", "ChainError", "PriceError"}


def test_a_round_close_before_its_order_is_out_of_turn() -> None:
    # Every leaf after it has moved, so that nobody has seen this log.
    assert (
        _close_before_the_order().kinds() == {"UnknownOrderError", "GapError", "ChainError"} | _SEEN
    )


def test_every_leaf_dropped_from_a_whole_history_is_missed() -> None:
    world = trained()
    for index in range(len(world.leaves)):
        kinds = world.kinds(_without(world, index))
        assert "RollbackError" in kinds, f"leaf {index} was dropped and no witness noticed"


def test_every_leaf_dropped_is_missed_by_its_signer_though_nobody_had_seen_it() -> None:
    world = trained()
    # The last four end their signers' chains: a log that never had them looks the same.
    for index in range(len(world.leaves) - 4):
        kinds = world.kinds(_without(world, index))
        assert kinds - _SEEN, f"leaf {index} was dropped and nobody noticed"


def _without(world: World, index: int) -> list[bytes]:
    return world.leaves[:index] + world.leaves[index + 1 :]


def test_all_lies_are_listed_and_not_the_first_alone() -> None:
    world, order = _ordered()
    world.spend("north", order, spent=claiming(released_micro=1))
    world.release("run-7")
    world.order("run-1", (2, 1), _WEAK, PARTNERS)
    assert world.kinds() == {"PriceError", "UnknownRunError", "WeakNoiseError"}
    places = [item.where for item in world.audit().findings]
    assert places == ["leaf 8", "leaf 9", "leaf 10"]


def test_what_breaks_a_rule_is_priced_all_the_same() -> None:
    world = _two_spends_in_one_step()
    (north, *_) = world.audit().partners
    assert north.spends == 2


@pytest.mark.parametrize(
    ("off", "kinds"),
    [(0, set()), (1, set()), (-1, set()), (2, {"PriceError"}), (-2, {"PriceError"})],
)
def test_one_micro_more_or_less_is_rounding_and_two_are_not(off: int, kinds: set[str]) -> None:
    world, order = _ordered()
    micro = world.price(1 / Fraction(HISTOGRAM.noise_multiplier) ** 2).released_micro
    world.spend("north", order, spent=claiming(released_micro=micro + off))
    assert world.kinds() == kinds


def test_a_release_that_nobody_authorised_is_found_though_it_had_an_order() -> None:
    world = trained()
    world.order("ghost", (1, 1), HISTOGRAM, PARTNERS)
    world.release("ghost")
    assert world.kinds() == {"UnknownRunError"}


def test_a_release_without_a_complete_round_is_found() -> None:
    world = started("run-1")
    world.release("run-1")
    assert world.kinds() == {"UnknownRunError"}


def test_a_second_release_of_a_run_is_found() -> None:
    world = trained()
    world.release("run-2", manifest_digest="fb" * 32)
    assert world.kinds() == {"TurnError"}


def test_an_order_after_its_run_was_released_is_found() -> None:
    world = trained()
    world.order("run-2", (9, 1), HISTOGRAM, PARTNERS)
    assert world.kinds() == {"TurnError"}


def test_a_cohort_that_shrinks_as_often_as_allowed_is_no_lie() -> None:
    world = _whole_rounds_with(_FIVE, FOUR)()
    assert world.kinds() == set()
    assert world.audit().cohort_changes == (CohortChange("run-1", ("zeal",)),)


def test_every_run_begins_with_a_cohort_of_its_own() -> None:
    world = _whole_rounds_with(_FIVE, FOUR)()
    for name in _FIVE:
        world.close_run(name, "run-1")
    authorised(world, "run-2")
    world.round("run-2", (1, 1), GRADIENT, _FIVE)
    assert world.kinds() == set()


@pytest.mark.parametrize("fault", [GROSS_ERROR, MISSING_NOISE])
def test_a_sum_with_a_fault_is_no_lie_and_its_spends_count(fault: str) -> None:
    world = masked()
    order = world.order("run-1", (1, 1), HISTOGRAM, FOUR)
    world.close_round(order, [world.spend(name, order) for name in FOUR], fault=fault)
    audit = world.audit()
    assert audit.findings == ()
    assert audit.faults == (FaultRow("run-1", 1, 1, fault),)
    assert {row.spends for row in audit.partners} == {1}


def test_void_attempts_late_spends_and_killed_servers_are_no_lies() -> None:
    audit = trained().audit()
    assert audit.findings == ()
    assert audit.is_true


def test_the_plan_and_every_spare_attempt_may_be_used() -> None:
    world = started()
    for attempt in (1, 2, 3):
        world.round("run-1", (1, attempt), HISTOGRAM)
    world.round("run-1", (2, 1), GRAM)
    world.round("run-1", (3, 1), GRADIENT)
    world.round("run-1", (4, 1), GRADIENT)
    assert world.kinds() == set()


def test_a_void_round_with_nothing_in_it_is_no_lie() -> None:
    world, order = _ordered()
    world.close_round(order, [], PARTNERS)
    assert world.kinds() == set()


def test_whatever_the_charter_just_allows_is_no_lie() -> None:
    at_the_minimum = Mechanism("gradient", "5")
    world = World(charter_table(released_cap_micro=9_000_000, worst_cap_micro=9_000_000))
    plan = (PlannedQuery(at_the_minimum, 19), PlannedQuery(HISTOGRAM, 1))
    for name in ("north", "south"):
        world.authorise(name, "run-1", queries=plan, spare_attempts=3)
    world.witness()
    world.round("run-1", (1, 1), at_the_minimum, ("north", "south"))
    assert world.kinds() == set()


def test_a_cap_may_be_reached_and_not_passed() -> None:
    cost = started().audit().partners[0].price.released_micro
    for cap, kinds in ((cost, set()), (cost - 1, {"CapError"})):
        world = World(charter_table(released_cap_micro=cap))
        world.authorise("north", "run-1")
        assert world.kinds() == kinds


def test_spends_that_nobody_authorised_count_towards_the_cap() -> None:
    world = World(charter_table(released_cap_micro=10_000))
    world.spend("north", world.order("run-1", (1, 1), HISTOGRAM, PARTNERS))
    findings = world.audit().findings
    assert [(item.kind, item.where) for item in findings] == [
        ("AuthorisationError", "leaf 2"),
        ("CapError", "partner north"),
    ]
