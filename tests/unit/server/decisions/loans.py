"""Loans for tests: 12,000.00 at 1 % a month, unless a test says otherwise."""

from datetime import date
from decimal import Decimal

from protocols.contracts.plans import NO_FEES, DayCount, Fees, Method
from server.decisions.repayment import LoanTerms, Plan, plan_of

DRAWN_ON = date(2026, 1, 15)


def terms_of(
    principal_minor: int = 1_200_000,
    rate: str = "0.12",
    method: Method = "EQUAL_INSTALMENT",
    *,
    day_count: DayCount = "30/360",
    months: int = 12,
    drawn_on: date = DRAWN_ON,
    first_due_on: date | None = None,
    fees: Fees = NO_FEES,
) -> LoanTerms:
    """Return terms, of which a test names what matters to it."""
    return LoanTerms(
        principal_minor, Decimal(rate), method, day_count, months, drawn_on, first_due_on, fees
    )


def new_plan(
    principal_minor: int = 1_200_000,
    rate: str = "0.12",
    method: Method = "EQUAL_INSTALMENT",
    *,
    day_count: DayCount = "30/360",
    months: int = 12,
    drawn_on: date = DRAWN_ON,
    first_due_on: date | None = None,
    fees: Fees = NO_FEES,
) -> Plan:
    """Return the plan of ``terms_of``."""
    terms = LoanTerms(
        principal_minor, Decimal(rate), method, day_count, months, drawn_on, first_due_on, fees
    )
    return plan_of(terms)


def fees_of(
    *,
    upfront_share: str = "0",
    upfront_minor: int = 0,
    monthly_share: str = "0",
    monthly_minor: int = 0,
) -> Fees:
    """Return fees, of which a test names what matters to it."""
    return Fees(
        upfront_share=upfront_share,
        upfront_minor=upfront_minor,
        monthly_share=monthly_share,
        monthly_minor=monthly_minor,
    )


def totals(plan: Plan) -> list[int]:
    """Return what is due on each day."""
    return [row.total_minor for row in plan.rows]


def interests(plan: Plan) -> list[int]:
    """Return the interest of each instalment."""
    return [row.interest_minor for row in plan.rows]


def balances(plan: Plan) -> list[int]:
    """Return the principal owed after each instalment."""
    return [row.balance_minor for row in plan.rows]
