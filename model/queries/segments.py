"""How well the scores separate good from bad in every level of one categorical field."""

from dataclasses import dataclass

import numpy as np

from model.private_sum import Vectors
from model.queries.batch import Batch
from model.queries.evaluation import SCORE_BINS, Evaluation


@dataclass(frozen=True)
class Segments(Evaluation):
    """An evaluation of each level by itself, one after another; a row is in one level.

    Attributes:
        place: Place of the field in the contract.
    """

    name: str = "segments"
    place: int = 0

    @property
    def width(self) -> int:
        """An evaluation's entries for each level, for others and for missing."""
        return 3 * SCORE_BINS * len(self.encoding.bins[self.place])

    def _rows(self, batch: Batch) -> Vectors:
        rows = super()._rows(batch)
        level = batch.cells[:, [self.place]].astype(np.int64)  # (n, 1)
        return Vectors(rows.places + 3 * SCORE_BINS * level, rows.entries)
