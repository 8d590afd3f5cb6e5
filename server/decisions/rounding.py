"""Money is rounded half up to whole minor units, and only here."""

from fractions import Fraction


def part_of(amount_minor: int, share: Fraction) -> int:
    """Return a share, at least 0, of an amount, rounded half up to whole minor units."""
    return (2 * amount_minor * share.numerator + share.denominator) // (2 * share.denominator)
