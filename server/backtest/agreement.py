"""Do probabilities hold? Each band's bad rate against its mean probability of default."""

from dataclasses import dataclass
from fractions import Fraction

from scipy.stats import beta


@dataclass(frozen=True)
class Agreement:
    """What was foreseen of some loans and what came; None where there are none.

    Attributes:
        known: Of how many it is known how they went.
        bad: Who of them went bad.
        p_default: Their mean probability of default, as A's decisions had it.
        bad_rate: The share that went bad.
        jeffreys_p: See ``jeffreys_p``.
    """

    known: int
    bad: int
    p_default: Fraction | None
    bad_rate: Fraction | None
    jeffreys_p: float | None


def jeffreys_p(bad: int, known: int, *, p_default: float) -> float:
    """Return how probable it is that a band's true rate of default is no higher than foreseen.

    One-sided: near 0 more went bad than the probability lets expect, near 1 fewer. The rate's
    prior is Jeffreys', Beta(1/2, 1/2). If the probability is right, about 5 bands in 100 are below
    0.05 by chance alone, where many defaults are expected and none depends on another. Of few and
    safe loans the prior alone may say so, though none went bad.

    Args:
        bad: How many of ``known`` loans went bad.
        p_default: Mean probability of default of those loans, from 0 to 1.

    Source: ECB (2019), "Instructions for reporting the validation results of internal models",
        section 2.5.3.1.
    """
    return float(beta.cdf(p_default, bad + 0.5, known - bad + 0.5))
