"""Amounts as people read them."""

import pytest

from protocols.contracts.money import money_text


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (123_456_789, "USD", "USD 1,234,567.89"),
        (5, "EUR", "EUR 0.05"),
        (1_500, "JPY", "JPY 1,500"),
        (1_500, "KWD", "KWD 1.500"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(minor: int, currency: str, said: str) -> None:
    assert money_text(minor, currency) == said
