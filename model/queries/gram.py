"""Which bins occur together: the matrix that preconditions every later step."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.features import Encoding, Positions, bins_of
from model.private_sum import Clip, Vectors
from model.queries.batch import Batch, Population


@dataclass(frozen=True)
class Gram:
    """The outer product of each row with itself, upper triangle once.

    Entries off the diagonal carry sqrt 2, so that the vector is as long as the whole matrix:
    rows have norm 1, so a borrower with one row brings exactly 1, the clip norm.
    """

    encoding: Encoding
    name: str = "gram"
    population: Population = "training"

    @property
    def width(self) -> int:
        """Entries of the upper triangle, diagonal included."""
        return self.encoding.width * (self.encoding.width + 1) // 2

    @property
    def clip(self) -> Clip:
        """Length of one outer product."""
        return Clip(norm=1.0)

    def vectors(self, batch: Batch) -> Vectors:
        """Return upper triangles."""
        bins = np.insert(bins_of(batch.cells, self.encoding), 0, 0, axis=1)  # ascending rows
        left, right = np.triu_indices(bins.shape[1])
        low, high, width = bins[:, left], bins[:, right], self.encoding.width
        places = low * width - low * (low - 1) // 2 + high - low
        products = self.encoding.row_scale**2 * _weights(left, right)
        rows = Vectors(places, np.broadcast_to(products, places.shape))
        return batch.add_by_borrower(rows, width=self.width)

    def matrix(self, triangle: Tensor) -> Tensor:
        """Return the symmetric matrix that a summed triangle stands for, float64 (d, d)."""
        left, right = np.triu_indices(self.encoding.width)
        entries = triangle / torch.from_numpy(_weights(left, right))
        matrix = torch.zeros(self.encoding.width, self.encoding.width, dtype=torch.float64)
        matrix[left, right] = entries
        matrix[right, left] = entries
        return matrix


def _weights(left: Positions, right: Positions) -> npt.NDArray[np.float64]:
    return np.where(left == right, 1.0, math.sqrt(2.0))
