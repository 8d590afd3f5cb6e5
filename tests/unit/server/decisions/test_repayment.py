"""Plans: days, fees, balances; and terms that no plan can be made of."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from protocols.errors import ContractError
from server.decisions.repayment import (
    LONGEST_CLOSURE_DAYS,
    Draw,
    Instalment,
    PaymentDate,
    due_dates,
    shifted,
)
from tests.unit.server.decisions.loans import (
    DRAWN_ON,
    fees_of,
    interests,
    new_plan,
    terms_of,
    totals,
)


def test_a_loan_of_the_31st_is_due_where_months_end() -> None:
    dates = due_dates(terms_of(months=4, drawn_on=date(2024, 1, 31)))
    assert dates == (date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31))


def test_a_first_due_day_sets_the_day_of_all() -> None:
    dates = due_dates(terms_of(months=3, first_due_on=date(2026, 1, 30)))
    assert dates == (date(2026, 1, 30), date(2026, 2, 28), date(2026, 3, 30))


def test_a_short_first_period_bears_its_days() -> None:
    plan = new_plan(
        100_000, "0.365", "INTEREST_FIRST", day_count="ACT/365F", first_due_on=date(2026, 1, 20)
    )
    assert interests(plan)[:3] == [500, 3_100, 2_800]


def test_months_under_30_360_bear_the_same_whatever_their_days() -> None:
    plan = new_plan(1_200_000, "0.12", "INTEREST_FIRST", drawn_on=date(2024, 1, 31))
    assert set(interests(plan)) == {12_000}


def test_a_bullet_is_due_at_the_end_of_its_term() -> None:
    plan = new_plan(method="BULLET", months=6, day_count="ACT/365F", drawn_on=date(2026, 1, 31))
    assert [row.due_on for row in plan.rows] == [date(2026, 7, 31)]
    assert interests(plan) == [71_408]  # 181 of 365 days


def test_a_row_says_what_is_owed_after_it() -> None:
    plan = new_plan(300, "0", "EQUAL_PRINCIPAL", months=3)
    assert plan.rows == (
        Instalment(date(2026, 2, 15), 100, 0, 0, 200),
        Instalment(date(2026, 3, 15), 100, 0, 0, 100),
        Instalment(date(2026, 4, 15), 100, 0, 0, 0),
    )


def test_fees_are_of_the_principal_drawn() -> None:
    fees = fees_of(upfront_share="0.03", upfront_minor=7, monthly_share="0.00125", monthly_minor=2)
    plan = new_plan(10_000, "0", months=4, fees=fees)
    assert plan.upfront_fee_minor == 307
    assert [row.fee_minor for row in plan.rows] == [15] * 4  # 12.5 is 13
    assert totals(plan) == [2_515] * 4
    assert plan.fee_minor == 367
    assert plan.paid_minor == 10_367
    assert plan.draws == (Draw(DRAWN_ON, 10_000, 307),)


def test_a_bullet_pays_the_fees_of_all_months_at_once() -> None:
    plan = new_plan(10_000, "0", "BULLET", months=4, fees=fees_of(monthly_minor=5))
    assert [row.fee_minor for row in plan.rows] == [20]


def test_totals_of_a_plan() -> None:
    plan = new_plan()
    assert plan.interest_minor == sum(interests(plan)) == 79_423
    assert plan.paid_minor == sum(totals(plan)) == 1_279_423


def _weekday(day: date) -> bool:
    return day.weekday() < 5


def test_a_due_day_moves_to_the_next_business_day_and_no_amount_with_it() -> None:
    plan = new_plan(drawn_on=date(2026, 1, 28), months=4)
    moved = shifted(plan, _weekday)
    assert moved[0] == PaymentDate(date(2026, 2, 28), date(2026, 3, 2))  # a Saturday
    assert moved[2] == PaymentDate(date(2026, 4, 28), date(2026, 4, 28))
    assert [day.due_on for day in moved] == [row.due_on for row in plan.rows]


def test_a_lender_that_never_opens_is_refused() -> None:
    opens = date(2026, 2, 15).toordinal() + LONGEST_CLOSURE_DAYS
    plan = new_plan(100, "0", months=1)
    assert shifted(plan, lambda day: day.toordinal() == opens)
    with pytest.raises(ContractError, match="no business day within 30 days"):
        shifted(plan, lambda day: day.toordinal() == opens + 1)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"principal_minor": 0}, "principal_minor must be"),
        ({"principal_minor": -1}, "principal_minor must be"),
        ({"principal_minor": 2**53}, "principal_minor must be"),
        ({"principal_minor": 100.5}, "principal_minor must be"),
        ({"principal_minor": Decimal(100)}, "principal_minor must be"),
        ({"principal_minor": True}, "principal_minor must be"),
        ({"months": 0}, "months must be"),
        ({"months": 601}, "months must be"),
        ({"months": 1.0}, "months must be"),
        ({"annual_rate": Decimal("-0.01")}, "annual_rate must be"),
        ({"annual_rate": Decimal("100.01")}, "annual_rate must be"),
        ({"annual_rate": Decimal("nan")}, "annual_rate must be"),
        ({"annual_rate": Decimal("inf")}, "annual_rate must be"),
        ({"annual_rate": Decimal("1e-19")}, "annual_rate must be"),
        ({"annual_rate": 0.12}, "annual_rate must be"),
        ({"method": "DAILY_INTEREST"}, "a convention that counts days"),
        ({"first_due_on": DRAWN_ON}, "first_due_on must be"),
        ({"first_due_on": date(2027, 1, 16)}, "first_due_on must be"),
        ({"fees": fees_of(upfront_minor=1_200_000)}, "below the principal"),
        ({"drawn_on": date(9998, 1, 16)}, "between the years"),
    ],
)
def test_terms_that_make_no_sense_cannot_be_made(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ContractError, match=rule):
        replace(terms_of(), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"principal_minor": 2**53 - 1},
        {"principal_minor": 1, "method": "BULLET"},
        {"months": 600},
        {"months": 1},
        {"annual_rate": Decimal(0)},
        {"annual_rate": Decimal(100)},
        {"annual_rate": Decimal("1e-18")},
        {"method": "DAILY_INTEREST", "day_count": "ACT/ACT"},
        {"first_due_on": date(2027, 1, 15)},
        {"first_due_on": date(2026, 1, 16)},
        {"fees": fees_of(upfront_minor=1_199_999)},
        {"drawn_on": date(9997, 12, 31)},
    ],
)
def test_terms_at_the_edge_can(changes: dict[str, Any]) -> None:
    assert replace(terms_of(), **changes)
