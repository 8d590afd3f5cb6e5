"""Each method's numbers: principal adds up, nothing is negative, rounding ends in the last row."""

from fractions import Fraction

import pytest

from protocols.contracts.plans import Method
from protocols.errors import ContractError
from server.decisions.instalments import Part, equal_instalment, parts_of

MONTH = Fraction(1, 100)


def test_an_equal_instalment_is_the_annuity_rounded_half_up() -> None:
    assert equal_instalment(1_200_000, [MONTH] * 12) == 106_619  # 1,066.1855
    assert equal_instalment(100, [Fraction(0)] * 8) == 13  # 12.5
    assert equal_instalment(100, [Fraction(1, 2)]) == 150


def test_periods_may_differ() -> None:
    # 1000 * 1.1 * 1.2 = E * 1.2 + E
    assert equal_instalment(1_000, [Fraction(1, 10), Fraction(2, 10)]) == 600
    parts = parts_of(1_000, [Fraction(1, 10), Fraction(2, 10)], method="EQUAL_INSTALMENT")
    assert parts == (Part(500, 100), Part(500, 100))


def test_a_first_period_too_long_for_an_equal_instalment_is_interest_only() -> None:
    parts = parts_of(100_000, [Fraction(2, 10), *[MONTH] * 12], method="EQUAL_INSTALMENT")
    assert parts[0] == Part(0, 20_000)
    assert {part.principal_minor + part.interest_minor for part in parts[1:-1]} == {8_885}
    assert parts[1:] == parts_of(100_000, [MONTH] * 12, method="EQUAL_INSTALMENT")


def test_an_instalment_may_just_pay_its_interest() -> None:
    parts = parts_of(300, [Fraction(1, 2), Fraction(0), Fraction(0)], method="EQUAL_INSTALMENT")
    assert parts == (Part(0, 150), Part(150, 0), Part(150, 0))


def test_an_instalment_never_adds_to_what_is_owed() -> None:
    parts = parts_of(10, [Fraction(0), Fraction(3), Fraction(0)], method="EQUAL_INSTALMENT")
    assert parts == (Part(7, 0), Part(0, 9), Part(3, 0))


@pytest.mark.parametrize(
    ("method", "parts"),
    [
        ("EQUAL_INSTALMENT", (Part(33, 1), Part(33, 1), Part(34, 0))),
        ("EQUAL_PRINCIPAL", (Part(33, 1), Part(33, 1), Part(34, 0))),
        ("INTEREST_FIRST", (Part(0, 1), Part(0, 1), Part(100, 1))),
        ("DAILY_INTEREST", (Part(0, 1), Part(0, 1), Part(100, 1))),
        ("BULLET", (Part(100, 3),)),
    ],
)
def test_what_rounding_leaves_is_in_the_last_row(method: Method, parts: tuple[Part, ...]) -> None:
    assert parts_of(100, [MONTH] * 3, method=method) == parts


def test_half_a_unit_of_interest_is_exact() -> None:
    # 1.36 % for a month on 525.00: 0.595, which a rate rounded to 28 digits falls short of.
    parts = parts_of(52_500, [Fraction("0.0136") / 12] * 2, method="INTEREST_FIRST")
    assert parts == (Part(0, 60), Part(52_500, 60))


def test_a_bullets_interest_is_rounded_once() -> None:
    assert parts_of(100, [Fraction(1, 250)] * 3, method="BULLET") == (Part(100, 1),)


@pytest.mark.parametrize(
    ("method", "balance", "periods"),
    [("EQUAL_INSTALMENT", 4, 5), ("EQUAL_PRINCIPAL", 4, 5), ("EQUAL_PRINCIPAL", 11, 7)],
)
def test_what_is_too_small_to_be_split_is_refused(
    method: Method, balance: int, periods: int
) -> None:
    with pytest.raises(ContractError, match="too small to be repaid in so many"):
        parts_of(balance, [Fraction(0)] * periods, method=method)


def test_the_last_row_may_be_small_but_not_nothing() -> None:
    parts = parts_of(13, [Fraction(0)] * 7, method="EQUAL_PRINCIPAL")
    assert [part.principal_minor for part in parts] == [2, 2, 2, 2, 2, 2, 1]
    with pytest.raises(ContractError):
        parts_of(12, [Fraction(0)] * 7, method="EQUAL_PRINCIPAL")
