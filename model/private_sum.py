"""The private sum: the one way in which a number about borrowers leaves a partner."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.noise import IntegerNoise, IntegerVector
from protocols.contracts.privacy import GRID_STEPS


@dataclass(frozen=True)
class Clip:
    """How long one borrower's vector may be, in the query's units and in grid steps.

    Attributes:
        norm: L2 clip norm C in the query's units, > 0.
        steps: The same length in integer grid steps.
    """

    norm: float
    steps: int = GRID_STEPS

    @property
    def step(self) -> float:
        """Length of one grid step in the query's units."""
        return self.norm / self.steps


def private_sum(
    chunks: Iterable[Tensor], *, width: int, clip: Clip, noise: IntegerNoise
) -> IntegerVector:
    """Add up one vector per borrower so that no single borrower shows.

    Args:
        chunks: One row per borrower, all of its records already added, float64 (n_i, width);
            a borrower is in one chunk only. Chunks bound the memory, nothing else.
        width: Entries of a vector, and of the answer.
        clip: Largest L2 norm that counts; longer rows are shortened to it.
        noise: Draws integers of the scale that the order fixed.

    Returns:
        The noised sum in grid steps, int64 (width,). Nothing else about ``chunks`` survives.

    Privacy: one borrower, replaced by a zero row; one Gaussian release of sensitivity
        ``clip.steps``. Takes the same steps when there is no borrower at all.
    Source: docs/privacy.md, "The private sum".
    """
    total = np.zeros(width, dtype=np.int64)
    for vectors in chunks:
        total += clipped_integers(vectors, clip=clip).sum(dim=0).numpy()
    return total + noise.draw(width)


def clipped_integers(vectors: Tensor, *, clip: Clip) -> Tensor:
    """Return each row as integers whose L2 norm is at most ``clip.steps``.

    Args:
        vectors: float64 (n, d). A row with a non-finite entry counts as zero.
        clip: Clip norm C; a row v becomes v * min(1, C / |v|).

    Returns:
        int64 (n, d), truncated towards zero, which never lengthens a row. The norm is checked
        once more in integers, exactly; a row that floating point left too long counts as zero.

    Privacy: not private; the caller adds the rows and the noise.
    """
    finite = vectors.isfinite().all(dim=1, keepdim=True)  # (n, 1)
    rows = vectors.where(finite, torch.zeros((), dtype=torch.float64))  # (n, d)
    # Scaled by the largest entry first, so that squaring cannot overflow into infinity.
    largest = rows.abs().amax(dim=1, keepdim=True).clamp_min(clip.norm)  # (n, 1)
    norms = (rows / largest).norm(dim=1, keepdim=True) * largest  # (n, 1)
    clipped = rows * (clip.norm / norms.clamp_min(clip.norm))  # (n, d)
    integers = (clipped / clip.step).trunc().to(torch.int64)  # (n, d)
    fits = (integers * integers).sum(dim=1, keepdim=True) <= clip.steps**2  # (n, 1)
    bounded: Tensor = integers * fits
    return bounded
