"""The closed form on integers. Against other accountants: ``tests/privacy/test_price.py``."""

from fractions import Fraction

import pytest

from protocols.errors import EntryError
from protocols.ledger.price import epsilon_micro, largest_mu_squared, mu_squared, parse_decimal

_DELTA = Fraction(1, 100_000)


@pytest.mark.parametrize(
    ("text", "value"),
    [("12.5", Fraction(25, 2)), ("0.00001", _DELTA), ("7", Fraction(7)), ("10", Fraction(10))],
)
def test_plain_decimals_are_exact(text: str, value: Fraction) -> None:
    assert parse_decimal(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", ".5", "5.", "5.0", "05", "1e3", "-1", "+1", " 1", "1_0", "0", "0.0", "1.2.3"),
        *("²", "٣", "x", "1" * 31),
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(EntryError):
        parse_decimal(text)


def test_releases_compose_exactly() -> None:
    assert mu_squared([Fraction(2), Fraction(3)]) == Fraction(1, 4) + Fraction(1, 9)
    assert mu_squared([]) == 0


def test_nothing_costs_nothing_and_too_much_costs_the_top() -> None:
    assert epsilon_micro(Fraction(0), delta=_DELTA) == 0
    assert epsilon_micro(Fraction(10**12), delta=_DELTA) == 100_000_000


def test_epsilon_grows_with_every_spend_and_with_a_smaller_delta() -> None:
    prices = [epsilon_micro(Fraction(n, 1000), delta=_DELTA) for n in range(1, 40)]
    assert prices == sorted(set(prices))
    assert epsilon_micro(Fraction(1, 10), delta=_DELTA / 10) > epsilon_micro(
        Fraction(1, 10), delta=_DELTA
    )


@pytest.mark.parametrize("epsilon", [1, 1_000, 500_000, 1_000_000, 8_000_000])
def test_the_largest_history_for_an_epsilon_costs_it_and_hardly_less(epsilon: int) -> None:
    mu2 = largest_mu_squared(epsilon, delta=_DELTA)
    assert epsilon_micro(mu2, delta=_DELTA) <= epsilon
    assert epsilon_micro(mu2 * Fraction(10_001, 10_000), delta=_DELTA) >= epsilon
