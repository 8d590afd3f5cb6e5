"""Loans for laws about plans: any method, day count, first period and fees, and small."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from hypothesis import strategies as st

from protocols.contracts.plans import DayCount, Fees, Method
from server.decisions.repayment import LoanTerms, Plan, plan_of

METHODS: tuple[Method, ...] = ("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_FIRST", "BULLET")
DAY_COUNTS: tuple[DayCount, ...] = ("ACT/365F", "ACT/360", "ACT/ACT")
KINDS: list[tuple[Method, DayCount]] = [
    *((method, "30/360") for method in METHODS),
    *((method, count) for method in (*METHODS, "DAILY_INTEREST") for count in DAY_COUNTS),
]
FIRST_DUE = (0, 0, 12, 20, 35, 60, 75)  # days; 0 for a month
START = date(2023, 1, 1).toordinal()
# Principal, basis points a year, kind, months, day, first due day, and the four fees.
CHOICES = (9_900_000, 3_601, len(KINDS), 24, 800, len(FIRST_DUE), 150, 150, 150, 150)


class Loan(NamedTuple):
    """One loan as numbers, each from 0 to below its entry in ``CHOICES``."""

    numbers: tuple[int, ...]

    def terms(self, *, raised: int = -1, by: int = 0) -> LoanTerms:
        """Return the loan's terms, with fee number ``raised`` higher by so many steps."""
        principal, points, kind, months, day, first = self.numbers[:6]
        method, day_count = KINDS[kind]
        drawn_on = date.fromordinal(START + day)
        first_due_on = drawn_on + timedelta(days=FIRST_DUE[first]) if FIRST_DUE[first] else None
        fees = [fee + by * (place == raised) for place, fee in enumerate(self.numbers[6:])]
        return LoanTerms(
            100_000 + principal,
            Decimal(points).scaleb(-4),
            method,
            day_count,
            1 + months,
            drawn_on,
            first_due_on,
            _fees(fees),
        )


def _fees(steps: Sequence[int]) -> Fees:
    return Fees(
        upfront_share=f"0.{steps[0]:03d}",
        upfront_minor=steps[1],
        monthly_share=f"0.{steps[2]:04d}",
        monthly_minor=steps[3],
    )


def _loan(number: int) -> Loan:
    numbers = []
    for choices in CHOICES:
        number, chosen = divmod(number, choices)
        numbers.append(chosen)
    return Loan(tuple(numbers))


# One number draws a whole loan: ten draws would cost more than most laws do.
loans: st.SearchStrategy[Loan] = st.integers(0, math.prod(CHOICES) - 1).map(_loan)
terms: st.SearchStrategy[LoanTerms] = loans.map(Loan.terms)
plans: st.SearchStrategy[Plan] = terms.map(plan_of)
