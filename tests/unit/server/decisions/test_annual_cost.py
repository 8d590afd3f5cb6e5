"""Each basis of a plan's annual cost, by its own rule for time."""

from datetime import date
from decimal import Decimal
from typing import get_args

import pytest

from protocols.contracts.plans import CostBasis
from protocols.errors import ContractError
from server.decisions.annual_cost import (
    ROUNDING_RULES,
    Elapsed,
    annual_cost,
    annual_costs,
    disclosed_percent,
    percent,
    timeline_of,
)
from server.decisions.eu_aprc import aprc
from server.decisions.movements import Movement
from server.decisions.reg_z import MONTH, actuarial_rate, single_payment_rate
from server.decisions.repayment import Plan
from server.decisions.replanning import with_further_draw, with_prepayment
from tests.unit.server.decisions.loans import fees_of, new_plan

BASES: tuple[CostBasis, ...] = get_args(CostBasis)
FEES = fees_of(upfront_share="0.02", monthly_minor=300)


def _movements(plan: Plan) -> list[Movement]:
    lent = [Movement(draw.on, draw.principal_minor - draw.fee_minor) for draw in plan.draws]
    return lent + [Movement(row.due_on, -row.total_minor) for row in plan.rows]


def test_every_basis_names_its_rounding_rule() -> None:
    assert set(ROUNDING_RULES) == set(BASES)
    assert all("half up" in rule for rule in ROUNDING_RULES.values())


def test_without_fees_and_odd_days_the_nominal_cost_is_the_rate() -> None:
    costs = annual_costs(new_plan(10**12), BASES)
    assert {basis: percent(cost) for basis, cost in costs.items()} == {
        "NOMINAL_X12": Decimal("12.00"),
        "EFFECTIVE": Decimal("12.68"),
        "EU_APRC": Decimal("12.68"),
        "REGZ_ACTUARIAL": Decimal("12.00"),
        "ALL_IN_COST_CN": Decimal("12.00"),
    }
    assert costs["EU_APRC"] == costs["EFFECTIVE"]


def test_together_or_alone_a_cost_is_the_same() -> None:
    plan = new_plan(drawn_on=date(2024, 3, 10), first_due_on=date(2024, 4, 15), fees=FEES)
    together = annual_costs(plan, BASES)
    assert together == {basis: annual_cost(plan, basis) for basis in BASES}
    assert len(set(together.values())) == 5


def test_a_free_loan_costs_nothing() -> None:
    for method in ("EQUAL_INSTALMENT", "BULLET"):
        plan = new_plan(rate="0", method=method)
        assert set(annual_costs(plan, BASES).values()) == {Decimal(0)}
        assert disclosed_percent(plan, "EU_APRC") == Decimal("0.00")


@pytest.mark.parametrize(
    ("drawn_on", "first_due_on"),
    [
        (date(2026, 1, 15), None),
        (date(2026, 1, 15), date(2026, 2, 20)),
        (date(2026, 1, 15), date(2026, 1, 18)),
        (date(2024, 1, 31), None),
        (date(2024, 2, 10), date(2024, 4, 1)),
        (date(2024, 1, 20), date(2024, 2, 29)),
    ],
)
def test_a_plan_costs_what_its_dated_movements_cost(
    drawn_on: date, first_due_on: date | None
) -> None:
    plan = new_plan(drawn_on=drawn_on, first_due_on=first_due_on, fees=FEES)
    by_date = aprc(_movements(plan), "MONTHS")
    assert abs(annual_cost(plan, "EU_APRC") - by_date) < Decimal("1e-15")
    by_date = actuarial_rate(_movements(plan), MONTH)
    assert abs(annual_cost(plan, "REGZ_ACTUARIAL") - by_date) < Decimal("1e-15")


def test_odd_days_by_each_basis() -> None:
    # 1000.00 for 1 month and 5 days of 2024, paid back with 10.00.
    plan = new_plan(
        100_000,
        "0",
        months=1,
        drawn_on=date(2024, 1, 10),
        first_due_on=date(2024, 2, 15),
        fees=fees_of(monthly_minor=1_000),
    )
    paid = Decimal("1.01")
    nominal = 12 * (paid ** (1 / (1 + Decimal(12 * 5) / 365)) - 1)
    assert abs(annual_cost(plan, "NOMINAL_X12") - nominal) < Decimal("1e-15")
    eu = paid ** (1 / (Decimal(1) / 12 + Decimal(5) / 365)) - 1
    assert abs(annual_cost(plan, "EU_APRC") - eu) < Decimal("1e-15")
    assert annual_cost(plan, "REGZ_ACTUARIAL") == round(Decimal("0.01") * 365 / 36, 15)
    in_use = Decimal(1) / 12 + Decimal(5) / 365
    assert annual_cost(plan, "ALL_IN_COST_CN") == round(Decimal("0.01") / in_use, 15)


def test_the_unions_leap_year_days_are_of_366() -> None:
    plan = new_plan(drawn_on=date(2024, 3, 10), first_due_on=date(2024, 4, 15), fees=FEES)
    costs = annual_costs(plan, ("EFFECTIVE", "EU_APRC"))
    assert Decimal(0) < costs["EU_APRC"] - costs["EFFECTIVE"] < Decimal("0.0001")


