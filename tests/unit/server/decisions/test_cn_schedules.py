"""The methods of repayment that Chinese lenders offer.

Source: reference d3, computed there on the usual definitions.
"""

from server.decisions.repayment import Instalment
from tests.unit.server.decisions.loans import DRAWN_ON, balances, interests, new_plan, totals


def test_equal_instalments() -> None:
    plan = new_plan()
    assert totals(plan) == [106_619] * 11 + [106_614]
    assert (plan.rows[0].principal_minor, plan.rows[0].interest_minor) == (94_619, 12_000)
    assert plan.interest_minor == 79_423
    assert balances(plan)[5] == 617_902


def test_equal_instalments_at_a_higher_rate() -> None:
    plan = new_plan(1_000_000, "0.18")
    assert totals(plan) == [91_680] * 11 + [91_681]
    assert plan.interest_minor == 100_161


def test_equal_principal() -> None:
    plan = new_plan(method="EQUAL_PRINCIPAL")
    assert totals(plan) == list(range(112_000, 100_000, -1_000))
    assert plan.interest_minor == 78_000


def test_interest_first() -> None:
    plan = new_plan(method="INTEREST_FIRST")
    assert totals(plan) == [12_000] * 11 + [1_212_000]
    assert plan.interest_minor == 144_000


def test_bullet() -> None:
    plan = new_plan(method="BULLET")
    (row,) = plan.rows
    assert row == Instalment(DRAWN_ON.replace(year=2027), 1_200_000, 144_000, 0, 0)


def test_interest_by_days() -> None:
    # 0.04 % a day is 14.6 % a year of 365 days.
    plan = new_plan(1_000_000, "0.146", "DAILY_INTEREST", day_count="ACT/365F")
    days = [124, 112, 124, 120, 124, 120, 124, 124, 120, 124, 120, 124]
    assert interests(plan) == [100 * interest for interest in days]
    assert plan.interest_minor == 146_000
    assert totals(plan)[-1] == 1_012_400
