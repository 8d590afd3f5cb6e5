"""For any terms: a plan repays exactly what was drawn, and can be ended on any day."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from itertools import pairwise
from typing import Any

import mortgagemath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.contracts.plans import NO_FEES
from protocols.errors import ContractError
from server.decisions.annual_cost import annual_costs
from server.decisions.repayment import LoanTerms, Plan, plan_of, shifted
from server.decisions.replanning import with_further_draw, with_prepayment
from server.decisions.settlement import settlement_of
from tests.property.plans import plans, terms

LAWS = settings(max_examples=1_000, deadline=None)
SHARES = st.integers(0, 1_000)  # thousandths
YEARS = {"ACT/365F": 365, "ACT/360": 360}


def _interest(amount: int, rate: Decimal, days: int, year: int) -> int:
    with localcontext() as context:
        context.prec = 50
        exact = amount * rate * days / year
        return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _within(plan: Plan, share: int) -> date:
    days = (plan.rows[-1].due_on - plan.terms.drawn_on).days
    return plan.terms.drawn_on + timedelta(days=share * days // 1_000)


@LAWS
@given(plans)
def test_a_plan_repays_the_principal_to_the_unit_and_ends_at_nothing(plan: Plan) -> None:
    rows, terms = plan.rows, plan.terms
    assert sum(row.principal_minor for row in rows) == terms.principal_minor
    assert all(min(row[1:]) >= 0 for row in rows)
    assert all(earlier.due_on < later.due_on for earlier, later in pairwise(rows))
    assert len(rows) == (1 if terms.method == "BULLET" else terms.months)
    since, owed, year = terms.drawn_on, terms.principal_minor, YEARS.get(terms.day_count)
    for row in rows:
        if year:
            days = (row.due_on - since).days
            assert row.interest_minor == _interest(owed, terms.annual_rate, days, year)
        since, owed = row.due_on, owed - row.principal_minor
        assert row.balance_minor == owed
    assert owed == 0
    _check_level(plan)


def _check_level(plan: Plan) -> None:
    """Hold what rounding leaves to the last row."""
    before = plan.rows[:-1]
    if plan.terms.method == "EQUAL_INSTALMENT":
        # After a long first period the first row may be its interest and nothing else.
        level = before[1:] if before and not before[0].principal_minor else before
        assert len({row.total_minor for row in level}) <= 1
    elif plan.terms.method == "EQUAL_PRINCIPAL":
        exact = Decimal(plan.terms.principal_minor) / plan.terms.months
        assert len({row.principal_minor for row in before}) <= 1
        assert all(abs(row.principal_minor - exact) <= Decimal("0.5") for row in before)
    else:
        assert not any(row.principal_minor for row in before)


@LAWS
@given(plans, st.integers(0, 127))
def test_shifting_shortens_no_notice_and_changes_no_cost(plan: Plan, closed: int) -> None:
    def is_open(day: date) -> bool:
        return day.weekday() == 0 or not closed >> day.weekday() & 1

    before = annual_costs(plan, ("ALL_IN_COST_CN",))
    moved = shifted(plan, is_open)
    assert [day.due_on for day in moved] == [row.due_on for row in plan.rows]
    for due_on, payable_on in moved:
        waits = (payable_on - due_on).days
        assert waits >= 0
        assert is_open(payable_on)
        assert not any(is_open(due_on + timedelta(days=day)) for day in range(waits))
    assert annual_costs(plan, ("ALL_IN_COST_CN",)) == before


@LAWS
@given(plans, SHARES)
def test_to_settle_takes_what_has_accrued_to_the_day(plan: Plan, share: int) -> None:
    on, terms = _within(plan, share), plan.terms
    settled = settlement_of(plan, on)
    before = [row for row in plan.rows if row.due_on < on]
    since = before[-1].due_on if before else terms.drawn_on
    owed = before[-1].balance_minor if before else terms.principal_minor
    running = plan.rows[len(before)]
    assert settled.principal_minor == owed
    assert 0 <= settled.interest_minor <= running.interest_minor
    assert 0 <= settled.fee_minor <= running.fee_minor
    if year := YEARS.get(terms.day_count):
        days = (on - since).days
        assert settled.interest_minor == _interest(owed, terms.annual_rate, days, year)
    if on == running.due_on:
        assert settled.total_minor == running.total_minor + running.balance_minor
    else:
        later = settlement_of(plan, on + timedelta(days=1))
        assert later.interest_minor >= settled.interest_minor


@LAWS
@given(plans, SHARES, SHARES)
def test_what_was_paid_lowers_what_is_owed_by_as_much(plan: Plan, share: int, part: int) -> None:
    on = _within(plan, share)
    nothing = settlement_of(plan, on, paid_minor=0)
    paid = part * nothing.total_minor // 1_000
    settled = settlement_of(plan, on, paid_minor=paid)
    assert settled.total_minor == nothing.total_minor - paid
    assert min(settled[1:]) >= 0
    assert settled.principal_minor <= nothing.principal_minor == plan.drawn_minor


@LAWS
@given(plans, SHARES, st.integers(1, 999))
def test_after_a_part_repaid_or_a_further_draw_all_is_repaid(
    plan: Plan, share: int, part: int
) -> None:
    place = share % len(plan.rows)
    if place + 1 < len(plan.rows):
        further = with_further_draw(plan, plan.rows[place].due_on, part * 1_000)
        assert further.rows[: place + 1] == plan.rows[: place + 1]
        assert [row.due_on for row in further.rows] == [row.due_on for row in plan.rows]
        assert sum(row.principal_minor for row in further.rows) == further.drawn_minor
        assert further.drawn_minor == plan.terms.principal_minor + part * 1_000
        assert further.rows[-1].balance_minor == 0
    on = _within(plan, share)
    if plan.terms.drawn_on < on < plan.rows[-1].due_on:
        owed = next(row for row in reversed(plan.rows) if row.principal_minor).principal_minor
        repaid = with_prepayment(plan, on, max(1, part * owed // 2_000))
        assert sum(row.principal_minor for row in repaid.rows) == plan.terms.principal_minor
        assert repaid.rows[-1].balance_minor == 0
        assert min(min(row[1:]) for row in repaid.rows) >= 0


BAD = st.one_of(
    st.integers(max_value=0).map(lambda number: {"principal_minor": number}),
    st.integers(max_value=0).map(lambda number: {"months": number}),
    st.integers(min_value=601).map(lambda number: {"months": number}),
    st.floats().map(lambda number: {"principal_minor": number}),
    st.integers(1, 10**9).map(lambda number: {"annual_rate": Decimal(-number).scaleb(-9)}),
    st.integers(1, 10**9).map(lambda number: {"annual_rate": 100 + Decimal(number).scaleb(-9)}),
    st.floats(0, 1).map(lambda number: {"annual_rate": number}),
)


@LAWS
@given(terms, BAD)
def test_bad_terms_are_refused_whatever_the_others_are(terms: LoanTerms, bad: Any) -> None:
    with pytest.raises(ContractError):  # Any: bad values are of any type
        replace(terms, **bad)


@settings(max_examples=200, deadline=None)
@given(st.integers(100_000, 99_999_999), st.integers(1, 200), st.integers(2, 60))
def test_mortgagemath_writes_the_same_schedule(principal: int, points: int, months: int) -> None:
    # A month's rate has few decimals here: where it has endless ones, mortgagemath rounds it first
    # and then takes half a cent for less.
    rate, start = 12 * Decimal(points).scaleb(-4), date(2024, 1, 1)
    ours = plan_of(
        LoanTerms(principal, rate, "EQUAL_INSTALMENT", "30/360", months, start, None, NO_FEES)
    )
    loan = mortgagemath.LoanParams(
        principal=Decimal(principal).scaleb(-2),
        annual_rate=rate * 100,
        term_months=months,
        payment_rounding=mortgagemath.PaymentRounding.ROUND_HALF_UP,
    )
    theirs = [row for row in mortgagemath.amortization_schedule(loan) if row.number]
    assert [(row.principal_minor, row.interest_minor, row.balance_minor) for row in ours.rows] == [
        (int(row.principal * 100), int(row.interest * 100), int(row.balance * 100))
        for row in theirs
    ]
