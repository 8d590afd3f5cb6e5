"""Money is rounded half up to whole minor units, and only here."""

from fractions import Fraction


def half_up(amount: Fraction) -> int:
    """Return an amount of at least 0 as whole minor units; half a unit counts as one."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


def part_of(amount_minor: int, share: Fraction) -> int:
    """Return a share, at least 0, of an amount, rounded half up to whole minor units."""
    # As half_up of the product, which would first be reduced: many times slower.
    return (2 * amount_minor * share.numerator + share.denominator) // (2 * share.denominator)
