"""A further draw, and a part repaid early: the rest is planned anew, days and totals hold."""

from datetime import date

import pytest

from protocols.errors import ContractError
from server.decisions.repayment import Draw, Instalment
from server.decisions.replanning import with_further_draw, with_prepayment
from tests.unit.server.decisions.loans import fees_of, interests, new_plan, terms_of, totals

FEBRUARY, MARCH, LAST = date(2026, 2, 15), date(2026, 3, 15), date(2027, 1, 15)


def test_a_further_draw_is_repaid_with_the_balance() -> None:
    plan = new_plan(300, "0", "EQUAL_PRINCIPAL", months=3)
    further = with_further_draw(plan, FEBRUARY, 100)
    assert totals(further) == [100, 150, 150]
    assert further.draws == (Draw(date(2026, 1, 15), 300, 0), Draw(FEBRUARY, 100, 0))
    assert (further.drawn_minor, further.paid_minor) == (400, 400)
    again = with_further_draw(further, MARCH, 7)
    assert totals(again) == [100, 150, 157]
    assert [draw.principal_minor for draw in again.draws] == [300, 100, 7]


def test_a_further_draw_has_its_fees() -> None:
    fees = fees_of(upfront_share="0.01", upfront_minor=50, monthly_share="0.02", monthly_minor=1)
    plan = new_plan(10_000, "0", "EQUAL_PRINCIPAL", months=4, fees=fees)
    further = with_further_draw(plan, FEBRUARY, 5_000)
    assert further.further_draws == (Draw(FEBRUARY, 5_000, 50),)
    assert [row.fee_minor for row in further.rows] == [201, 301, 301, 301]
    assert further.fee_minor == 150 + 50 + 201 + 3 * 301


@pytest.mark.parametrize("on", [date(2026, 2, 14), date(2026, 1, 15), LAST, date(2027, 2, 15)])
def test_a_further_draw_is_on_a_due_day_before_the_last(on: date) -> None:
    with pytest.raises(ContractError, match="on the day of an instalment"):
        with_further_draw(new_plan(), on, 100)


def test_draws_follow_one_another() -> None:
    further = with_further_draw(new_plan(), MARCH, 100)
    for on in (FEBRUARY, MARCH):
        with pytest.raises(ContractError, match="in order"):
            with_further_draw(further, on, 100)


def test_a_part_repaid_early_takes_its_interest_along() -> None:
    plan = new_plan(1_000_000, "0.365", "DAILY_INTEREST", day_count="ACT/365F", months=3)
    repaid = with_prepayment(plan, date(2026, 2, 25), 400_000)
    assert repaid.rows == (
        Instalment(FEBRUARY, 0, 31_000, 0, 1_000_000),
        Instalment(date(2026, 2, 25), 400_000, 10_000, 0, 600_000),
        Instalment(MARCH, 0, 600 * 18, 0, 600_000),
        Instalment(date(2026, 4, 15), 600_000, 600 * 31, 0, 0),
    )
    assert repaid.terms == plan.terms


def test_before_the_first_instalment_too() -> None:
    plan = new_plan(1_000_000, "0.365", "BULLET", day_count="ACT/365F", months=3)
    repaid = with_prepayment(plan, date(2026, 1, 16), 1)
    assert [(row.principal_minor, row.interest_minor) for row in repaid.rows] == [
        (1, 1_000),
        (999_999, 88_999_911 // 1_000 + 1),
    ]


def test_on_a_due_day_the_instalment_comes_first() -> None:
    plan = new_plan(300, "0", "EQUAL_PRINCIPAL", months=3)
    assert totals(with_prepayment(plan, FEBRUARY, 50)) == [100, 50, 75, 75]


def test_instalments_fall_and_the_term_stays() -> None:
    plan = new_plan()
    repaid = with_prepayment(plan, FEBRUARY, 500_000)
    assert [row.due_on for row in repaid.rows] == [
        FEBRUARY,
        *(row.due_on for row in plan.rows),
    ]
    after = repaid.rows[2:]
    assert {row.total_minor for row in after[:-1]} == {58_391}
    assert after[-1].balance_minor == 0
    assert sum(row.principal_minor for row in repaid.rows) == 1_200_000


def test_fees_stay_when_a_part_is_repaid() -> None:
    plan = new_plan(10_000, "0", months=4, fees=fees_of(monthly_minor=3))
    repaid = with_prepayment(plan, date(2026, 2, 20), 1_000)
    assert [row.fee_minor for row in repaid.rows] == [3, 0, 3, 3, 3]


def test_after_a_further_draw_a_part_of_all_is_repaid() -> None:
    further = with_further_draw(new_plan(300, "0", "EQUAL_PRINCIPAL", months=3), FEBRUARY, 100)
    repaid = with_prepayment(further, date(2026, 2, 16), 280)
    assert [row.balance_minor for row in repaid.rows] == [200, 20, 10, 0]
    with pytest.raises(ContractError, match="to repay all, settle"):
        with_prepayment(further, date(2026, 2, 16), 300)


@pytest.mark.parametrize("on", [date(2026, 1, 15), date(2026, 1, 14), LAST, date(2027, 1, 16)])
def test_a_part_is_repaid_while_the_loan_runs(on: date) -> None:
    with pytest.raises(ContractError, match="after every draw and before the last"):
        with_prepayment(new_plan(), on, 100)


def test_a_part_is_not_repaid_before_a_later_draw() -> None:
    further = with_further_draw(new_plan(), MARCH, 100)
    with pytest.raises(ContractError, match="after every draw"):
        with_prepayment(further, MARCH, 100)


def test_to_repay_all_is_to_settle() -> None:
    plan = new_plan(300, "0", "EQUAL_PRINCIPAL", months=3)
    assert with_prepayment(plan, MARCH, 99).rows[-1].principal_minor == 1
    with pytest.raises(ContractError, match="to repay all, settle"):
        with_prepayment(plan, MARCH, 100)


@pytest.mark.parametrize("principal", [0, -1, 1.5, 2**53])
def test_no_amount_is_refused(principal: int) -> None:
    for change in (with_further_draw, with_prepayment):
        with pytest.raises(ContractError, match="principal_minor must be"):
            change(new_plan(), FEBRUARY, principal)


def test_interest_of_the_days_between_is_not_lost() -> None:
    terms = terms_of(method="INTEREST_FIRST", day_count="ACT/365F")
    plan = new_plan(method="INTEREST_FIRST", day_count="ACT/365F")
    repaid = with_prepayment(plan, date(2026, 2, 20), 1)
    assert terms == plan.terms
    assert abs(sum(interests(repaid)) - sum(interests(plan))) <= 1 + 12 // 2
