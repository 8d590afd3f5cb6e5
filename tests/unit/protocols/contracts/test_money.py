"""Amounts as a person reads them."""

import pytest

from protocols.contracts.money import money_text


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
def test_minor_units_are_of_the_currency(minor: int, currency: str, text: str) -> None:
    assert money_text(minor, currency) == text
