"""Two accountants beside the one of record: privacy loss distributions and Renyi divergence.

Both come from dp-accounting and read noise multipliers, never ``mu^2``, so a mistake in the closed
form cannot repeat itself here. The central limit approximation that some tools call "GDP" is
left out on purpose: for sampled batches it is no bound and *under-reports*, by up to a tenth in
the nine cells of ``tests/privacy/test_accountants.py``.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dp_accounting import DpEvent, GaussianDpEvent, NeighboringRelation, PoissonSampledDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

MOST_MICRO = 100_000_000  # epsilon 100, where the closed form stops too
_ZERO_OUT = NeighboringRelation.REPLACE_SPECIAL
_AIM = 1e-4  # epsilon that the grid may add
_SAMPLED_INTERVAL = 1e-3


@dataclass(frozen=True)
class Charge:
    """So many Gaussian releases of one kind.

    Attributes:
        noise_multiplier: Standard deviation over the length of one borrower's vector.
        sampling_probability: Chance that a borrower is in the batch; 1 for every query of ours.
        count: How many.
    """

    noise_multiplier: float
    sampling_probability: float
    count: int


def epsilon_pld(charges: Iterable[Charge], delta: float, *, interval: float | None = None) -> float:
    """Compose privacy loss distributions, rounded pessimistically onto a grid.

    Full batches of equal noise are one Gaussian of ``sigma / sqrt(count)``, which dp-accounting
    composes in closed form; different ones are convolved number by number. So for one kind of
    charge this and the closed form agree by construction, up to the grid.

    Args:
        charges: In any order; equal ones are merged.
        delta: Of the epsilon. Below about 1e-15, what floating point resolves, it is infinite.
        interval: Step of the grid; by default one that adds at most about 0.0001 to full
            batches, and 0.001 for sampled ones.

    Returns:
        An upper bound.

    Privacy: zero-out adjacency of one borrower; the numbers of adding or removing one.
    """
    merged = _merged(charges)
    if not merged:
        return 0.0
    accountant = PLDAccountant(
        _ZERO_OUT, value_discretization_interval=interval or _interval(merged, delta)
    )
    for charge in merged:
        accountant.compose(_event(charge), charge.count)
    return float(accountant.get_epsilon(delta))


def epsilon_rdp(charges: Iterable[Charge], delta: float) -> float:
    """Compose Renyi divergences; an upper bound that is some percent looser.

    Privacy: zero-out adjacency of one borrower; the numbers of adding or removing one.
    """
    merged = _merged(charges)
    if not merged:
        return 0.0
    accountant = RdpAccountant(neighboring_relation=_ZERO_OUT)
    for charge in merged:
        accountant.compose(_event(charge), charge.count)
    return float(accountant.get_epsilon(delta))


def micro_up(epsilon: float) -> int:
    """Return whole micro-epsilon, rounded up, at most ``MOST_MICRO``: "no guarantee"."""
    return math.ceil(min(epsilon * 1e6, MOST_MICRO))


def _merged(charges: Iterable[Charge]) -> list[Charge]:
    """One charge for each kind: two hundred rounds of a run are one composition, not 200."""
    counts: Counter[tuple[float, float]] = Counter()
    for charge in charges:
        counts[charge.noise_multiplier, charge.sampling_probability] += charge.count
    return [Charge(*kind, count) for kind, count in sorted(counts.items()) if count]


def _event(charge: Charge) -> DpEvent:
    gaussian = GaussianDpEvent(charge.noise_multiplier)
    if charge.sampling_probability == 1:
        return gaussian
    return PoissonSampledDpEvent(charge.sampling_probability, gaussian)


def _interval(charges: list[Charge], delta: float) -> float:
    """Return the step of a grid that adds at most about ``_AIM`` to epsilon.

    Splitting a value between its two neighbours on a grid of step h adds at most ``h^2 / 4`` to
    the variance of a privacy loss, so n distributions make at most ``n h^2 / 4`` of ``mu^2``.
    By ``epsilon = mu^2 / 2 + c mu``, with c the normal quantile of delta, that is at most
    ``n h^2 / 4 (1 / 2 + c / (2 mu))`` of epsilon. The grid moves only how tight the bound is.
    """
    if any(charge.sampling_probability < 1 for charge in charges):
        return _SAMPLED_INTERVAL
    mu = math.sqrt(sum(charge.count / charge.noise_multiplier**2 for charge in charges))
    quantile = math.sqrt(2 * math.log(1 / delta))  # of delta, or a little more
    return math.sqrt(4 * _AIM / (len(charges) * (0.5 + quantile / (2 * mu))))
