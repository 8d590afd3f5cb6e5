"""The annual percentage rate of charge of the European Union, from dated movements."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from server.decisions.cash_flows import Flow, rate_of
from server.decisions.day_count import add_months, months_back
from server.decisions.movements import Movement, in_order

MeasuringUnit = Literal["YEARS", "MONTHS", "WEEKS"]


def aprc(movements: Iterable[Movement], unit: MeasuringUnit) -> Decimal:
    """Return the annual rate X, 0.1268 for 12.68 %, to 18 decimals.

    It solves sum(C * (1 + X)^-t) = sum(D * (1 + X)^-s) with times in years from the first draw.

    Args:
        movements: Draws, net of what is kept from them, and payments, fees included.
        unit: What intervals are whole numbers of: that of the payments' rhythm.

    Raises:
        ContractError: As ``cash_flows.rate_of``.

    Source: Directive (EU) 2023/2225, annex III, part I; 2008/48/EC, annex I, before.
    """
    ordered = in_order(movements)
    start = ordered[0].on
    return rate_of([Flow(minor, 0, interval(start, on, unit)) for on, minor in ordered])


def interval(start: date, end: date, unit: MeasuringUnit) -> Fraction:
    """Return the years between two dates.

    Whole years, months (twelfths) or weeks (of 52) are counted back from ``end``; what is left are
    days over 365, or 366 where the year that ends with them holds a 29th of February.

    Raises:
        ContractError: ``end`` is before ``start``.

    Source: Directive (EU) 2023/2225, annex III, I (c); SWD(2012)128, annex 1, 4.1.1.
    """
    whole, days = _PARTS[unit](start, end)
    return whole + days_of_year(start, days)


def days_of_year(start: date, days: int) -> Fraction:
    """Return days from ``start`` as a part of the year that ends with them."""
    if not days:
        return Fraction(0)
    end = start + timedelta(days=days)
    return Fraction(days, (end - add_months(end, -12)).days)


def _years(start: date, end: date) -> tuple[Fraction, int]:
    years = months_back(start, end)[0] // 12
    begun = add_months(end, -12 * years)
    return Fraction(years), max(0, (begun - start).days)


def _months(start: date, end: date) -> tuple[Fraction, int]:
    months, days = months_back(start, end)
    return Fraction(months, 12), days


def _weeks(start: date, end: date) -> tuple[Fraction, int]:
    weeks, days = divmod((end - start).days, 7)
    return Fraction(weeks, 52), days


_PARTS: Mapping[MeasuringUnit, Callable[[date, date], tuple[Fraction, int]]] = {
    "YEARS": _years,
    "MONTHS": _months,
    "WEEKS": _weeks,
}
