"""Months end where months end; a fraction of a year counts the first day and not the last."""

from datetime import date
from fractions import Fraction

import pytest

from protocols.contracts.plans import DayCount
from protocols.errors import ContractError
from server.decisions.day_count import (
    add_months,
    contract_months,
    is_month_end,
    months_back,
    year_fraction,
)


@pytest.mark.parametrize(
    ("start", "months", "found"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2023, 1, 29), 1, date(2023, 2, 28)),
        (date(2024, 1, 29), 1, date(2024, 2, 29)),
        (date(2023, 1, 28), 1, date(2023, 2, 28)),
        (date(2024, 12, 15), 1, date(2025, 1, 15)),
        (date(2024, 1, 15), -1, date(2023, 12, 15)),
        (date(2024, 3, 31), -1, date(2024, 2, 29)),
        (date(2024, 2, 29), -12, date(2023, 2, 28)),
        (date(2024, 5, 31), 25, date(2026, 6, 30)),
        (date(1, 1, 1), 0, date(1, 1, 1)),
        (date(9999, 11, 30), 1, date(9999, 12, 30)),
    ],
)
def test_a_month_that_is_too_short_gives_its_last_day(
    start: date, months: int, found: date
) -> None:
    assert add_months(start, months) == found


def test_a_due_day_is_found_again_after_a_short_month() -> None:
    assert add_months(date(2023, 2, 28), 1, day=31) == date(2023, 3, 31)
    assert add_months(date(2023, 2, 28), 2, day=31) == date(2023, 4, 30)


@pytest.mark.parametrize(("start", "months"), [(date(9999, 12, 1), 1), (date(1, 1, 31), -1)])
def test_the_calendar_has_an_end(start: date, months: int) -> None:
    with pytest.raises(ContractError, match="between the years 1 and 9999"):
        add_months(start, months)


def test_the_last_day_of_a_month() -> None:
    ends = [date(2024, 2, 29), date(2023, 2, 28), date(2023, 4, 30), date(2023, 12, 31)]
    assert all(is_month_end(day) for day in ends)
    assert not any(is_month_end(day) for day in (date(2024, 2, 28), date(2023, 12, 30)))


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (date(2024, 1, 15), date(2024, 1, 15), (0, 0)),
        (date(2024, 1, 15), date(2024, 2, 15), (1, 0)),
        (date(2024, 1, 15), date(2024, 2, 14), (0, 30)),
        (date(2024, 1, 15), date(2025, 3, 1), (13, 17)),
        (date(2023, 11, 30), date(2024, 2, 29), (3, 0)),
        (date(2024, 2, 29), date(2024, 3, 31), (1, 0)),
        (date(2024, 2, 28), date(2024, 3, 31), (1, 1)),
        (date(2023, 1, 28), date(2023, 2, 28), (1, 0)),
        (date(2023, 1, 30), date(2023, 2, 28), (0, 29)),
        (date(2023, 2, 28), date(2023, 3, 30), (1, 0)),
        (date(2024, 1, 31), date(2024, 2, 28), (0, 28)),
    ],
)
def test_months_are_counted_back(start: date, end: date, found: tuple[int, int]) -> None:
    assert months_back(start, end) == found


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (date(2023, 1, 30), date(2023, 2, 28), (1, 0)),
        (date(2023, 1, 29), date(2023, 2, 28), (1, 0)),
        (date(2023, 1, 30), date(2023, 2, 27), (0, 28)),
        (date(2022, 12, 30), date(2023, 2, 28), (2, 0)),
        (date(2024, 1, 15), date(2024, 2, 20), (1, 5)),
    ],
)
def test_a_short_month_is_a_month_of_the_contract(
    start: date, end: date, found: tuple[int, int]
) -> None:
    assert contract_months(start, end) == found


@pytest.mark.parametrize(
    ("convention", "start", "end", "found"),
    [
        ("ACT/365F", date(2024, 1, 1), date(2025, 1, 1), Fraction(366, 365)),
        ("ACT/365F", date(2024, 1, 1), date(2024, 1, 2), Fraction(1, 365)),
        ("ACT/360", date(2024, 1, 1), date(2024, 2, 1), Fraction(31, 360)),
        ("ACT/ACT", date(2024, 1, 1), date(2024, 3, 1), Fraction(60, 366)),
        ("ACT/ACT", date(2023, 1, 1), date(2023, 3, 1), Fraction(59, 365)),
        ("ACT/ACT", date(2024, 1, 1), date(2025, 1, 1), Fraction(1)),
        ("ACT/ACT", date(2023, 1, 1), date(2024, 1, 1), Fraction(1)),
        # ISDA's own example, of 1999: 61 days of 2003, 121 of the leap year 2004
        ("ACT/ACT", date(2003, 11, 1), date(2004, 5, 1), Fraction(61, 365) + Fraction(121, 366)),
        ("ACT/ACT", date(2022, 12, 31), date(2025, 1, 2), Fraction(1, 365) + 2 + Fraction(1, 365)),
        ("30/360", date(2024, 1, 31), date(2024, 2, 29), Fraction(1, 12)),
        ("30/360", date(2023, 1, 30), date(2023, 2, 28), Fraction(1, 12)),
        ("30/360", date(2024, 1, 15), date(2026, 1, 15), Fraction(2)),
        ("30/360", date(2024, 1, 15), date(2024, 1, 31), Fraction(15, 360)),
        ("30/360", date(2024, 1, 31), date(2024, 2, 10), Fraction(10, 360)),
        ("30/360", date(2024, 1, 30), date(2024, 3, 1), Fraction(31, 360)),
        ("30/360", date(2023, 12, 20), date(2024, 1, 10), Fraction(20, 360)),
        ("30/360", date(2024, 1, 1), date(2024, 1, 1), Fraction(0)),
    ],
)
def test_fractions_of_a_year(convention: DayCount, start: date, end: date, found: Fraction) -> None:
    assert year_fraction(start, end, convention) == found


@pytest.mark.parametrize("convention", ["ACT/365F", "ACT/360", "30/360", "ACT/ACT"])
def test_a_period_does_not_run_backwards(convention: DayCount) -> None:
    assert year_fraction(date(2024, 1, 1), date(2024, 1, 1), convention) == 0
    with pytest.raises(ContractError, match="must not end before"):
        year_fraction(date(2024, 1, 2), date(2024, 1, 1), convention)
    with pytest.raises(ContractError, match="must not end before"):
        months_back(date(2024, 1, 2), date(2024, 1, 1))
