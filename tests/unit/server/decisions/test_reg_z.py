"""The actuarial method of Regulation Z, by its official examples.

Source: 12 CFR 1026 appendix J (c); data and results also in simontreanor/FSharp.Finance.Personal,
tests/AprUsActuarialTests.fs, whose further examples "confirmed using Excel" are here too.
"""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from protocols.errors import ContractError
from server.decisions.annual_cost import percent
from server.decisions.day_count import add_months
from server.decisions.movements import Movement
from server.decisions.reg_z import (
    MONTH,
    UnitPeriod,
    actuarial_rate,
    single_payment_rate,
    unit_periods,
)

WEEK, SEMIMONTH, YEAR = UnitPeriod("WEEK"), UnitPeriod("SEMIMONTH"), UnitPeriod("YEAR")
QUARTER, BIMONTH = UnitPeriod("MONTH", 3), UnitPeriod("MONTH", 2)


def _dates(first: date, count: int, unit: UnitPeriod) -> list[date]:
    if unit.interval == "WEEK":
        return [first + timedelta(weeks=unit.times * place) for place in range(count)]
    if unit.interval == "DAY":
        return [first + timedelta(days=place) for place in range(count)]
    if unit == SEMIMONTH:  # of the 1st and the 16th
        halves = [add_months(first, place // 2) for place in range(count)]
        return [day + timedelta(days=15 * (place % 2)) for place, day in enumerate(halves)]
    months = 12 if unit.interval == "YEAR" else unit.times
    return [add_months(first, months * place) for place in range(count)]


def _percent(lent: int, lent_on: date, paid: list[int], first: date, unit: UnitPeriod) -> Decimal:
    dates = _dates(first, len(paid), unit)
    payments = [Movement(on, -minor) for on, minor in zip(dates, paid, strict=True)]
    return percent(actuarial_rate([Movement(lent_on, lent), *payments], unit))


@pytest.mark.parametrize(
    ("lent", "lent_on", "paid", "first", "unit", "apr"),
    [
        # (c)(1)(i) to (v): an odd first period at most
        (500_000, date(1978, 1, 10), [23_000] * 24, date(1978, 2, 10), MONTH, "9.69"),
        (600_000, date(1978, 2, 10), [20_000] * 36, date(1978, 4, 1), MONTH, "11.82"),
        (500_000, date(1978, 2, 23), [21_917] * 24, date(1978, 3, 1), SEMIMONTH, "10.34"),
        (1_000_000, date(1978, 5, 23), [38_500] * 40, date(1978, 10, 1), QUARTER, "8.97"),
        (50_000, date(1978, 3, 20), [1_760] * 30, date(1978, 4, 21), WEEK, "14.96"),
        # (c)(2)(i), (ii): an odd first payment
        (500_000, date(1978, 1, 10), [25_000, *[23_000] * 23], date(1978, 2, 10), MONTH, "10.08"),
        (
            40_000,
            date(1978, 3, 18),
            [3_950, *[3_831] * 11],
            date(1978, 4, 20),
            UnitPeriod("WEEK", 4),
            "28.50",
        ),
        # (c)(3)(i), (ii): an odd final payment
        (500_000, date(1978, 1, 10), [*[23_000] * 23, 28_000], date(1978, 2, 10), MONTH, "10.50"),
        (
            20_000,
            date(1978, 4, 3),
            [*[950] * 19, 3_000],
            date(1978, 4, 11),
            UnitPeriod("WEEK", 2),
            "12.22",
        ),
        # (c)(4)(i), (ii): both
        (
            500_000,
            date(1978, 1, 10),
            [25_000, *[23_000] * 22, 28_000],
            date(1978, 2, 10),
            MONTH,
            "10.90",
        ),
        (
            800_000,
            date(1978, 1, 10),
            [44_936, *[46_500] * 18, 20_000],
            date(1978, 3, 1),
            BIMONTH,
            "7.30",
        ),
        # not of the appendix: the test file's own
        (1_000_000, date(1978, 6, 23), [38_500] * 40, date(1978, 10, 1), QUARTER, "9.15"),
        (1_000_000, date(1978, 7, 23), [38_500] * 40, date(1978, 10, 1), QUARTER, "9.32"),
        (100_000, date(2023, 10, 26), [22_000] * 5, date(2023, 11, 30), UnitPeriod("DAY"), "94.15"),
        (100_000, date(2023, 10, 28), [25_000] * 5, date(2023, 11, 30), WEEK, "176.52"),
        (100_000, date(2023, 11, 23), [25_000] * 5, date(2023, 11, 30), WEEK, "412.40"),
        (100_000, date(2023, 11, 24), [25_000] * 5, date(2023, 11, 30), WEEK, "434.30"),
        (100_000, date(2023, 10, 26), [50_000] * 5, date(2023, 11, 30), YEAR, "78.34"),
    ],
)
def test_examples_of_appendix_j(
    lent: int, lent_on: date, paid: list[int], first: date, unit: UnitPeriod, apr: str
) -> None:
    assert _percent(lent, lent_on, paid, first, unit) == Decimal(apr)


@pytest.mark.parametrize(
    ("lent_on", "paid_on", "paid", "apr"),
    [
        (date(1978, 1, 3), date(1978, 9, 15), 108_000, "11.45"),  # (c)(5)(i): 255 days
        (date(1978, 1, 10), date(1978, 7, 10), 104_400, "8.80"),  # (c)(5)(ii): 6 months
        (date(1978, 1, 10), date(1979, 7, 10), 113_519, "8.76"),  # (c)(5)(iii): 1 y 6 m
        (date(1978, 1, 10), date(1980, 1, 10), 124_000, "11.36"),  # (c)(5)(iv): 2 y
    ],
)
def test_examples_of_a_single_payment(lent_on: date, paid_on: date, paid: int, apr: str) -> None:
    movements = [Movement(lent_on, 100_000), Movement(paid_on, -paid)]
    assert percent(single_payment_rate(movements)) == Decimal(apr)


def test_odd_days_of_a_bimonthly_loan_count_months_of_30_days() -> None:
    # Example (c)(4)(ii): 1 month and 22 days; 50 calendar days would give 7.33 %.
    found = unit_periods(date(1978, 1, 10), date(1978, 3, 1), BIMONTH)
    assert found == (0, Fraction(52, 60))


@pytest.mark.parametrize(
    ("start", "end", "unit", "found"),
    [
        (date(1978, 2, 10), date(1978, 4, 1), MONTH, (1, Fraction(19, 30))),
        (date(1978, 2, 23), date(1978, 3, 1), SEMIMONTH, (0, Fraction(6, 15))),
        (date(1978, 5, 23), date(1978, 10, 1), QUARTER, (1, Fraction(39, 90))),
        (date(1978, 3, 20), date(1978, 4, 21), WEEK, (4, Fraction(4, 7))),
        (date(1978, 3, 18), date(1978, 4, 20), UnitPeriod("WEEK", 4), (1, Fraction(5, 28))),
        (date(1978, 1, 10), date(1979, 7, 10), YEAR, (1, Fraction(6, 12))),
        (date(1978, 1, 10), date(1979, 2, 14), YEAR, (1, Fraction(35, 365))),
        (date(1978, 1, 30), date(1978, 2, 28), MONTH, (1, Fraction(0))),
        (date(1978, 1, 31), date(1978, 4, 30), MONTH, (3, Fraction(0))),
    ],
)
def test_unit_periods_are_counted_back(
    start: date, end: date, unit: UnitPeriod, found: tuple[int, Fraction]
) -> None:
    assert unit_periods(start, end, unit) == found


def test_several_advances() -> None:
    # Half of the money comes a month later: what is then owed is owed for one month less.
    lent = [Movement(date(2024, 1, 1), 50_000), Movement(date(2024, 2, 1), 50_000)]
    paid = [Movement(date(2024, 3, 1), -50_500 - 1_005), Movement(date(2024, 4, 1), -51_000)]
    rate = actuarial_rate(lent + paid, MONTH)
    i = float(rate) / 12
    worth = 500 + 500 / (1 + i) - 515.05 / (1 + i) ** 2 - 510 / (1 + i) ** 3
    assert worth == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    "unit",
    [
        UnitPeriod("MONTH", 0),
        UnitPeriod("MONTH", 12),
        UnitPeriod("YEAR", 2),
        UnitPeriod("WEEK", 53),
    ],
)
def test_a_unit_period_is_at_most_a_year(unit: UnitPeriod) -> None:
    movements = [Movement(date(2024, 1, 1), 100), Movement(date(2024, 2, 1), -101)]
    with pytest.raises(ContractError, match="unit-period"):
        actuarial_rate(movements, unit)


def test_a_single_payment_is_single_and_later() -> None:
    lent = Movement(date(2024, 1, 1), 100)
    with pytest.raises(ContractError, match="single payment"):
        single_payment_rate(
            [lent, Movement(date(2024, 2, 1), -50), Movement(date(2024, 3, 1), -60)]
        )
    with pytest.raises(ContractError, match="after its advance"):
        single_payment_rate([lent, Movement(date(2024, 1, 1), -100)])
    with pytest.raises(ContractError, match="at least a draw and a payment"):
        single_payment_rate([lent])
