"""Repayment plans: what is due when, exact to the minor unit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from protocols.contracts.money import MAX_MINOR
from protocols.contracts.plans import MOST_DECIMALS, DayCount, Fees, Method, has_few_decimals
from protocols.errors import ContractError
from server.decisions.day_count import add_months, year_fraction
from server.decisions.instalments import Part, parts_of
from server.decisions.rounding import part_of

MOST_MONTHS = 600
MOST_RATE = 100  # 10,000 % a year
LONGEST_CLOSURE_DAYS = 30  # of a lender, in a row


@dataclass(frozen=True)
class LoanTerms:
    """What a borrower and a lender agree on; terms that make no sense cannot be made.

    Attributes:
        principal_minor: Drawn on ``drawn_on``, in minor currency units, from 1.
        annual_rate: Nominal interest for a year, 0.12 for 12 %, in [0, 100].
        method: How it is repaid.
        day_count: How long a period is, as a fraction of a year.
        months: Instalments, one a month; of a bullet its term. From 1 to 600.
        drawn_on: The first day that bears interest.
        first_due_on: Within 12 months of ``drawn_on``; one month after it when None. Others are
            due on the same day of later months.
        fees: Beside interest.

    Raises:
        ContractError: A value is outside what is said here.
    """

    principal_minor: int
    annual_rate: Decimal
    method: Method
    day_count: DayCount
    months: int
    drawn_on: date
    first_due_on: date | None
    fees: Fees

    def __post_init__(self) -> None:
        """Refuse what no plan can be made of."""
        check_minor(self.principal_minor, name="principal_minor")
        if type(self.months) is not int or not 1 <= self.months <= MOST_MONTHS:
            raise ContractError(f"months must be a whole number from 1 to {MOST_MONTHS}")
        _check_rate(self.annual_rate)
        if self.method == "DAILY_INTEREST" and self.day_count == "30/360":
            raise ContractError("day_count: interest by days needs a convention that counts days")
        if self.first_due_on is not None and not _is_within_a_year(
            self.drawn_on, self.first_due_on
        ):
            raise ContractError("first_due_on must be within 12 months after drawn_on")
        if self.upfront_fee_minor >= self.principal_minor:
            raise ContractError("fees: what is taken at once must be below the principal")
        add_months(self.drawn_on, self.months + 12)  # the calendar must hold all of it

    @property
    def upfront_fee_minor(self) -> int:
        """Return the fee that is taken when the loan is drawn."""
        share = Fraction(Decimal(self.fees.upfront_share))
        return part_of(self.principal_minor, share) + self.fees.upfront_minor

    def monthly_fee_minor(self, drawn_minor: int) -> int:
        """Return the fee of a month when ``drawn_minor`` was drawn in all."""
        share = Fraction(Decimal(self.fees.monthly_share))
        return part_of(drawn_minor, share) + self.fees.monthly_minor


class Instalment(NamedTuple):
    """What is due on one day; ``balance_minor`` is the principal still owed after it."""

    due_on: date
    principal_minor: int
    interest_minor: int
    fee_minor: int
    balance_minor: int

    @property
    def total_minor(self) -> int:
        """Return what the borrower pays on this day."""
        return self.principal_minor + self.interest_minor + self.fee_minor


class Draw(NamedTuple):
    """Money handed out on a day, and the fee that is kept from it."""

    on: date
    principal_minor: int
    fee_minor: int


@dataclass(frozen=True)
class Plan:
    """What is due when.

    Attributes:
        terms: Of the first draw.
        rows: In order of their days; principal adds up to what was drawn, and the last balance
            is 0.
        upfront_fee_minor: Kept from the first draw.
        further_draws: In order of their days, after the first draw.
    """

    terms: LoanTerms
    rows: tuple[Instalment, ...]
    upfront_fee_minor: int
    further_draws: tuple[Draw, ...] = ()

    @property
    def draws(self) -> tuple[Draw, ...]:
        """Return every draw, the first one too."""
        terms = self.terms
        first = Draw(terms.drawn_on, terms.principal_minor, self.upfront_fee_minor)
        return (first, *self.further_draws)

    @property
    def drawn_minor(self) -> int:
        """Return what was drawn in all."""
        return sum(draw.principal_minor for draw in self.draws)

    @property
    def interest_minor(self) -> int:
        """Return the interest of all instalments."""
        return sum(row.interest_minor for row in self.rows)

    @property
    def fee_minor(self) -> int:
        """Return all fees, also those that were kept from draws."""
        return sum(draw.fee_minor for draw in self.draws) + sum(row.fee_minor for row in self.rows)

    @property
    def paid_minor(self) -> int:
        """Return what the borrower pays in all; fees kept from draws count as paid."""
        return self.drawn_minor + self.interest_minor + self.fee_minor


class PaymentDate(NamedTuple):
    """When an instalment is due by contract, and when it has to be paid."""

    due_on: date
    payable_on: date


def plan_of(terms: LoanTerms) -> Plan:
    """Return the plan of a loan.

    Raises:
        ContractError: The principal is too small for so many instalments.

    Source: docs/repayment.md.
    """
    due_on = due_dates(terms)
    fee_minor = terms.monthly_fee_minor(terms.principal_minor)
    fees = [fee_minor] * len(due_on)
    if terms.method == "BULLET":
        due_on, fees = due_on[-1:], [fee_minor * terms.months]
    rows = rows_of(
        terms.principal_minor, terms.drawn_on, list(zip(due_on, fees, strict=True)), terms
    )
    return Plan(terms, rows, terms.upfront_fee_minor)


def due_dates(terms: LoanTerms) -> tuple[date, ...]:
    """Return the days on which months of the contract end, as many as it has."""
    first = terms.first_due_on or add_months(terms.drawn_on, 1)
    # A loan of the 31st is due on the 28th of February, and on the 31st of March again.
    day = first.day if terms.first_due_on else terms.drawn_on.day
    return tuple(add_months(first, month, day=day) for month in range(terms.months))


def rows_of(
    balance_minor: int, since: date, dues: Sequence[tuple[date, int]], terms: LoanTerms
) -> tuple[Instalment, ...]:
    """Return the instalments that repay a balance owed since a day.

    Args:
        balance_minor: What is owed.
        since: The first day that bears interest.
        dues: Days on which instalments are due, and their fees in minor units.
        terms: Whose method, rate and day count hold.
    """
    starts = (since, *(due_on for due_on, _ in dues[:-1]))
    years = [
        year_fraction(start, due_on, terms.day_count)
        for start, (due_on, _) in zip(starts, dues, strict=True)
    ]
    rate = Fraction(terms.annual_rate)
    accruals = [rate * fraction for fraction in years]
    parts = parts_of(balance_minor, accruals, method=terms.method)
    return tuple(_with_balances(balance_minor, dues, parts))


def shifted(plan: Plan, is_business_day: Callable[[date], bool]) -> tuple[PaymentDate, ...]:
    """Return for each instalment its contractual day and the first business day from it on.

    An instalment never has to be paid earlier than the contract says. Interest and annual cost
    stay those of the contractual days: shifting changes no amount.

    Raises:
        ContractError: There is no business day for 30 days.
    """
    return tuple(
        PaymentDate(row.due_on, _business_day(row.due_on, is_business_day)) for row in plan.rows
    )


def check_minor(amount_minor: int, *, name: str) -> None:
    """Refuse what is no amount of money from 1 minor unit up; ``name`` is the field's.

    Raises:
        ContractError: It is no int, below 1, or above 2^53 - 1.
    """
    if type(amount_minor) is not int or not 1 <= amount_minor <= MAX_MINOR:
        raise ContractError(f"{name} must be a whole number of minor units from 1 to 2^53 - 1")


def _check_rate(annual_rate: Decimal) -> None:
    is_number = isinstance(annual_rate, Decimal) and annual_rate.is_finite()
    if not is_number or not 0 <= annual_rate <= MOST_RATE or not has_few_decimals(annual_rate):
        raise ContractError(
            f"annual_rate must be a decimal from 0 to {MOST_RATE} with at most "
            f"{MOST_DECIMALS} decimals"
        )


def _is_within_a_year(drawn_on: date, first_due_on: date) -> bool:
    return drawn_on < first_due_on <= add_months(drawn_on, 12)


def _with_balances(
    balance_minor: int, dues: Sequence[tuple[date, int]], parts: Sequence[Part]
) -> list[Instalment]:
    rows = []
    for (due_on, fee_minor), part in zip(dues, parts, strict=True):
        balance_minor -= part.principal_minor
        rows.append(Instalment(due_on, *part, fee_minor, balance_minor))
    return rows


def _business_day(due_on: date, is_business_day: Callable[[date], bool]) -> date:
    for days in range(LONGEST_CLOSURE_DAYS + 1):
        day = due_on + timedelta(days=days)
        if is_business_day(day):
            return day
    raise ContractError(
        f"there is no business day within {LONGEST_CLOSURE_DAYS} days of a due date"
    )
