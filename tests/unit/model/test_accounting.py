"""A plan never costs more than its budget, and spends nearly all of it."""

from fractions import Fraction

import pytest

from model.accounting import Setting, TrainingPlan, plan_single, plan_training
from protocols.contracts.privacy import PRIVATE_NEWTON
from protocols.errors import BudgetExhaustedError
from protocols.ledger.charge import dearest
from protocols.ledger.epsilons import epsilons_of
from protocols.ledger.price import epsilon_micro, parse_decimal
from protocols.ledger.sharing import DISTRIBUTED, LOCAL, Sharing

LOCALLY = Sharing(LOCAL, shares=1, most_lenders=1)
DELTA = Fraction(1, 100_000)


def _plan(
    epsilon: float = 2.0,
    *,
    capacity: int = 10_000,
    spares: int = 2,
    sharing: Sharing = LOCALLY,
    segments: int = 0,
) -> TrainingPlan:
    return plan_training(
        round(epsilon * 1_000_000),
        delta=DELTA,
        spare_attempts=spares,
        setting=Setting(
            fields=19,
            segments=segments,
            partners=5,
            sharing=sharing,
            capacity=capacity,
            clip_norm=0.5,
        ),
        profile=PRIVATE_NEWTON,
    )


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 2.0, 8.0])
@pytest.mark.parametrize("spares", [0, 2, 7])
def test_the_dearest_history_of_a_plan_fits_the_budget_closely(epsilon: float, spares: int) -> None:
    plan = _plan(epsilon, spares=spares)
    most = dearest(plan.queries, spare_attempts=plan.spare_attempts)
    price = epsilon_micro(most, delta=DELTA)
    assert price <= round(epsilon * 1_000_000)
    assert price >= round(epsilon * 1_000_000) * 0.9999


@pytest.mark.parametrize("lenders", [1, 2, 5])
@pytest.mark.parametrize(("mode", "shares"), [(LOCAL, 1), (DISTRIBUTED, 3)])
def test_a_run_costs_a_person_with_the_most_lenders_what_was_planned(
    mode: str, shares: int, lenders: int
) -> None:
    sharing = Sharing(mode, shares, lenders)
    plan = _plan(sharing=sharing)
    most = dearest(plan.queries, spare_attempts=plan.spare_attempts)
    price = epsilons_of(most, delta=DELTA, sharing=sharing)
    assert 0.9999 * 2_000_000 <= price.person_micro[lenders - 1] <= 2_000_000


@pytest.mark.parametrize("segments", [0, 3])
def test_shares_of_the_budget_are_the_profiles(segments: int) -> None:
    plan = _plan(segments=segments)
    asked = {planned.mechanism.query: planned.rounds for planned in plan.queries}
    each = {
        planned.mechanism.query: 1 / parse_decimal(planned.mechanism.noise_multiplier) ** 2
        for planned in plan.queries
    }
    total = sum(each[query] * times for query, times in asked.items())
    for query, share in PRIVATE_NEWTON.shares(asked).items():
        assert float(each[query] / total) == pytest.approx(float(share), rel=1e-4)
    assert asked.get("segments", 0) == segments


@pytest.mark.parametrize("spares", [0, 2, 7])
@pytest.mark.parametrize("lenders", [1, 3])
@pytest.mark.parametrize("mode", [LOCAL, DISTRIBUTED])
def test_a_single_question_with_all_its_spares_fits_the_budget_closely(
    spares: int, lenders: int, mode: str
) -> None:
    sharing = Sharing(mode, shares=1 if mode == LOCAL else 3, most_lenders=lenders)
    plan = plan_single("stability", 200_000, delta=DELTA, spare_attempts=spares, sharing=sharing)
    most = dearest(plan.queries, spare_attempts=plan.spare_attempts)
    price = epsilons_of(most, delta=DELTA, sharing=sharing).person_micro[lenders - 1]
    assert 200_000 * 0.9999 <= price <= 200_000
    with pytest.raises(BudgetExhaustedError):
        plan_single("stability", 0, delta=DELTA, spare_attempts=spares, sharing=sharing)


def test_what_is_asked_gets_the_whole_budget_in_the_profiles_proportion() -> None:
    asked = {"histogram": 1, "gradient": 9, "calibration": 1, "evaluation": 1}
    for queries in (asked, asked | {"segments": 4}):
        shares = PRIVATE_NEWTON.shares(queries)
        assert sum(shares[query] * times for query, times in queries.items()) == 1
        assert shares["gradient"] * 9 / shares["histogram"] == Fraction(87, 5)
    with pytest.raises(KeyError):
        PRIVATE_NEWTON.shares({"raw_rows": 1})


def test_more_borrowers_or_more_budget_allow_more_rounds_and_bins_within_bounds() -> None:
    plans = [_plan(0.1, capacity=1_000), _plan(), _plan(8.0, capacity=1_000_000)]
    rounds = [plan.rounds("gradient") for plan in plans]
    bins = [plan.target_bins for plan in plans]
    assert rounds == sorted(rounds)
    assert bins == sorted(bins)
    assert (rounds[0], rounds[-1]) == (6, 20)
    assert (bins[0], bins[-1]) == (4, 12)


def test_five_lenders_of_two_thousand_get_twenty_rounds_and_every_other_query_once() -> None:
    plan = _plan()
    assert plan.rounds("gradient") == 20
    assert all(plan.rounds(query) == 1 for query in ("histogram", "calibration", "evaluation"))


@pytest.mark.parametrize("epsilon", [0.0, -0.5])
def test_no_budget_is_no_plan(epsilon: float) -> None:
    with pytest.raises(BudgetExhaustedError):
        _plan(epsilon)
