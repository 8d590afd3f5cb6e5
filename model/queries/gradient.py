"""Which way the weights should move."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from model.features import Encoding, bins_of, logits_of
from model.private_sum import Clip, Vectors
from model.queries.batch import Batch, Population

_FARTHEST = 700.0  # beyond it exp would overflow, and the logistic is 0 or 1 anyway


@dataclass(frozen=True)
class Gradient:
    """Gradient of the logistic loss at the current weights, a borrower's rows added.

    The closed form of what Opacus' ``GradSampleModule`` computes for ``AdditiveNetwork``.

    Attributes:
        encoding: Bin of each cell.
        weights: Current weights, float64 (encoding.width,).
        clip_norm: C; what clipping does to probabilities is mended by calibration.
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

    def vectors(self, batch: Batch) -> Vectors:
        """Return gradients: at the intercept and in every field's bin the row's residual."""
        bins = bins_of(batch.cells, self.encoding)
        logits = logits_of(bins, self.encoding, self.weights)
        # By numpy: torch evaluates the last few entries of a tensor in another way than the rest.
        likely = 1 / (1 + np.exp(-np.clip(logits.numpy(), -_FARTHEST, _FARTHEST)))
        residuals = (likely - batch.outcomes)[:, np.newaxis]  # (n, 1)
        rows = Vectors(np.insert(bins, 0, 0, axis=1), residuals * self.encoding.row_scale)
        return batch.add_by_borrower(rows, width=self.width)
