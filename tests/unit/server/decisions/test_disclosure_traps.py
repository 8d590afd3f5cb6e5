"""Costs that a small monthly number hides.

Source: reference d3, "Disclosure traps", computed there.
"""

from decimal import Decimal

import pytest

from protocols.contracts.plans import CostBasis
from server.decisions.annual_cost import annual_cost, disclosed_percent
from server.decisions.cash_flows import Flow, rate_of
from tests.unit.server.decisions.loans import fees_of, new_plan, totals


def _percent(cost: Decimal) -> Decimal:
    return round(100 * cost, 4)


@pytest.mark.parametrize(
    ("share", "nominal", "effective"),
    [
        ("0.005", "10.8964", "11.4574"),
        ("0.006", "13.0342", "13.8418"),
        ("0.0075", "16.2165", "17.4778"),
        ("0.01", "21.4572", "23.6984"),
    ],
)
def test_a_flat_monthly_fee_costs_nearly_twice_what_it_seems(
    share: str, nominal: str, effective: str
) -> None:
    plan = new_plan(rate="0", fees=fees_of(monthly_share=share))
    assert set(totals(plan)) == {100_000 + int(1_200_000 * Decimal(share))}
    assert _percent(annual_cost(plan, "NOMINAL_X12")) == Decimal(nominal)
    assert _percent(annual_cost(plan, "EFFECTIVE")) == Decimal(effective)


def test_a_fee_taken_at_once_is_cost() -> None:
    plan = new_plan(1_000_000, "0.12", fees=fees_of(upfront_minor=30_000))
    assert totals(plan) == [88_849] * 11 + [88_847]
    # The reference takes 888.49 for the last instalment too; the plan that is emitted is cheaper.
    rate = rate_of([Flow(970_000, 0), *(Flow(-88_849, month) for month in range(1, 13))])
    assert _percent(12 * rate) == Decimal("17.8254")
    assert _percent((1 + rate) ** 12 - 1) == Decimal("19.3563")
    assert _percent(annual_cost(plan, "NOMINAL_X12")) == Decimal("17.8250")
    assert _percent(annual_cost(plan, "EFFECTIVE")) == Decimal("19.3559")


@pytest.mark.parametrize(
    ("rate", "basis", "percent"),
    [
        ("0.24", "NOMINAL_X12", "24.00"),
        ("0.24", "EFFECTIVE", "26.82"),
        ("0.21705096", "EFFECTIVE", "24.00"),  # 1.808758 % a month
        ("0.21705096", "NOMINAL_X12", "21.71"),
    ],
)
def test_the_basis_matters_at_a_cap(rate: str, basis: CostBasis, percent: str) -> None:
    plan = new_plan(100_000_000, rate)
    assert disclosed_percent(plan, basis) == Decimal(percent)
