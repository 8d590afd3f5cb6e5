"""What noise costs: the closed form that is the accountant of record, on integers.

Every spend is one full-batch Gaussian release of noise multiplier sigma, so a history is worth
one number, ``mu^2 = sum of 1 / sigma^2``, kept as an exact fraction. Epsilon is integer
micro-epsilon, rounded up. Anyone can check a line of it with a table of the normal distribution.
"""

import math
from collections.abc import Iterable
from fractions import Fraction

from protocols.errors import EntryError

_MOST_MICRO = 100_000_000  # epsilon 100: beyond it nothing is promised anyway


def parse_decimal(text: str) -> Fraction:
    """Return the exact value of a plain positive decimal such as ``12.345678`` or ``0.00001``.

    Raises:
        EntryError: Another spelling, zero, or too long.
    """
    whole, _, part = text.partition(".")
    digits = (whole + part).isascii() and (whole + part).isdigit()
    spelled = "." not in text or (part and not part.endswith("0"))
    if not digits or not whole or not spelled or len(text) > 30 or whole != str(int(whole)):
        raise EntryError("expected a plain decimal number such as 12.5")
    value = Fraction(text)
    if value <= 0:
        raise EntryError("expected a number above zero")
    return value


def mu_squared(noise_multipliers: Iterable[Fraction]) -> Fraction:
    """Compose Gaussian releases exactly: the sum of ``1 / sigma^2``.

    Source: Dong, Roth, Su (2022), "Gaussian Differential Privacy", corollary 3.3.
    """
    return sum((1 / sigma**2 for sigma in noise_multipliers), start=Fraction(0))


def epsilon_micro(mu2: Fraction, *, delta: Fraction) -> int:
    """Return the smallest whole micro-epsilon at which the Gaussian guarantee has this delta.

    Args:
        mu2: Square of the Gaussian-DP parameter, >= 0.
        delta: In (0, 1).

    Returns:
        Micro-epsilon, rounded up; 0 where nothing was spent. At most 100,000,000, which means
        "no guarantee worth the name".

    Privacy: zero-out adjacency of one borrower; delta as stated.
    Source: Balle and Wang (2018), "Improving the Gaussian Mechanism", theorem 8.
    """
    if mu2 == 0:
        return 0
    mu, target = math.sqrt(mu2), float(delta)
    low, high = 0, _MOST_MICRO
    while low < high:
        middle = (low + high) // 2
        # A hair below the target, so that rounding of the normal distribution errs upwards.
        if _delta(middle / 1e6, mu) <= target * (1 - 1e-9):
            high = middle
        else:
            low = middle + 1
    return low


def largest_mu_squared(epsilon: int, *, delta: Fraction) -> Fraction:
    """Return a ``mu^2`` that costs at most ``epsilon`` micro-epsilon, and hardly less.

    The inverse of ``epsilon_micro``, for planning: what is planned is priced again before it
    is authorised.
    """
    low, high = Fraction(0), Fraction(10_000)
    for _ in range(70):
        middle = (low + high) / 2
        if epsilon_micro(middle, delta=delta) <= epsilon:
            low = middle
        else:
            high = middle
    return low


def _delta(epsilon: float, mu: float) -> float:
    first = _normal_cdf(-epsilon / mu + mu / 2)
    second = _normal_cdf(-epsilon / mu - mu / 2)
    # exp(epsilon) overflows long after the product has a limit; epsilon is at most 100 here.
    return first - math.exp(epsilon) * second


def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))
