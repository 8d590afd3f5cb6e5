"""Half a minor unit counts as a whole one."""

from fractions import Fraction

import pytest

from server.decisions.rounding import part_of


@pytest.mark.parametrize(
    ("amount", "share", "rounded"),
    [
        (1, Fraction(1, 2), 1),
        (3, Fraction(1, 2), 2),
        (1, Fraction(49, 100), 0),
        (1, Fraction(51, 100), 1),
        (100, Fraction(0), 0),
        (100, Fraction(1), 100),
        (200, Fraction(1, 3), 67),
        (100, Fraction(1, 3), 33),
        (10**15, Fraction(1, 3), 333_333_333_333_333),
        (7, Fraction(3, 2), 11),
    ],
)
def test_a_share_is_rounded_half_up(amount: int, share: Fraction, rounded: int) -> None:
    assert part_of(amount, share) == rounded
