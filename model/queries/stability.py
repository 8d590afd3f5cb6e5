"""Whether recent applicants are like the borrowers that a scorecard was trained on."""

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from model.features import Encoding, bins_of, logits_of
from model.private_sum import Clip, Vectors
from model.queries.batch import Batch, Population
from model.queries.evaluation import SCORE_BINS


@dataclass(frozen=True)
class Stability:
    """One 1 per field, in the bin that the applicant's value falls into, and one for the score.

    Attributes:
        encoding: Bin of each cell.
        weights: Weights of the release, float64 (encoding.width,).
        score_edges: Its bounds of the logit bins, ascending float64 (SCORE_BINS + 1,).
    """

    encoding: Encoding
    weights: Tensor
    score_edges: Tensor
    name: str = "stability"
    population: Population = "recent"

    @property
    def group_sizes(self) -> tuple[int, ...]:
        """Entries of each field, in contract order, and of the score."""
        return (*self.encoding.bin_counts, SCORE_BINS)

    @property
    def width(self) -> int:
        """All bins of all fields, and of the score."""
        return sum(self.group_sizes)

    @property
    def clip(self) -> Clip:
        """One 1 in each field, and one for the score."""
        return Clip(norm=math.sqrt(len(self.group_sizes)))

    def vectors(self, batch: Batch) -> Vectors:
        """Return a 1 for each row and field, and for each row's score."""
        bins = bins_of(batch.cells, self.encoding)
        logits = logits_of(bins, self.encoding, self.weights).numpy()
        scores = np.searchsorted(self.score_edges.numpy()[1:-1], logits) + self.encoding.width
        places = np.column_stack([bins, scores]) - 1  # there is no intercept
        return batch.add_by_borrower(Vectors(places, np.ones((len(bins), 1))), width=self.width)
