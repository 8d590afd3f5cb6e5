"""What it takes to end a loan early, on any day."""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

from protocols.contracts.money import MAX_MINOR
from protocols.errors import ContractError
from server.decisions.repayment import Plan, due_dates
from server.decisions.replanning import accrued, owed_after
from server.decisions.rounding import part_of


class Settlement(NamedTuple):
    """What is owed if the loan ends on a day, in minor units.

    Attributes:
        on: The day.
        principal_minor: All principal that is not repaid; a credit line gets back just this.
        interest_minor: Accrued to the day, and of earlier instalments what is not paid.
        fee_minor: Of the running month by its days, and of earlier instalments what is not paid.
    """

    on: date
    principal_minor: int
    interest_minor: int
    fee_minor: int

    @property
    def total_minor(self) -> int:
        """Return what ends the loan."""
        return self.principal_minor + self.interest_minor + self.fee_minor


def settlement_of(plan: Plan, on: date, *, paid_minor: int | None = None) -> Settlement:
    """Return what is owed if a loan ends on ``on``.

    Interest is what has accrued on the outstanding balance since the last instalment before
    ``on``, that day not counted; the running month's fee is due for as many of its days. Nothing of
    later interest and fees is owed. On the day of an instalment this is that instalment and the
    balance after it. What was kept from a draw stays kept.

    Args:
        plan: The loan's.
        on: From the day it was drawn to the day of the last instalment.
        paid_minor: All that the borrower has paid so far, fees kept from draws left out; without
            it, all that fell due before ``on``. It counts against the oldest instalment first, and
            there against fee, interest and principal in turn. What is late bears no extra interest.

    Raises:
        ContractError: ``on`` is outside the loan's time, or ``paid_minor`` is no amount or more
            than all that is owed.

    Source: docs/repayment.md, "Early repayment".
    """
    if not plan.terms.drawn_on <= on <= plan.rows[-1].due_on:
        raise ContractError("on must be from the day of the draw to that of the last instalment")
    before = tuple(row for row in plan.rows if row.due_on < on)
    if paid_minor is None:
        paid_minor = sum(row.total_minor for row in before)
    elif type(paid_minor) is not int or not 0 <= paid_minor <= MAX_MINOR:
        raise ContractError("paid_minor must be a whole number of minor units, at least 0")
    balance_minor, since = owed_after(plan, before)
    interest_minor = accrued(plan, balance_minor, since, on)
    owed = [(row.fee_minor, row.interest_minor, row.principal_minor) for row in before]
    owed.append((_running_fee(plan, on), interest_minor, balance_minor))
    unpaid = _unpaid(chain.from_iterable(owed), paid_minor)
    fee_minor, interest_minor, principal_minor = (sum(unpaid[kind::3]) for kind in range(3))
    return Settlement(on, principal_minor, interest_minor, fee_minor)


def _running_fee(plan: Plan, on: date) -> int:
    dates = due_dates(plan.terms)
    if plan.terms.method == "BULLET":  # whose one fee is for all of its months
        dates = dates[-1:]
    place = bisect_left(dates, on)
    begun = (plan.terms.drawn_on, *dates)[place]
    fee_minor = next(row.fee_minor for row in plan.rows if row.due_on == dates[place])
    return part_of(fee_minor, Fraction((on - begun).days, (dates[place] - begun).days))


def _unpaid(owed: Iterable[int], paid_minor: int) -> list[int]:
    unpaid = []
    for amount in owed:
        settled = min(amount, paid_minor)
        paid_minor -= settled
        unpaid.append(amount - settled)
    if paid_minor:
        raise ContractError("paid_minor is more than all that is owed")
    return unpaid
