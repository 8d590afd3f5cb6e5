"""From weights to what people use: probability of default, points, and what cost them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from model.features import Cells, Column, Encoding, bins_of, cells_of
from protocols.contracts.features import FeatureContract
from protocols.contracts.release import Scaling


@dataclass(frozen=True)
class Score:
    """One applicant's answer.

    Attributes:
        p_default: Probability of default within the contract's window, in (0, 1).
        points: Scorecard points; more is safer.
        points_lost: For each field of the contract, in its order, exact points below what the
            average borrower gets for that field; negative where the applicant does better.
    """

    p_default: float
    points: int
    points_lost: tuple[float, ...]


@dataclass(frozen=True)
class Scorecard:
    """A trained additive model that answers for applicants.

    Attributes:
        contract: The public feature contract.
        encoding: Bin of each cell.
        weights: One weight per bin and the intercept first, float64 (width,), for scaled rows.
        bin_shares: Noised share of borrowers in each bin, summing to 1 in every field,
            float64 (width,); the intercept's is 1.
        loss_clip: Clip norm of the training gradient, see ``probabilities``.
        scaling: Points at the base odds, and points that double them.
    """

    contract: FeatureContract
    encoding: Encoding
    weights: Tensor
    bin_shares: Tensor
    loss_clip: float
    scaling: Scaling

    def score(self, columns: Mapping[str, Column]) -> list[Score]:
        """Score n applicants given as columns by field name (``model.features.cells_of``)."""
        cells = cells_of(columns, self.contract)
        logits = self.logits(cells)
        lost = self.points_lost(cells)
        return [
            Score(p_default=p, points=points, points_lost=tuple(row))
            for p, points, row in zip(
                probabilities(logits, loss_clip=self.loss_clip).tolist(),
                self._points(logits),
                lost.tolist(),
                strict=True,
            )
        ]

    def logits(self, cells: Cells) -> Tensor:
        """Return the network's logits, float64 (n,); their order is the order of risk."""
        return (self._bin_logits(cells).sum(dim=1)) + self.weights[0] * self.encoding.row_scale

    def points_lost(self, cells: Cells) -> Tensor:
        """Return points below the average borrower's, per field, float64 (n, fields)."""
        return (self._bin_logits(cells) - self._average_logits()) * self._points_per_logit

    @property
    def average_points(self) -> float:
        """Points of a borrower who is average in every field, not rounded."""
        intercept = self.weights[0] * self.encoding.row_scale
        return float(self.exact_points(intercept + self._average_logits().sum()))

    def bin_points(self, place: int) -> list[float]:
        """Return what each bin of a field, by its place in the contract, adds to the average."""
        offset, count = self.encoding.offsets[place], self.encoding.bin_counts[place]
        logits = self.weights[offset : offset + count] * self.encoding.row_scale
        points: list[float] = (
            (self._average_logits()[place] - logits) * self._points_per_logit
        ).tolist()
        return points

    def exact_points(self, logits: Tensor) -> Tensor:
        """Return points that are not rounded, same shape as ``logits``."""
        # For safe borrowers the odds of default are exp(logit) / loss_clip (see probabilities).
        log_odds_good = -(logits - math.log(min(1.0, self.loss_clip)))
        at_base = math.log(self.scaling.base_odds)
        return self.scaling.base_points + self._points_per_logit * (log_odds_good - at_base)

    @property
    def _points_per_logit(self) -> float:
        return self.scaling.points_to_double / math.log(2)

    def _bin_logits(self, cells: Cells) -> Tensor:
        positions = torch.from_numpy(bins_of(cells, self.encoding))  # (n, fields)
        return self.weights[positions] * self.encoding.row_scale

    def _average_logits(self) -> Tensor:
        weighted = self.weights * self.bin_shares * self.encoding.row_scale
        return torch.stack(
            [part.sum() for part in torch.split(weighted[1:], list(self.encoding.bin_counts))]
        )

    def _points(self, logits: Tensor) -> list[int]:
        return [round(value) for value in self.exact_points(logits).tolist()]


def probabilities(logits: Tensor, *, loss_clip: float) -> Tensor:
    """Return the probability of default that each logit stands for, same shape, in (0, 1).

    Clipping a borrower's gradient changes the loss that training minimises: rows have norm 1, so
    the gradient of a logistic loss is ``q - y`` long (q the logistic of the logit) and becomes
    ``min(q, C)`` for a good borrower and ``min(1 - q, C)`` for a bad one. At a minimum the two
    balance, ``(1 - p) min(q, C) = p min(1 - q, C)``, which gives p. For C >= 1 it is q itself.
    For C >= 1/2, which a charter demands, p rises strictly with the logit.

    Privacy: post-processing of a released model.
    Source: docs/training.md, "What clipping does to probabilities".
    """
    good = torch.sigmoid(logits).clamp_max(loss_clip)
    bad = torch.sigmoid(-logits).clamp_max(loss_clip)
    return good / (good + bad)


def logit_of(p_default: float, *, loss_clip: float) -> float:
    """Return the logit that stands for a probability of default: ``probabilities`` turned round.

    Args:
        p_default: In (0, 1).
        loss_clip: C, at least 1/2.

    Source: docs/training.md, "What clipping does to probabilities".
    """
    rarer = min(p_default, 1 - p_default)
    # Clipped on the rarer side only: (1 - p) q = p C. Never on both, as C is at least 1/2.
    q = rarer if rarer >= 1 - loss_clip else rarer * loss_clip / (1 - rarer)
    logit = math.log(q / (1 - q))
    return logit if p_default < 0.5 else -logit
