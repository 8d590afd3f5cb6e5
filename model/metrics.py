"""How well a model separates good from bad, with intervals that include the privacy noise."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from model.queries.evaluation import SCORE_BINS

_NORMAL = NormalDist()
_WIDTH_95 = _NORMAL.inv_cdf(0.975)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Band:
    """Hold-out borrowers with scores between two edges.

    Attributes:
        share: Noised share of the hold-out, in [0, 1].
        bad_rate: Share of bad ones among them.
    """

    share: float
    bad_rate: Estimate


@dataclass(frozen=True)
class Quality:
    """What a hold-out says.

    Attributes:
        auc: Probability that a bad borrower scores worse than a good one.
        ks: Largest distance between the classes' distributions, at the edges of the score bins.
        bad_rate: Share of bad borrowers in the hold-out.
        bands: One for each score bin, the safest first.
    """

    auc: Estimate
    ks: Estimate
    bad_rate: Estimate
    bands: tuple[Band, ...]


def score_edges(weights: Tensor, *, mean_gram: Tensor, row_scale: float) -> Tensor:
    """Return logit edges that split borrowers into about equal bins, float64 (SCORE_BINS - 1,).

    Mean and spread of the logit follow from the rows' mean outer product: the edges touch no data.

    Args:
        weights: Final weights, float64 (width,).
        mean_gram: Mean outer product of the rows, from noised sums, float64 (width, width).
        row_scale: What a row's intercept is scaled to.
    """
    mean = (weights @ mean_gram[0]).item() / row_scale
    second = (weights @ mean_gram @ weights).item()
    spread = math.sqrt(max(second - mean**2, 1e-6))
    steps = [_NORMAL.inv_cdf(step / SCORE_BINS) for step in range(1, SCORE_BINS)]
    return torch.tensor([mean + spread * step for step in steps], dtype=torch.float64)


def separation(counts: Tensor, *, noise: float) -> Quality:
    """Estimate AUC and bad rate from noised score bins.

    Args:
        counts: Good borrowers by score bin, then bad ones, float64 (2 * bins,); safest first.
        noise: Standard deviation of the noise in each count.

    Returns:
        Estimates with 95 % intervals: sampling (of the AUC: Hanley and McNeil, 1982) and noise
        (first order) added; an interval is the whole of [0, 1] where the noise drowns either class.
    """
    good, bad = torch.split(counts, len(counts) // 2)
    goods, bads = good.sum().item(), bad.sum().item()
    class_noise = noise * math.sqrt(len(good))
    is_drowned = min(goods, bads) <= _WIDTH_95 * class_noise
    unknown = Estimate(0.5, 0.0, 1.0)
    return Quality(
        auc=unknown if is_drowned else _auc(good, bad, noise=noise),
        ks=unknown if is_drowned else _ks(good, bad, noise=noise),
        bad_rate=_bad_rate(goods, bads, class_noise),
        bands=_bands(good, bad, noise=noise),
    )


def _auc(good: Tensor, bad: Tensor, *, noise: float) -> Estimate:
    goods, bads = good.sum().item(), bad.sum().item()
    below_good = _below(good) / goods  # for each bin: chance that a good one is safer
    above_bad = (bads - _below(bad)) / bads
    auc = (bad @ below_good).item() / bads
    slope = ((below_good - auc) / bads).square().sum() + ((above_bad - auc) / goods).square().sum()
    return _interval(auc, math.sqrt(_hanley_mcneil(auc, goods, bads) + noise**2 * slope.item()))


def _ks(good: Tensor, bad: Tensor, *, noise: float) -> Estimate:
    """Estimate the largest distance of the classes' distributions over the inner edges.

    The largest of several noisy distances leans upwards. So the interval begins at the largest
    that all edges together make sure of, and ends at the largest that any one allows.
    """
    shares, variances = [], []
    for counts in (good, bad):
        total, edges = counts.sum(), len(counts) - 1
        below = (counts.cumsum(0)[:-1] / total).clamp(0.0, 1.0)  # (edges,)
        slopes = torch.tril(torch.ones(edges, len(counts))) - below.unsqueeze(1)
        noised = noise**2 * (slopes / total).square().sum(dim=1)
        shares.append(below)
        variances.append(below * (1 - below) / total + noised)
    distances, deviations = shares[0] - shares[1], (variances[0] + variances[1]).sqrt()
    all_sure = _NORMAL.inv_cdf(1 - 0.025 / len(distances))
    low = (distances - all_sure * deviations).max().item()
    high = (distances + _WIDTH_95 * deviations).max().item()
    largest = distances.max().item()
    return Estimate(*(min(max(value, 0.0), 1.0) for value in (largest, low, high)))


def _bands(good: Tensor, bad: Tensor, *, noise: float) -> tuple[Band, ...]:
    total = max(1.0, (good + bad).sum().item())
    return tuple(
        Band(min(max((goods + bads) / total, 0.0), 1.0), _bad_rate(goods, bads, noise))
        for goods, bads in zip(good.tolist(), bad.tolist(), strict=True)
    )


def auc_with_interval(outcomes: Tensor, scores: Tensor) -> Estimate:
    """Return the exact AUC of scores with its sampling interval; for public data and demos.

    Args:
        outcomes: 1.0 for bad, 0.0 for good, float64 (n,).
        scores: Higher is riskier, float64 (n,).
    """
    good, bad = scores[outcomes == 0].sort().values, scores[outcomes == 1]
    lower = torch.searchsorted(good, bad, side="left").to(torch.float64)
    upper = torch.searchsorted(good, bad, side="right").to(torch.float64)
    auc = ((lower + upper) / 2).sum().item() / (len(good) * len(bad))
    return _interval(auc, math.sqrt(_hanley_mcneil(auc, len(good), len(bad))))


def _below(counts: Tensor) -> Tensor:
    """Return the mass below each bin, ties counted half."""
    return counts.cumsum(0) - counts / 2


def _hanley_mcneil(auc: float, goods: float, bads: float) -> float:
    area = min(max(auc, 0.0), 1.0)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (bads - 1) * (q1 - area**2) + (goods - 1) * (q2 - area**2)
    return max(0.0, (area * (1 - area) + spread) / (goods * bads))


def _bad_rate(goods: float, bads: float, class_noise: float) -> Estimate:
    total = goods + bads
    if total <= _WIDTH_95 * class_noise:
        return Estimate(0.5, 0.0, 1.0)
    rate = min(max(bads / total, 0.0), 1.0)
    variance = rate * (1 - rate) / total + (class_noise / total) ** 2 * (rate**2 + (1 - rate) ** 2)
    return _interval(rate, math.sqrt(variance))


def _interval(value: float, deviation: float) -> Estimate:
    inside = min(max(value, 0.0), 1.0)
    half = _WIDTH_95 * deviation
    return Estimate(inside, max(0.0, inside - half), min(1.0, inside + half))
