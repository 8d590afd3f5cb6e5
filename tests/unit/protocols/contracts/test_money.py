"""Money is whole minor units within what JSON holds; shares are decimals in quotes."""

from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from protocols.contracts.money import (
    MAX_MINOR,
    Currency,
    Factor,
    Minor,
    PositiveMinor,
    PositiveShare,
    Share,
    money_text,
)


def _is(kind: object, value: object) -> bool:
    try:
        return TypeAdapter(kind).validate_python(value, strict=True) == value
    except ValidationError:
        return False


def test_money_is_what_every_json_reader_reads_exactly() -> None:
    assert float(MAX_MINOR) == MAX_MINOR
    assert float(MAX_MINOR + 2) != MAX_MINOR + 2


@pytest.mark.parametrize("kind", [Minor, PositiveMinor])
def test_an_amount_is_a_whole_number_from_its_least_to_the_most(kind: object) -> None:
    least = 0 if kind is Minor else 1
    assert _is(kind, least)
    assert _is(kind, MAX_MINOR)
    assert not _is(kind, least - 1)
    assert not _is(kind, MAX_MINOR + 1)


@pytest.mark.parametrize("amount", [1.0, 0.5, "1", Decimal(1), True, None])
def test_an_amount_of_another_type_is_none(amount: object) -> None:
    assert not _is(Minor, amount)
    assert not _is(PositiveMinor, amount)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Share, ["0", "0.5", "1", "1.000", "1e-3"], ["-0.001", "1.001"]),
        (PositiveShare, ["0.0001", "0.5", "1"], ["0", "0.0", "-1", "1.001"]),
        (Factor, ["0", "1.5", "100"], ["-0.001", "100.001"]),
    ],
)
def test_shares_and_factors_have_their_bounds(
    kind: object, good: list[str], bad: list[str]
) -> None:
    assert all(_is(kind, text) for text in good)
    assert not any(_is(kind, text) for text in [*bad, "NaN", "Infinity", "", "half", 0.5, 1])


def test_a_currency_is_three_capital_letters() -> None:
    assert _is(Currency, "USD")
    assert not any(_is(Currency, text) for text in ("usd", "US", "USDX", "", "U$D", "USD\n"))


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123_450, "USD", "1,234.50 USD"),
        (5, "CNY", "0.05 CNY"),
        (-1_050, "EUR", "-10.50 EUR"),
        (1_234, "JPY", "1,234 JPY"),
        (1_234_567, "KWD", "1,234.567 KWD"),
    ],
)
def test_a_person_reads_an_amount_in_its_currency(minor: int, currency: str, text: str) -> None:
    assert money_text(minor, currency) == text
