"""Which way the weights should move."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.features import Encoding, design_matrix, row_logits
from model.network import additive_gradients
from model.private_sum import Clip
from model.queries.batch import Batch, Population


@dataclass(frozen=True)
class Gradient:
    """Gradient of the logistic loss at the current weights, a borrower's rows added.

    Attributes:
        encoding: Bin of each cell.
        weights: Current weights, float64 (encoding.width,).
        clip_norm: C; what clipping does to probabilities is undone by ``model.scorecard``.
    """

    encoding: Encoding
    weights: Tensor
    clip_norm: float
    name: str = "gradient"
    population: Population = "training"

    @property
    def width(self) -> int:
        """One entry per weight."""
        return self.encoding.width

    @property
    def clip(self) -> Clip:
        """The charter's gradient clip norm."""
        return Clip(norm=self.clip_norm)

    def vectors(self, batch: Batch) -> Tensor:
        """Return gradients, float64 (borrowers, width)."""
        rows = design_matrix(batch.cells, self.encoding)
        outcomes = torch.from_numpy(batch.outcomes)
        logits = row_logits(batch.cells, self.encoding, self.weights)
        return batch.add_by_borrower(additive_gradients(logits, rows, outcomes))
