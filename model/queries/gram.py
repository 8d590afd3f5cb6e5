"""Which bins occur together: the matrix that preconditions every later step."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from model.features import Encoding, design_matrix
from model.private_sum import Clip
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

    def vectors(self, batch: Batch) -> Tensor:
        """Return upper triangles, float64 (borrowers, width)."""
        rows = design_matrix(batch.cells, self.encoding)  # (n, d)
        left, right = self._triangle()
        products = rows[:, left] * rows[:, right] * self._weights()  # (n, d (d + 1) / 2)
        return batch.add_by_borrower(products)

    def matrix(self, triangle: Tensor) -> Tensor:
        """Return the symmetric matrix that a summed triangle stands for, float64 (d, d)."""
        left, right = self._triangle()
        entries = triangle / self._weights()
        matrix = torch.zeros(self.encoding.width, self.encoding.width, dtype=torch.float64)
        matrix[left, right] = entries
        matrix[right, left] = entries
        return matrix

    def _triangle(self) -> tuple[Tensor, Tensor]:
        left, right = torch.triu_indices(self.encoding.width, self.encoding.width)
        return left, right

    def _weights(self) -> Tensor:
        left, right = self._triangle()
        return torch.where(left == right, 1.0, math.sqrt(2.0)).to(torch.float64)