def test_a_bullet_is_measured_in_years() -> None:
    plan = new_plan(method="BULLET", months=18, drawn_on=date(1994, 1, 1), fees=FEES)
    assert annual_cost(plan, "EU_APRC") == round(aprc(_movements(plan), "YEARS"), 15)
    assert annual_cost(plan, "EU_APRC") != round(aprc(_movements(plan), "MONTHS"), 15)
    single = single_payment_rate(_movements(plan))
    assert annual_cost(plan, "REGZ_ACTUARIAL") == round(single, 15)


def test_one_instalment_is_a_single_payment_for_regulation_z_only() -> None:
    plan = new_plan(months=1, first_due_on=date(2026, 3, 1))
    assert annual_cost(plan, "REGZ_ACTUARIAL") == round(single_payment_rate(_movements(plan)), 15)
    assert annual_cost(plan, "EU_APRC") == round(aprc(_movements(plan), "MONTHS"), 15)


def test_all_in_cost_is_costs_over_the_balances_in_use() -> None:
    # Balances of 1000, 750, 500 and 250 for a month each: 2500 / 12 for a year; costs 60.
    fees = fees_of(upfront_minor=2_000, monthly_minor=1_000)
    plan = new_plan(100_000, "0", "EQUAL_PRINCIPAL", months=4, fees=fees)
    cost = Decimal(60) / (Decimal(2_500) / 12 * Decimal("0.98"))
    assert annual_cost(plan, "ALL_IN_COST_CN") == round(cost, 15)


def test_all_in_cost_counts_every_draw_from_its_day() -> None:
    plan = new_plan(10_000, "0", "EQUAL_PRINCIPAL", months=2, fees=fees_of(upfront_share="0.1"))
    further = with_further_draw(plan, plan.rows[0].due_on, 5_000)
    # 10,000 for a month and 10,000 for another; a tenth of 15,000 was kept.
    cost = Decimal(1_500) * 12 / (Decimal(20_000) * Decimal("0.9"))
    assert annual_cost(further, "ALL_IN_COST_CN") == round(cost, 15)


def test_a_further_draw_is_a_second_advance() -> None:
    plan = with_further_draw(new_plan(fees=FEES), date(2026, 3, 15), 500_000)
    assert timeline_of(plan).draws == (Elapsed(0, 0), Elapsed(2, 0))
    cost = aprc(_movements(plan), "MONTHS")
    assert annual_cost(plan, "EU_APRC") == round(cost, 15)
    cost = actuarial_rate(_movements(plan), MONTH)
    assert annual_cost(plan, "REGZ_ACTUARIAL") == round(cost, 15)


def test_a_part_repaid_early_counts_on_its_day() -> None:
    plan = with_prepayment(new_plan(fees=FEES), date(2026, 3, 20), 500_000)
    assert timeline_of(plan).rows[:4] == (
        Elapsed(1, 0),
        Elapsed(2, 0),
        Elapsed(2, 5),
        Elapsed(3, 0),
    )
    cost = actuarial_rate(_movements(plan), MONTH)
    assert annual_cost(plan, "REGZ_ACTUARIAL") == round(cost, 15)


def test_a_bullet_repaid_in_two_parts_has_no_single_payment() -> None:
    plan = with_prepayment(new_plan(method="BULLET"), date(2026, 7, 20), 500_000)
    cost = actuarial_rate(_movements(plan), MONTH)
    assert annual_cost(plan, "REGZ_ACTUARIAL") == round(cost, 15)
    assert annual_cost(plan, "EU_APRC") == round(aprc(_movements(plan), "YEARS"), 15)


@pytest.mark.parametrize(
    ("cost", "disclosed"),
    [("0.12345", "12.35"), ("0.123449999999999", "12.34"), ("0", "0.00"), ("1.5", "150.00")],
)
def test_per_cent_are_rounded_half_up(cost: str, disclosed: str) -> None:
    assert percent(Decimal(cost)) == Decimal(disclosed)


def test_what_is_disclosed_is_the_cost_rounded() -> None:
    plan = new_plan(fees=FEES)
    for basis in BASES:
        assert disclosed_percent(plan, basis) == percent(annual_cost(plan, basis))


def test_a_cost_beyond_all_measure_is_refused() -> None:
    plan = new_plan(100, "0", fees=fees_of(monthly_minor=10**5))
    assert annual_cost(plan, "NOMINAL_X12") > 1_000
    with pytest.raises(ContractError, match="no annual cost below"):
        annual_cost(plan, "EFFECTIVE")


def test_the_highest_cost_is_below_10_to_the_13() -> None:
    # 12 units for 12 months, and 12 monthly fees: the cost is one of them.
    highest = new_plan(12, "0", "BULLET", fees=fees_of(monthly_minor=10**13 - 1))
    assert annual_cost(highest, "ALL_IN_COST_CN") == 10**13 - 1
    beyond = new_plan(12, "0", "BULLET", fees=fees_of(monthly_minor=10**13))
    with pytest.raises(ContractError, match="no annual cost below"):
        annual_cost(beyond, "ALL_IN_COST_CN")


def test_months_are_of_the_contract_and_days_are_before_them() -> None:
    plan = new_plan(months=3, drawn_on=date(2024, 1, 10), first_due_on=date(2024, 2, 15))
    assert timeline_of(plan).rows == (Elapsed(1, 5), Elapsed(2, 5), Elapsed(3, 5))
    assert timeline_of(plan).has_odd_days
    assert not timeline_of(new_plan(months=3)).has_odd_days
