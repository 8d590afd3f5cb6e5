"""Time between two dates: months that end where months end, and fractions of a year."""

from calendar import isleap, monthrange
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction

from protocols.contracts.plans import DayCount
from protocols.errors import ContractError


def add_months(start: date, months: int, *, day: int | None = None) -> date:
    """Return the date so many months after ``start``, or before it.

    Args:
        start: Where to count from.
        months: May be negative.
        day: Of the month to land on; ``start``'s own without it. A month that has no such day
            gives its last one.

    Raises:
        ContractError: That date is not between the years 1 and 9999.
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise ContractError("dates must lie between the years 1 and 9999")
    wanted = start.day if day is None else day
    # Most days are in every month; only the others need its length.
    kept = wanted if wanted <= 28 else min(wanted, monthrange(year, month + 1)[1])
    return date(year, month + 1, kept)


def is_month_end(day: date) -> bool:
    """Return whether ``day`` is the last of its month."""
    return day.day == monthrange(day.year, day.month)[1]


def months_back(start: date, end: date) -> tuple[int, int]:
    """Return whole months counted back from ``end``, and the days that are then left.

    From the last day of a month to the last day of another are whole months.

    Raises:
        ContractError: ``end`` is before ``start``.

    Source: Directive (EU) 2023/2225, annex III, I (c), and SWD(2012)128, 4.1.1, for dates;
        12 CFR 1026 appendix J (b)(3) and (b)(5)(ii).
    """
    _check_order(start, end)
    months = (end.year - start.year) * 12 + end.month - start.month
    if start.day > 28 and is_month_end(start) and is_month_end(end):
        return months, 0
    begun = add_months(end, -months)
    if begun < start:
        months -= 1
        begun = add_months(end, -months)
    return months, (begun - start).days


def contract_months(start: date, end: date) -> tuple[int, int]:
    """Return as ``months_back``, but a due day that a month is too short for costs no month.

    From the 30th of January to the 28th of February, its last day, is one month.
    """
    months, days = months_back(start, end)
    if days and add_months(start, months + 1) == end:
        return months + 1, 0
    return months, days


def year_fraction(start: date, end: date, convention: DayCount) -> Fraction:
    """Return the years from ``start``, which counts, to ``end``, which does not.

    - ``ACT/365F``, ``ACT/360``: calendar days over 365 or 360.
    - ``ACT/ACT``: days in leap years over 366, all others over 365 (ISDA).
    - ``30/360``: whole months of the contract are twelfths; else the 31st counts as the 30th
      and every month has 30 days (30E/360).

    Raises:
        ContractError: ``end`` is before ``start``.

    Source: 2006 ISDA Definitions, 4.16 (b), (d), (e), (g).
    """
    _check_order(start, end)
    return _FRACTIONS[convention](start, end)


def _check_order(start: date, end: date) -> None:
    if end < start:
        raise ContractError("a period must not end before it starts")


def _over_365(start: date, end: date) -> Fraction:
    return Fraction((end - start).days, 365)


def _over_360(start: date, end: date) -> Fraction:
    return Fraction((end - start).days, 360)


def _actual(start: date, end: date) -> Fraction:
    if start.year == end.year:
        return Fraction((end - start).days, _days_in(start.year))
    first = Fraction((date(start.year, 12, 31) - start).days + 1, _days_in(start.year))
    last = Fraction((end - date(end.year, 1, 1)).days, _days_in(end.year))
    return first + (end.year - start.year - 1) + last


def _months_of_30(start: date, end: date) -> Fraction:
    months, days = contract_months(start, end)
    if not days:
        return Fraction(months, 12)
    whole = (end.year - start.year) * 360 + (end.month - start.month) * 30
    return Fraction(whole + min(end.day, 30) - min(start.day, 30), 360)


def _days_in(year: int) -> int:
    return 366 if isleap(year) else 365


_FRACTIONS: Mapping[DayCount, Callable[[date, date], Fraction]] = {
    "ACT/365F": _over_365,
    "ACT/360": _over_360,
    "ACT/ACT": _actual,
    "30/360": _months_of_30,
}
