"""Integer noise: exact samples of the discrete Gaussian, from the operating system's entropy.

Floating point only settles what it settles beyond doubt; the rest is settled exactly, so that what
is drawn has the claimed distribution and not one near it. Why our own: docs/decisions/0009.
"""

from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from os import urandom
from typing import Protocol

import numpy as np
import numpy.typing as npt

from protocols.contracts.privacy import LARGEST_SCALE
from protocols.errors import UnsupportedMechanismError

IntegerVector = npt.NDArray[np.int64]

# How far `_happens` lets float64 be off before it decides exactly. The bound is 2^-49 (there), so
# this is five hundred times more than is needed, and an exact decision still one in 2^39.
DOUBT = 2.0**-40
_BATCH = 2**15  # proposals at a time: their arrays stay in the processor's cache


class IntegerNoise(Protocol):
    """Draws independent integers of one scale."""

    def draw(self, size: int) -> IntegerVector:
        """Return ``size`` fresh integers, int64 (size,)."""


class DiscreteGaussian:
    """The discrete Gaussian on the integers, exactly: ``x`` has a chance like exp(-x^2 / (2 s^2)).

    Args:
        scale: ``s``, about the standard deviation, in grid steps; 1 to ``LARGEST_SCALE``.

    Raises:
        UnsupportedMechanismError: The scale is outside these bounds, or not an integer.

    Privacy: added to an integer sum of L2 sensitivity ``d``, one draw is a release of
        noise multiplier ``scale / d``.
    Source: Canonne, Kamath, Steinke (2020), "The Discrete Gaussian for Differential Privacy",
        algorithms 1 to 3 with t = s.
    """

    def __init__(self, scale: int) -> None:
        if type(scale) is not int or not 1 <= scale <= LARGEST_SCALE:  # a bool is an int, too
            raise UnsupportedMechanismError("noise needs a whole scale that fits 64-bit integers")
        self._scale = scale

    def draw(self, size: int) -> IntegerVector:
        """Return ``size`` fresh integers, int64 (size,)."""
        drawn, missing = [np.empty(0, dtype=np.int64)], size
        while missing > 0:
            proposals = min(_BATCH, 2 * missing + 100)  # a little less than half are accepted
            drawn.append(self._accepted(proposals)[:missing])
            missing -= len(drawn[-1])
        return np.concatenate(drawn)

    def _accepted(self, proposals: int) -> IntegerVector:
        """Propose signed numbers u + s v, and return those that are accepted.

        u is uniform below s, v has a chance like exp(-v), the sign is even. Accepted is u with a
        chance of exp(-u / s) (algorithm 2), which makes a discrete Laplace, and then the number x
        with a chance of exp(-(x - s)^2 / (2 s^2)) (algorithm 3). All must hold, else a
        proposal is dropped; so one event decides, of the product's chance:
        exp(-v) exp(-u / s - (u + s v - s)^2 / (2 s^2)) = exp(-(u + s v)^2 / (2 s^2)) exp(-1/2).
        """
        s, words = self._scale, _words(proposals)
        is_negative, bits = (words & 1).astype(np.bool_), (words >> 1).astype(np.int64)
        u = bits % s
        x = u + s * _times_in_a_row(proposals)  # below 2^63 but for a chance of exp(-2^18)

        def exactly(index: int) -> Fraction:
            return Fraction(int(u[index]), s) + Fraction(int(x[index]) - s, s) ** 2 / 2

        accepted = _happens(u / s + np.square((x - s) / s) / 2, exactly)
        accepted &= bits < 2**63 // s * s  # up to a multiple of s, all remainders weigh the same
        accepted &= ~(is_negative & (x == 0))  # else zero would count twice
        return np.where(is_negative, -x, x)[accepted]


def _times_in_a_row(size: int) -> IntegerVector:
    """Return ``size`` times how often in a row an event of chance exp(-1) happened."""
    counts, going = np.zeros(size, dtype=np.int64), np.arange(size)
    while going.size:
        going = going[_happens(np.ones(going.size), lambda _: Fraction(1))]
        counts[going] += 1
    return counts


def _happens(
    exponents: npt.NDArray[np.float64], exactly: Callable[[int], Fraction]
) -> npt.NDArray[np.bool_]:
    """Return whether independent events of chance exp(-exponent) happened, exactly.

    An event happens when a uniform real number is below its chance; its first 64 bits are drawn.
    Float64 is off by less than 2^-49 in all: an exponent z carries at most six rounded steps, each
    a factor within 1 +- 2^-53, and z exp(-z) < 1/2, so 2^-51; exp is allowed 4 units in the last
    place, another 2^-51; the bits, their difference and what follows the bits add 2^-52.

    Args:
        exponents: Zero or more; each the float64 of ``exactly`` at its index.
        exactly: The exponents without rounding; asked where ``DOUBT`` is left.
    """
    words = _words(len(exponents))
    above = np.exp(-exponents) - words * 2.0**-64
    happens: npt.NDArray[np.bool_] = above > 0
    for index in np.flatnonzero(np.abs(above) <= DOUBT).tolist():
        happens[index] = _is_below_exp(int(words[index]), exactly(index))
    return happens


def _is_below_exp(word: int, exponent: Fraction) -> bool:
    """Return whether a uniform real number that starts with these 64 bits is below exp(-exponent).

    Takes more bits, and more digits, until it is sure. Decimal divides and exponentiates correctly
    rounded, so with d digits ``chance`` is within 10^(1-d) (1 + z) exp(-z), less than 2^-bits here.
    """
    bits = 64
    while True:
        context = Context(prec=bits // 3 + 2)
        z = context.divide(Decimal(-exponent.numerator), Decimal(exponent.denominator))
        chance = Fraction(context.exp(z)) * 2**bits
        if word + 1 <= chance - 1:
            return True
        if word >= chance + 1:
            return False
        word, bits = word << 64 | int.from_bytes(urandom(8)), bits + 64


def _words(size: int) -> npt.NDArray[np.uint64]:
    return np.frombuffer(urandom(8 * size), dtype=np.uint64)
