"""From weights to what people use: probability of default, points, and what cost them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from model.features import Cells, Encoding, bins_of, cells_of, row_logits
from model.formulas import Column
from model.link import Link
from protocols.contracts.features import FeatureContract
from protocols.contracts.release import Scaling


@dataclass(frozen=True)
class Score:
    """One applicant's answer.

    Attributes:
        p_default: Probability of default within the contract's window, in [0, 1].
        points: Scorecard points; more is safer.
        points_lost: For each field of the contract, in its order, exact points below what the
            average borrower gets for that field; negative where the applicant does better.
        is_missing: For each field whether there was no usable value.
    """

    p_default: float
    points: int
    points_lost: tuple[float, ...]
    is_missing: tuple[bool, ...]


@dataclass(frozen=True)
class Scorecard:
    """A trained additive model that answers for applicants.

    Attributes:
        contract: The public feature contract.
        encoding: Bin of each cell.
        weights: One weight per bin and the intercept first, float64 (width,), for scaled rows.
        bin_shares: Noised share of borrowers in each bin, summing to 1 in every field,
            float64 (width,); the intercept's is 1.
        link: Turns logits into probabilities of default.
        scaling: Points at the base odds, and points that double them.
    """

    contract: FeatureContract
    encoding: Encoding
    weights: Tensor
    bin_shares: Tensor
    link: Link
    scaling: Scaling

    def score(self, columns: Mapping[str, Column]) -> list[Score]:
        """Score n applicants given as columns by field name (``model.features.cells_of``)."""
        cells = cells_of(columns, self.contract)
        logits = self.logits(cells)
        missing = cells == [field.cell_count - 1 for field in self.contract.fields]
        return [
            Score(p_default=p, points=points, points_lost=tuple(lost), is_missing=tuple(none))
            for p, points, lost, none in zip(
                self.link.probabilities(logits).tolist(),
                self._points(logits),
                self.points_lost(cells).tolist(),
                missing.tolist(),
                strict=True,
            )
        ]

    def logits(self, cells: Cells) -> Tensor:
        """Return the network's logits, float64 (n,); their order is the order of risk."""
        return row_logits(cells, self.encoding, self.weights)

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
        beyond_base = -self.link.log_odds(logits) - math.log(self.scaling.base_odds)
        return self.scaling.base_points + self._points_per_log_odds * beyond_base

    @property
    def _points_per_log_odds(self) -> float:
        return self.scaling.points_to_double / math.log(2)

    @property
    def _points_per_logit(self) -> float:
        return self._points_per_log_odds * self.link.slope

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
