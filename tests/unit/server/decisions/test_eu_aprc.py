"""The annual percentage rate of charge of the European Union.

Sources: COM(96)79, annex III, later in 98/7/EC (examples); SWD(2012)128, as used in
andrewmurphy353/curo, test/daycount/eu_2008_48_ec_test.dart (intervals); AprEuropeanUnionTests.fs of
simontreanor/FSharp.Finance.Personal (two that count otherwise).
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from protocols.errors import ContractError
from server.decisions.annual_cost import percent
from server.decisions.cash_flows import Flow, rate_of
from server.decisions.eu_aprc import MeasuringUnit, aprc, interval
from server.decisions.movements import Movement

JANUARY_94 = date(1994, 1, 1)


@pytest.mark.parametrize(
    ("unit", "start", "end", "years"),
    [
        ("MONTHS", date(2012, 1, 12), date(2012, 2, 15), Fraction(1, 12) + Fraction(3, 365)),
        ("MONTHS", date(2013, 1, 12), date(2013, 2, 15), Fraction(1, 12) + Fraction(3, 366)),
        ("MONTHS", date(2013, 2, 25), date(2013, 3, 28), Fraction(1, 12) + Fraction(3, 366)),
        ("MONTHS", date(2013, 2, 26), date(2013, 3, 29), Fraction(1, 12) + Fraction(2, 366)),
        ("MONTHS", date(2012, 2, 26), date(2012, 3, 29), Fraction(1, 12) + Fraction(3, 366)),
        ("MONTHS", date(2012, 1, 12), date(2012, 3, 15), Fraction(2, 12) + Fraction(3, 365)),
        ("MONTHS", date(2024, 12, 31), date(2025, 2, 28), Fraction(2, 12)),
        ("MONTHS", date(2024, 1, 31), date(2024, 2, 29), Fraction(1, 12)),
        ("MONTHS", date(2024, 2, 28), date(2024, 3, 31), Fraction(1, 12) + Fraction(1, 366)),
        ("YEARS", date(2012, 1, 12), date(2012, 2, 15), Fraction(34, 365)),
        ("YEARS", date(2012, 1, 12), date(2013, 2, 15), 1 + Fraction(34, 365)),
        ("YEARS", date(2020, 1, 1), date(2021, 3, 15), 1 + Fraction(74, 366)),
        ("YEARS", date(2024, 2, 29), date(2025, 2, 28), Fraction(1)),
        ("WEEKS", date(2012, 1, 12), date(2012, 1, 26), Fraction(2, 52)),
        ("WEEKS", date(2012, 1, 12), date(2012, 1, 30), Fraction(2, 52) + Fraction(4, 365)),
        ("WEEKS", date(2012, 1, 12), date(2013, 1, 12), 1 + Fraction(2, 365)),
    ],
)
def test_intervals_are_counted_back_from_the_payment(
    unit: MeasuringUnit, start: date, end: date, years: Fraction
) -> None:
    assert interval(start, end, unit) == years


def test_the_printed_factors_are_these_fractions() -> None:
    printed = [0.0915525114, 0.0915300546, 0.0887978142, 0.0931506849, 1.2021857923, 0.0494204426]
    exact = [
        Fraction(1, 12) + Fraction(3, 365),
        Fraction(1, 12) + Fraction(3, 366),
        Fraction(1, 12) + Fraction(2, 366),
        Fraction(34, 365),
    ]
    exact += [1 + Fraction(74, 366), Fraction(2, 52) + Fraction(4, 365)]
    assert [round(float(one), 10) for one in exact] == printed


def test_an_interval_does_not_run_backwards() -> None:
    for unit in ("YEARS", "MONTHS"):
        with pytest.raises(ContractError, match="must not end before"):
            interval(date(2024, 1, 2), date(2024, 1, 1), unit)


@pytest.mark.parametrize(("lent", "apr"), [(100_000, "12.96"), (95_000, "16.90")])
def test_one_payment_after_a_year_and_a_half(lent: int, apr: str) -> None:
    movements = [Movement(JANUARY_94, lent), Movement(date(1995, 7, 1), -120_000)]
    assert percent(aprc(movements, "YEARS")) == Decimal(apr)


def test_the_official_answer_has_one_decimal() -> None:
    movements = [Movement(JANUARY_94, 100_000), Movement(date(1995, 7, 1), -120_000)]
    assert round(100 * aprc(movements, "YEARS"), 1) == Decimal("13.0")


@pytest.mark.parametrize(("lent", "apr"), [(100_000, "12.92"), (95_000, "16.85")])
def test_in_equal_months_the_same_is_a_little_less(lent: int, apr: str) -> None:
    movements = [Movement(JANUARY_94, lent), Movement(date(1995, 7, 1), -120_000)]
    assert percent(aprc(movements, "MONTHS")) == Decimal(apr)


def test_two_yearly_payments() -> None:
    paid = [Movement(date(1995, 1, 1), -60_000), Movement(date(1996, 1, 1), -60_000)]
    assert percent(aprc([Movement(JANUARY_94, 100_000), *paid], "YEARS")) == Decimal("13.07")


@pytest.mark.parametrize(("unit", "apr"), [("MONTHS", "13.19"), ("YEARS", "13.23")])
def test_quarterly_payments_by_months_and_by_days(unit: MeasuringUnit, apr: str) -> None:
    paid = [
        Movement(date(1994, 4, 1), -27_200),
        Movement(date(1994, 7, 1), -27_200),
        Movement(date(1995, 1, 1), -54_400),
    ]
    assert percent(aprc([Movement(JANUARY_94, 100_000), *paid], unit)) == Decimal(apr)


def test_five_days_in_a_leap_year_are_of_366() -> None:
    # The cited file divides by 365 all the same, and finds 324.436 %.
    of_365 = rate_of([Flow(50_000, 0), Flow(-51_000, 0, Fraction(5, 365))])
    assert round(100 * of_365, 3) == Decimal("324.436")
    movements = [Movement(date(2012, 10, 10), 50_000), Movement(date(2012, 10, 15), -51_000)]
    assert round(aprc(movements, "YEARS"), 6) == round(Decimal("1.02") ** Decimal("73.2") - 1, 6)


def test_monthly_instalments_are_whole_months() -> None:
    # The cited file counts 31 and 61 days over 365, and finds 84.63 %.
    by_days = rate_of(
        [Flow(50_000, 0), *(Flow(-27_000, 0, Fraction(days, 365)) for days in (31, 61))]
    )
    assert percent(by_days) == Decimal("84.63")
    movements = [Movement(date(2012, 10, 10), 50_000)]
    movements += [Movement(date(2012, month, 10), -27_000) for month in (11, 12)]
    assert percent(aprc(movements, "MONTHS")) == Decimal("85.59")
