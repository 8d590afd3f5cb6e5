"""How many borrowers fall into each cell of the public grid."""

import math
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from model.private_sum import Clip, Vectors
from model.queries.batch import Batch, Population
from protocols.contracts.features import FeatureContract


@dataclass(frozen=True)
class Histogram:
    """One 1 per field, in the cell that the borrower's value falls into.

    Privacy: a borrower with one row brings exactly ``sqrt(fields)``, the clip norm.
    """

    contract: FeatureContract
    name: str = "histogram"
    population: Population = "training"

    @property
    def width(self) -> int:
        """All cells of all fields."""
        return sum(self.cell_counts)

    @property
    def cell_counts(self) -> tuple[int, ...]:
        """Cells of each field, in contract order."""
        return tuple(field.cell_count for field in self.contract.fields)

    @property
    def clip(self) -> Clip:
        """One 1 in each field."""
        return Clip(norm=math.sqrt(len(self.contract.fields)))

    def vectors(self, batch: Batch) -> Vectors:
        """Return a 1 for each row and field."""
        offsets = np.array([0, *accumulate(self.cell_counts)][:-1], dtype=np.int64)
        ones = Vectors(batch.cells + offsets, np.ones((len(batch.cells), 1)))
        return batch.add_by_borrower(ones, width=self.width)
