"""What an evaluation or a calibration answers: how many borrowers of each score default."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

from model.queries.evaluation import POSITION_WEIGHT, SCORE_BINS

_REACH = 4.0  # standard deviations from the mean to the outermost edges
_STEPS = [
    -_REACH,
    *(NormalDist().inv_cdf(step / SCORE_BINS) for step in range(1, SCORE_BINS)),
    _REACH,
]


@dataclass(frozen=True)
class ScoreTable:
    """Borrowers by score bin and outcome, the safest bin first.

    Attributes:
        good, bad: Noised numbers of borrowers, float64 (bins,).
        logits: Mean logit in each bin, inside of the bin whatever the noise, float64 (bins,).
        noise: Standard deviation of the noise in each number of ``good`` and ``bad``.
        logit_noise: The same of a bin's sum of logits, float64 (bins,).
    """

    good: Tensor
    bad: Tensor
    logits: Tensor
    noise: float
    logit_noise: Tensor

    @property
    def both(self) -> Tensor:
        """Noised number of borrowers in each bin, float64 (bins,)."""
        return self.good + self.bad


def score_table(values: Tensor, *, noise: float, edges: Tensor) -> ScoreTable:
    """Read an opened sum of an ``Evaluation`` or a ``Calibration``.

    Args:
        values: float64 (3 * bins,), in the question's units.
        noise: Standard deviation of the noise in each.
        edges: The question's, ascending float64 (bins + 1,).
    """
    good, bad, positions = torch.split(values, SCORE_BINS)
    half = edges.diff() / 2
    position = positions / POSITION_WEIGHT / (good + bad).clamp_min(1.0)
    return ScoreTable(
        good=good,
        bad=bad,
        logits=edges[:-1] + half * (1 + position.clamp(-1.0, 1.0)),
        noise=noise,
        logit_noise=half * noise / POSITION_WEIGHT,
    )


def guessed_edges(weights: Tensor, *, mean_outer: Tensor, row_scale: float) -> Tensor:
    """Return edges that would split borrowers evenly if fields were independent.

    Mean and deviation of the logit follow from the rows' mean outer product: no data is touched.

    Args:
        weights: Final weights, float64 (width,).
        mean_outer: Mean outer product of the rows, from noised sums, float64 (width, width).
        row_scale: What a row's intercept is scaled to.

    Returns:
        Ascending float64 (SCORE_BINS + 1,).
    """
    mean = (weights @ mean_outer[0]).item() / row_scale
    second = (weights @ mean_outer @ weights).item()
    deviation = math.sqrt(max(second - mean**2, 1e-6))
    return mean + deviation * torch.tensor(_STEPS, dtype=torch.float64)


def even_edges(table: ScoreTable, edges: Tensor) -> Tensor:
    """Return edges that split the borrowers of a table evenly, as far as its noise lets one see.

    Args:
        table: Borrowers between ``edges``, taken as even inside of each bin.
        edges: Ascending float64 (SCORE_BINS + 1,); the outermost stay.
    """
    # Nowhere nobody, so that edges ascend whatever the noise did.
    masses = table.both.clamp_min(1e-3 * table.both.clamp_min(0.0).sum().item() + 1e-3)
    below = np.concatenate([[0.0], (masses.cumsum(0) / masses.sum()).numpy()])
    return torch.from_numpy(np.interp(np.linspace(0, 1, len(edges)), below, edges.numpy()))
