"""Drift: how far recent applicants are from the borrowers that a scorecard was trained on."""

import math
from dataclasses import dataclass

import torch
from scipy.special import chdtri
from torch import Tensor

from model.features import Encoding
from model.metrics import Estimate
from model.queries.stability import Stability
from model.score_table import ScoreTable

_SMALLEST_SHARE = 0.001  # a bin that is emptier weighs as if it held so many


@dataclass(frozen=True)
class Reference:
    """Where the borrowers of training lay: what later populations are held against.

    Attributes:
        score_edges: Bounds of the logit bins, ascending float64 (SCORE_BINS + 1,).
        shares: Share of borrowers in every bin of every field, then of the score, float64 (bins,).
        deviations: Standard deviation of each share, privacy noise and sampling, float64 (bins,).
    """

    score_edges: Tensor
    shares: Tensor
    deviations: Tensor


@dataclass(frozen=True)
class Shift:
    """How far one field, or the score, has moved.

    Attributes:
        index: Population stability index with its 95 % interval; 0.1 is called a shift and 0.25 a
            large one. Above 0 by no more than noise and sampling give it: 0.
        before, now: Share of each bin, float64 (bins,).
    """

    index: Estimate
    before: Tensor
    now: Tensor


def reference_of(
    encoding: Encoding,
    *,
    bin_shares: Tensor,
    count_noise: float,
    borrowers: float,
    table: ScoreTable,
    edges: Tensor,
) -> Reference:
    """Return the reference of a scorecard, from the sums that trained it.

    Args:
        encoding: Bin of each cell.
        bin_shares: 1 for the intercept, then the share of each bin, float64 (width,).
        count_noise: Standard deviation of the noise in a cell of the histogram.
        borrowers: Noised number of borrowers.
        table: Borrowers by score.
        edges: Of its bins.
    """
    cells = torch.cat(
        [torch.bincount(torch.tensor(bins)).to(torch.float64) for bins in encoding.bins]
    )
    scored = table.both.clamp_min(1e-9)
    shares = torch.cat([bin_shares[1:], scored / scored.sum()])
    noises = torch.cat(
        [
            count_noise * cells.sqrt() / borrowers,
            torch.full_like(scored, table.noise * math.sqrt(2) / max(1.0, scored.sum().item())),
        ]
    )
    return Reference(edges, shares, _deviations(shares, noises, borrowers=borrowers))


def shifts(question: Stability, values: Tensor, *, noise: float, before: Reference) -> list[Shift]:
    """Return how far every field has moved, in contract order, and the score last.

    Args:
        question: What was asked; its bins are the reference's.
        values: The opened sum, float64 (question.width,).
        noise: Standard deviation of the noise in each entry.
        before: The reference.
    """
    sizes = list(question.group_sizes)
    applicants = max(1.0, values.sum().item() / len(sizes))
    shares = (values / applicants).clamp(0.0, 1.0)
    noises = torch.full_like(shares, noise / applicants)
    deviations = _deviations(shares, noises, borrowers=applicants)
    variances = deviations.square() + before.deviations.square()
    parts = (torch.split(entries, sizes) for entries in (before.shares, shares, variances))
    return [
        Shift(_index(was, now, variance), was, now)
        for was, now, variance in zip(*parts, strict=True)
    ]


def _deviations(shares: Tensor, noises: Tensor, *, borrowers: float) -> Tensor:
    return (shares * (1 - shares) / borrowers + noises.square()).sqrt()


def _index(before: Tensor, now: Tensor, variances: Tensor) -> Estimate:
    """Return the stability index of one field's shares, ``sum (b - a) log(b / a)``.

    Its interval is that of the second-order form ``sum (b - a)^2 / mean(a, b)``, in proportion.
    This is a squared distance, so the true distance lies no further from the one that was seen
    than the length of the error, whose 95 % quantile is taken from the chi-square number of the
    same mean and variance (Welch and Satterthwaite). The two forms are the same to 2 % where no
    share grows or shrinks by more than half; where an almost empty bin fills, the index is far
    larger.
    """
    mean = ((before + now) / 2).clamp_min(_SMALLEST_SHARE)
    seen = ((now - before).square() / mean).sum().item()
    logarithms = (now.clamp_min(_SMALLEST_SHARE) / before.clamp_min(_SMALLEST_SHARE)).log()
    larger = max(1.0, ((now - before) @ logarithms).item() / max(seen, 1e-12))
    errors = variances / mean
    expected, squares = errors.sum().item(), errors.square().sum().item()
    degrees = expected**2 / squares
    reach = math.sqrt(chdtri(degrees, 0.05) * expected / degrees)
    low, high = max(0.0, math.sqrt(seen) - reach) ** 2, (math.sqrt(seen) + reach) ** 2
    value = max(seen - expected, low)
    return Estimate(larger * value, larger * low, larger * high)
