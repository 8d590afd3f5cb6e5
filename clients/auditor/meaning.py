"""What an epsilon means to a person: how often the best attacker is right, and how sure it gets.

The attacker knows everything but whether one borrower's vector was in the sums, and sees all that
the view sees. Every number is rounded up.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from protocols.ledger.price import epsilon_micro

FALSE_ALARMS = 0.01  # share of absent borrowers that the attacker may wrongly call present
_NORMAL = NormalDist()
_LOW_PRIOR = 0.01


@dataclass(frozen=True)
class Meaning:
    """One view's price in plain numbers.

    Attributes:
        mu_micro: The Gaussian-DP parameter, in millionths.
        hits_ppm: Most true positives at 1 % false positives, in millionths.
        guess_ppm: How often a guess is right at most, if "was in" was as likely as not, in
            millionths.
        even_ppm: What a belief of 50 % that the borrower was in grows to at most, in millionths.
        rare_ppm: What a belief of 1 % that the borrower was in grows to at most, in millionths.
        beyond_ppb: How often an answer comes up that lets that belief grow further, in billionths.
    """

    mu_micro: int
    hits_ppm: int
    guess_ppm: int
    even_ppm: int
    rare_ppm: int
    beyond_ppb: int


def meaning_of(mu2: Fraction, *, delta: Fraction) -> Meaning:
    """Say what a history means.

    Args:
        mu2: Square of the Gaussian-DP parameter, >= 0.
        delta: Of the charter, in (0, 1).

    Source: Dong, Roth, Su (2022), "Gaussian Differential Privacy", equation 6, for true positives
        and for the guess, which errs least where both errors are equal; Bayes' rule for beliefs.
    """
    mu = math.sqrt(mu2)
    epsilon = epsilon_micro(mu2, delta=delta) / 1e6
    even = _belief(0.5, epsilon) + (float(delta) if mu else 0.0)
    beyond = _NORMAL.cdf(mu / 2 - epsilon / mu) if mu else 0.0
    return Meaning(
        mu_micro=_up(mu, 10**6),
        hits_ppm=min(10**6, _up(true_positives(FALSE_ALARMS, mu), 10**6)),
        guess_ppm=min(10**6, _up(_NORMAL.cdf(mu / 2), 10**6)),
        even_ppm=min(10**6, _up(even, 10**6)),
        rare_ppm=min(10**6, _up(_belief(_LOW_PRIOR, epsilon), 10**6)),
        beyond_ppb=_up(beyond, 10**9),
    )


def true_positives(false_positives: float, mu: float) -> float:
    """Return the most true positives that any attacker has, for a share of false positives.

    Args:
        false_positives: In [0, 1].
        mu: The Gaussian-DP parameter.

    Source: Dong, Roth, Su (2022), "Gaussian Differential Privacy", equation 6.
    """
    if false_positives in (0.0, 1.0):
        return false_positives
    return _NORMAL.cdf(_NORMAL.inv_cdf(false_positives) + mu)


def _belief(prior: float, epsilon: float) -> float:
    """Return the largest belief after an answer whose odds are at most e^epsilon."""
    return prior / (prior + (1 - prior) * math.exp(-epsilon))


def _up(value: float, unit: int) -> int:
    """Return a share in whole units, rounded up; a hair of floating point is no unit."""
    return math.ceil(round(value * unit, 6))
