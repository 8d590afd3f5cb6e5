"""The private sum: the one way in which a number about borrowers leaves a partner."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.noise import IntegerNoise, IntegerVector
from protocols.contracts.privacy import GRID_STEPS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


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


@dataclass(frozen=True)
class Vectors:
    """One vector per borrower: the entries that may differ from zero, and where they stand.

    Attributes:
        places: No place twice in a row, int64 (n, m).
        entries: float64 (n, m), or (n, 1) where one number stands in all of a row's places.
    """

    places: Integers
    entries: Floats

    def added_by(self, owner: Integers, *, owners: int, width: int) -> "Vectors":
        """Return one vector of all ``width`` entries for each owner: its own, added.

        Args:
            owner: Whose each vector is, from 0, int64 (n,).
            owners: How many owners there are.
            width: Entries of a whole vector.
        """
        places = owner[:, np.newaxis] * width + self.places
        sums = _added(places, self.entries, length=owners * width).reshape(owners, width)
        return Vectors(np.broadcast_to(np.arange(width), sums.shape), sums)


def private_sum(
    chunks: Iterable[Vectors], *, width: int, clip: Clip, noise: IntegerNoise
) -> IntegerVector:
    """Add up one vector per borrower so that no single borrower shows.

    Args:
        chunks: One vector per borrower, all of its records already added; a borrower is in one
            chunk only. Chunks bound the memory, nothing else.
        width: Entries of a vector, and of the answer.
        clip: Largest L2 norm that counts; longer vectors are shortened to it.
        noise: Draws integers of the scale that the order fixed.

    Returns:
        The noised sum in grid steps, int64 (width,). Nothing else about ``chunks`` survives.

    Privacy: one borrower, replaced by a zero vector; one Gaussian release of sensitivity
        ``clip.steps``. Takes the same steps when there is no borrower at all.
    Source: docs/privacy.md, "The private sum".
    """
    total = np.zeros(width, dtype=np.int64)
    for vectors in chunks:
        integers = clipped_integers(vectors, clip=clip)
        # Exact: below 2**53 a double is an integer, and a chunk's sums stay far below.
        total += _added(vectors.places, integers, length=width).astype(np.int64)
    return total + noise.draw(width)


def clipped_integers(vectors: Vectors, *, clip: Clip) -> Integers:
    """Return the vectors' entries as integers, so that no vector is longer than ``clip.steps``.

    Args:
        vectors: A vector with an entry that is not finite counts as zero.
        clip: Clip norm C; a vector v becomes v * min(1, C / |v|).

    Returns:
        int64, of the shape of ``vectors.entries``, truncated towards zero, which never lengthens
        a vector. The norm is checked once more in integers, exactly; a vector that floating point
        left too long counts as zero.

    Privacy: not private; the caller adds the vectors and the noise.
    """
    copies = vectors.places.shape[1] // vectors.entries.shape[1]  # of each entry in its vector
    finite = np.isfinite(vectors.entries).all(axis=1, keepdims=True)  # (n, 1)
    rows = np.where(finite, vectors.entries, 0.0)
    # Scaled by the largest entry first, so that squaring cannot overflow into infinity.
    largest = np.maximum(np.abs(rows).max(axis=1, keepdims=True), clip.norm)  # (n, 1)
    with np.errstate(over="ignore"):  # a vector longer than a double can say becomes zero
        norms = np.sqrt(copies * _squares(rows / largest)) * largest  # (n, 1)
    clipped = rows * (clip.norm / np.maximum(norms, clip.norm))
    integers = np.trunc(clipped / clip.step).astype(np.int64)
    fits = copies * _squares(integers) <= clip.steps**2  # (n, 1), exact
    bounded: Integers = integers * fits
    return bounded


def _squares(rows: Any) -> Any:  # Any: of doubles doubles, of integers integers
    """Return the sum of squares of each row (n, 1), exactly if they are integers.

    Each row is added up by itself; ``einsum`` adds in another way if there is only one.
    """
    return np.square(rows).sum(axis=1, keepdims=True)


def _added(places: Integers, entries: Floats | Integers, *, length: int) -> Floats:
    """Return the sum of all entries that share a place, float64 (length,), in the rows' order."""
    spread = np.broadcast_to(entries, places.shape)
    sums = np.bincount(places.ravel(), weights=spread.ravel(), minlength=length)
    return sums.astype(np.float64, copy=False)
