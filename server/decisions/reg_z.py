"""The annual percentage rate of Regulation Z by the actuarial method, from dated movements."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Literal, NamedTuple

from protocols.errors import ContractError
from server.decisions.cash_flows import NO_TIME, Flow, rate_of
from server.decisions.day_count import add_months, contract_months
from server.decisions.movements import Movement, in_order

Interval = Literal["DAY", "WEEK", "SEMIMONTH", "MONTH", "YEAR"]
_MOST: dict[Interval, int] = {"DAY": 365, "WEEK": 52, "SEMIMONTH": 1, "MONTH": 11, "YEAR": 1}
_PER_YEAR: dict[Interval, int] = {"DAY": 365, "WEEK": 52, "SEMIMONTH": 24, "MONTH": 12, "YEAR": 1}
_OF_MONTHS = ("SEMIMONTH", "MONTH")
_DAYS: dict[Interval, int] = {"DAY": 1, "WEEK": 7, "SEMIMONTH": 15, "MONTH": 30, "YEAR": 365}


class UnitPeriod(NamedTuple):
    """The interval that occurs most often between a loan's movements, such as 4 weeks."""

    interval: Interval
    times: int = 1

    @property
    def per_year(self) -> Fraction:
        """Return how many of it are a year."""
        return Fraction(_PER_YEAR[self.interval], self.times)


MONTH = UnitPeriod("MONTH")


def actuarial_rate(movements: Iterable[Movement], unit: UnitPeriod) -> Decimal:
    """Return the annual rate, 0.0969 for 9.69 %: the rate of a unit-period times those of a year.

    Args:
        movements: Advances of the amount financed, and payments.
        unit: The common interval between them; for one advance and one payment there is none, and
            ``single_payment_rate`` takes its place.

    Raises:
        ContractError: The unit-period is longer than a year, or as ``cash_flows.rate_of``.

    Source: 12 CFR 1026 appendix J (b)(1), (b)(4), (b)(5), (b)(8).
    """
    if not 1 <= unit.times <= _MOST[unit.interval]:
        raise ContractError("a unit-period must be at least one interval and at most a year")
    ordered = in_order(movements)
    start = ordered[0].on
    periods = [unit_periods(start, on, unit) for on, _ in ordered]
    flows = [
        Flow(minor, whole, odd=odd)
        for (_, minor), (whole, odd) in zip(ordered, periods, strict=True)
    ]
    return annual_rate(flows, unit.per_year)


def single_payment_rate(movements: Iterable[Movement]) -> Decimal:
    """Return the annual rate of one advance and one payment.

    The term is the unit-period if it is under a year: in whole months where it is some, else in
    days. From a year on the unit-period is the year.

    Raises:
        ContractError: There are more than two movements, or as ``cash_flows.rate_of``.

    Source: 12 CFR 1026 appendix J (b)(4)(iii), (b)(5)(v) to (vii).
    """
    ordered = in_order(movements)
    if len(ordered) != 2:
        raise ContractError("a single advance has a single payment")
    lent, paid = ordered
    return annual_rate(*single_payment_flows(lent.on, paid.on, lent.minor, -paid.minor))


def single_payment_flows(
    start: date, end: date, lent_minor: int, paid_minor: int
) -> tuple[list[Flow], Fraction]:
    """Return the flows of one advance and one payment in unit-periods, and those of a year.

    Raises:
        ContractError: ``end`` is not after ``start``.
    """
    if end <= start:
        raise ContractError("a single payment must be after its advance")
    months, days = contract_months(start, end)
    if months >= 12:
        units, odd = unit_periods(start, end, UnitPeriod("YEAR"))
        per_year = Fraction(1)
    else:
        units, odd = 1, NO_TIME
        per_year = Fraction(365, (end - start).days) if days else Fraction(12, months)
    return [Flow(lent_minor, 0), Flow(-paid_minor, units, odd=odd)], per_year


def annual_rate(flows: Sequence[Flow], per_year: Fraction) -> Decimal:
    """Return the rate of a unit-period times the unit-periods of a year."""
    with localcontext() as context:
        context.prec = 34
        return rate_of(flows) * per_year.numerator / per_year.denominator


def unit_periods(start: date, end: date, unit: UnitPeriod) -> tuple[int, Fraction]:
    """Return the full unit-periods between two dates, and the fraction that is left.

    Months are counted back from ``end``, and have 30 days where fractions of them are meant; a
    fraction of a year is in twelfths if whole months are left, else in days over 365.

    Raises:
        ContractError: ``end`` is before ``start``.

    Source: 12 CFR 1026 appendix J (b)(5)(i) to (v).
    """
    months, days = contract_months(start, end)
    if unit.interval == "YEAR":
        years, left = divmod(months, 12)
        odd_days = (add_months(end, -12 * years) - start).days
        return years, Fraction(odd_days, 365) if days else Fraction(left, 12)
    if unit == MONTH:
        return months, Fraction(days, 30)
    counted = days + 30 * months if unit.interval in _OF_MONTHS else (end - start).days
    whole, left = divmod(counted, _DAYS[unit.interval] * unit.times)
    return whole, Fraction(left, _DAYS[unit.interval] * unit.times)
