"""How well a model separates good from bad, with intervals that include the privacy noise."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from model.link import Link
from model.score_table import ScoreTable

_NORMAL = NormalDist()
_WIDTH_95 = _NORMAL.inv_cdf(0.975)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A difference with its 95 % interval; it may be below zero."""

    value: float
    low: float
    high: float


_UNKNOWN = Estimate(0.5, 0.0, 1.0)


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
        brier: Mean squared distance of probability and outcome.
        calibration_error: Mean distance of probability and bad rate over the score bins (ECE).
        bad_rate: Share of bad borrowers in the hold-out.
        stated: Their mean probability of default as the model says it, in [0, 1].
        bands: One for each score bin, the safest first.
    """

    auc: Estimate
    ks: Estimate
    brier: Estimate
    calibration_error: Estimate
    bad_rate: Estimate
    stated: float
    bands: tuple[Band, ...]


def measured(table: ScoreTable, link: Link) -> Quality:
    """Estimate how good a model is from noised score bins.

    Args:
        table: Of the hold-out.
        link: The model's; a bin's borrowers are taken at the probability of their mean logit.

    Returns:
        Estimates with 95 % intervals: sampling (of the AUC: Hanley and McNeil, 1982) and noise
        (first order) added; an interval is the whole of [0, 1] where the noise drowns either class.
    """
    good, bad, noise = table.good, table.bad, table.noise
    goods, bads = good.sum().item(), bad.sum().item()
    class_noise = noise * math.sqrt(len(good))
    bands = _bands(good, bad, noise=noise)
    p_default = link.probabilities(table.logits)
    masses = table.both.clamp_min(0.0) + 1e-9
    stated = (masses @ p_default / masses.sum()).item()
    bad_rate = _bad_rate(goods, bads, class_noise)
    if min(goods, bads) <= _WIDTH_95 * class_noise:
        return Quality(_UNKNOWN, _UNKNOWN, _UNKNOWN, _UNKNOWN, bad_rate, stated, bands)
    return Quality(
        auc=_auc(good, bad, noise=noise),
        ks=_ks(good, bad, noise=noise),
        brier=_brier(table, p_default),
        calibration_error=_calibration_error(table, p_default),
        bad_rate=bad_rate,
        stated=stated,
        bands=bands,
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


def _brier(table: ScoreTable, p_default: Tensor) -> Estimate:
    total = table.both.sum().item()
    errors = torch.cat([p_default.square(), (1 - p_default).square()])  # of a good one, a bad one
    counts = torch.cat([table.good, table.bad])
    brier = (counts @ errors).item() / total
    sampling = max(0.0, (counts @ errors.square()).item() / total - brier**2) / total
    noised = (table.noise / total) ** 2 * (errors - brier).square().sum().item()
    return _interval(brier, math.sqrt(sampling + noised))


def _calibration_error(table: ScoreTable, p_default: Tensor) -> Estimate:
    """Estimate the mean distance of what was said and what came, weighted by the bins' shares.

    Chance alone makes every distance larger, so its variance is taken off each square. By the
    triangle inequality the true mean lies no further from the one that was seen than the mean size
    of all errors, whose 95 % quantile is that of a sum of folded normal numbers.
    """
    total = table.both.sum().item()
    # In shares of everybody, so that a bin in which noise leaves nobody weighs next to nothing.
    gaps = (table.bad * (1 - p_default) - table.good * p_default) / total
    rate = (table.bad / table.both.clamp_min(1.0)).clamp(0.0, 1.0)  # may be far from what was said
    spread = torch.maximum(p_default * (1 - p_default), rate * (1 - rate))
    sampling = table.both.clamp_min(0.0) * spread
    noised = table.noise**2 * (p_default.square() + (1 - p_default).square())
    placed = (table.logit_noise * p_default * (1 - p_default)).square()
    variances = (sampling + noised + placed) / total**2
    seen = gaps.abs().sum().item()
    likely = (gaps.square() - variances).clamp_min(0.0).sqrt().sum().item()
    folded = math.sqrt(2 / math.pi) * variances.sqrt().sum().item()
    reach = folded + _NORMAL.inv_cdf(0.95) * math.sqrt((1 - 2 / math.pi) * variances.sum().item())
    return Estimate(*(min(max(value, 0.0), 1.0) for value in (likely, seen - reach, seen + reach)))


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
    good, bad = scores[outcomes == 0], scores[outcomes == 1]
    auc = _shares_below(bad, good).mean().item()
    return _interval(auc, math.sqrt(_hanley_mcneil(auc, len(good), len(bad))))


def auc_difference(outcomes: Tensor, scores: Tensor, others: Tensor) -> Difference:
    """Return by how much the AUC of ``scores`` is above that of ``others``, on the same borrowers.

    Args:
        outcomes: 1.0 for bad, 0.0 for good, both there, float64 (n,).
        scores, others: Higher is riskier, float64 (n,).

    Source: DeLong, DeLong and Clarke-Pearson (1988).
    """
    is_bad = outcomes == 1
    of_bad, of_good = (
        _shares_below(scores[own], scores[other]) - _shares_below(others[own], others[other])
        for own, other in ((is_bad, ~is_bad), (~is_bad, is_bad))
    )
    value = of_bad.mean().item()
    variance = sum(part.var(correction=0).item() / len(part) for part in (of_bad, of_good))
    half = _WIDTH_95 * math.sqrt(variance)
    return Difference(value, value - half, value + half)


def _shares_below(scores: Tensor, others: Tensor) -> Tensor:
    """Return for each score the share of ``others`` that are lower, ties counted half."""
    ordered = others.sort().values
    lower = torch.searchsorted(ordered, scores, side="left").to(torch.float64)
    upper = torch.searchsorted(ordered, scores, side="right").to(torch.float64)
    return (lower + upper) / 2 / len(ordered)


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
        return _UNKNOWN
    rate = min(max(bads / total, 0.0), 1.0)
    variance = rate * (1 - rate) / total + (class_noise / total) ** 2 * (rate**2 + (1 - rate) ** 2)
    return _interval(rate, math.sqrt(variance))


def _interval(value: float, deviation: float) -> Estimate:
    inside = min(max(value, 0.0), 1.0)
    half = _WIDTH_95 * deviation
    return Estimate(inside, max(0.0, inside - half), min(1.0, inside + half))
