"""How well the scores separate good from bad, on borrowers that training never used."""

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from model.features import Encoding, row_logits
from model.private_sum import Clip, Vectors
from model.queries.batch import Batch, Population

SCORE_BINS = 10
POSITION_WEIGHT = 0.5  # of where in its bin a logit lies, against the 1 that counts it


@dataclass(frozen=True)
class Evaluation:
    """Score bin by outcome, of hold-out borrowers, and where in their bins the logits lie.

    Attributes:
        encoding: Bin of each cell.
        weights: Final weights, float64 (encoding.width,).
        score_edges: Public bounds of the logit bins, ascending float64 (SCORE_BINS + 1,); what
            lies beyond the first or the last counts as being there.
    """

    encoding: Encoding
    weights: Tensor
    score_edges: Tensor
    name: str = "evaluation"
    population: Population = "holdout"

    @property
    def width(self) -> int:
        """Good, bad and position for every score bin."""
        return 3 * SCORE_BINS

    @property
    def clip(self) -> Clip:
        """One 1 in one place, and a position."""
        return Clip(norm=math.hypot(1.0, POSITION_WEIGHT))

    def vectors(self, batch: Batch) -> Vectors:
        """Return for each row a 1 among its outcome's bins, and its position in its bin.

        Positions go from -1 at a bin's lower edge to 1 at its upper one, times their weight.
        """
        return batch.add_by_borrower(self._rows(batch), width=self.width)

    def _rows(self, batch: Batch) -> Vectors:
        logits = row_logits(batch.cells, self.encoding, self.weights).numpy()  # (n,)
        edges = self.score_edges.numpy()
        bins = np.searchsorted(edges[1:-1], logits)  # (n,)
        low, high = edges[bins], edges[bins + 1]
        with np.errstate(over="ignore"):  # edges may be as near as numbers can
            positions = np.clip((2 * logits - low - high) / (high - low), -1, 1)
        counted = bins + batch.outcomes.astype(np.int64) * SCORE_BINS
        return Vectors(
            np.stack([counted, bins + 2 * SCORE_BINS], axis=1),
            np.stack([np.ones(len(bins)), POSITION_WEIGHT * positions], axis=1),
        )
