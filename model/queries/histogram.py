"""How many borrowers fall into each cell of the public grid."""

import math
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from model.private_sum import Clip
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

    def vectors(self, batch: Batch) -> Tensor:
        """Return one-hot cells, float64 (borrowers, width)."""
        offsets = np.array([0, *accumulate(self.cell_counts)][:-1], dtype=np.int64)
        rows = torch.zeros(len(batch.cells), self.width, dtype=torch.float64)
        rows.scatter_(1, torch.from_numpy(batch.cells + offsets), 1.0)
        return batch.add_by_borrower(rows)
