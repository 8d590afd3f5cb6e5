"""To end a loan takes what has accrued to the day, and nothing of what would have come."""

from datetime import date

import pytest

from protocols.errors import ContractError
from server.decisions.replanning import with_further_draw, with_prepayment
from server.decisions.settlement import Settlement, settlement_of
from tests.unit.server.decisions.loans import DRAWN_ON, fees_of, new_plan

FEBRUARY, MARCH, LAST = date(2026, 2, 15), date(2026, 3, 15), date(2027, 1, 15)


def test_interest_by_days() -> None:
    # 0.05 % a day for 30 days on 10,000.00 is 150.00. Source: reference d3.
    plan = new_plan(1_000_000, "0.1825", "DAILY_INTEREST", day_count="ACT/365F")
    settled = settlement_of(plan, date(2026, 2, 14))
    assert settled == Settlement(date(2026, 2, 14), 1_000_000, 15_000, 0)
    assert settled.total_minor == 1_015_000


def test_the_day_of_an_instalment_is_that_instalment_and_the_balance_after_it() -> None:
    plan = new_plan(fees=fees_of(monthly_minor=70))
    settled = settlement_of(plan, FEBRUARY)
    assert settled == Settlement(FEBRUARY, 1_200_000, 12_000, 70)
    row = plan.rows[0]
    assert settled.total_minor == row.total_minor + row.balance_minor


def test_on_the_last_day_all_is_as_planned() -> None:
    plan = new_plan()
    assert settlement_of(plan, LAST).total_minor == plan.rows[-1].total_minor


def test_on_the_first_day_it_is_the_principal() -> None:
    plan = new_plan(fees=fees_of(monthly_minor=70))
    assert settlement_of(plan, DRAWN_ON) == Settlement(DRAWN_ON, 1_200_000, 0, 0)


def test_within_a_month_interest_and_fee_are_for_its_days() -> None:
    plan = new_plan(day_count="ACT/365F", fees=fees_of(monthly_minor=70))
    settled = settlement_of(plan, date(2026, 2, 25))
    balance = plan.rows[0].balance_minor
    assert settled.principal_minor == balance
    assert settled.interest_minor == round(balance * 0.12 * 10 / 365)
    assert settled.fee_minor == 25  # 10 of 28 days


def test_a_month_of_31_days_bears_no_more_than_30() -> None:
    plan = new_plan(method="INTEREST_FIRST", drawn_on=date(2026, 2, 28))
    days = [date(2026, 3, 27), date(2026, 3, 28)]
    assert [settlement_of(plan, day).interest_minor for day in days] == [11_600, 12_000]
    later = new_plan(
        method="INTEREST_FIRST", drawn_on=date(2026, 2, 27), first_due_on=date(2026, 3, 31)
    )
    due = later.rows[0].interest_minor
    assert settlement_of(later, date(2026, 3, 30)).interest_minor <= due


def test_a_bullets_fee_is_for_all_of_its_days() -> None:
    plan = new_plan(1_000_000, "0", "BULLET", fees=fees_of(monthly_minor=365))
    settled = settlement_of(plan, date(2026, 2, 14))
    assert settled.fee_minor == 30 * 12
    assert settlement_of(plan, LAST).fee_minor == 12 * 365


def test_what_was_paid_counts_against_the_oldest_first() -> None:
    plan = new_plan(fees=fees_of(monthly_minor=70))
    on = date(2026, 2, 15).replace(day=16)
    first = plan.rows[0]
    nothing = settlement_of(plan, on, paid_minor=0)
    running = settlement_of(plan, on)
    assert nothing.fee_minor == running.fee_minor + 70
    assert nothing.interest_minor == running.interest_minor + 12_000
    assert nothing.principal_minor == 1_200_000
    assert nothing.total_minor == running.total_minor + first.total_minor
    fee = settlement_of(plan, on, paid_minor=69)
    assert fee == nothing._replace(fee_minor=nothing.fee_minor - 69)
    interest = settlement_of(plan, on, paid_minor=71)
    assert interest == nothing._replace(
        fee_minor=running.fee_minor, interest_minor=nothing.interest_minor - 1
    )
    principal = settlement_of(plan, on, paid_minor=70 + 12_000 + 5)
    assert principal == running._replace(principal_minor=1_200_000 - 5)


def test_what_was_paid_ahead_counts_too() -> None:
    plan = new_plan()
    on = date(2026, 2, 16)
    owed = settlement_of(plan, on)
    ahead = settlement_of(plan, on, paid_minor=plan.rows[0].total_minor + owed.interest_minor + 10)
    assert ahead == owed._replace(interest_minor=0, principal_minor=owed.principal_minor - 10)
    all_of_it = plan.rows[0].total_minor + owed.total_minor
    assert settlement_of(plan, on, paid_minor=all_of_it).total_minor == 0
    with pytest.raises(ContractError, match="more than all that is owed"):
        settlement_of(plan, on, paid_minor=all_of_it + 1)


@pytest.mark.parametrize("paid", [-1, 2**53, 1.5, True])
def test_no_amount_paid_is_refused(paid: int) -> None:
    with pytest.raises(ContractError, match="paid_minor must be"):
        settlement_of(new_plan(), FEBRUARY, paid_minor=paid)


def test_the_largest_amount_may_be_paid() -> None:
    plan = new_plan(2**53 - 1, "0", months=1)
    assert settlement_of(plan, FEBRUARY, paid_minor=2**53 - 1).total_minor == 0


@pytest.mark.parametrize("on", [date(2026, 1, 14), date(2027, 1, 16)])
def test_a_loan_is_settled_while_it_runs(on: date) -> None:
    with pytest.raises(ContractError, match="from the day of the draw"):
        settlement_of(new_plan(), on)


def test_after_a_part_was_repaid() -> None:
    plan = new_plan(
        1_000_000, "0.365", "DAILY_INTEREST", day_count="ACT/365F", fees=fees_of(monthly_minor=28)
    )
    repaid = with_prepayment(plan, date(2026, 2, 25), 400_000)
    settled = settlement_of(repaid, date(2026, 3, 1))
    assert settled == Settlement(date(2026, 3, 1), 600_000, 600 * 4, 14)
    assert settlement_of(repaid, date(2026, 2, 25)).principal_minor == 1_000_000


def test_after_a_further_draw_all_that_is_owed_bears_interest() -> None:
    plan = new_plan(1_000_000, "0.365", "DAILY_INTEREST", day_count="ACT/365F")
    further = with_further_draw(plan, FEBRUARY, 500_000)
    assert settlement_of(further, date(2026, 2, 17)) == Settlement(
        date(2026, 2, 17), 1_500_000, 3_000, 0
    )
    assert settlement_of(further, date(2026, 3, 17)).interest_minor == 3_000
    assert settlement_of(further, FEBRUARY).principal_minor == 1_000_000
