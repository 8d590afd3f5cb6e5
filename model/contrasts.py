"""Whether opened sums carry their noise, read from what is zero in them by construction.

A *contrast* is a linear combination of a sum's entries that is zero whatever the data, because
every row falls into exactly one cell of each field. Adding rows, clipping a borrower's whole vector
and counting it as zero are linear and leave contrasts zero, so an opened sum's contrasts hold noise
and nothing else. Truncation leaves at most one grid step per entry and borrower, against noise
of millions of steps, and can only add to the energy: it hides next to nothing and alarms nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from model.features import Encoding
from model.queries.batch import Question
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from model.queries.stability import Stability
from protocols.errors import MissingNoiseError

FALSE_ALARM = 1e-6  # chance that a run whose noise is all there is stopped


@dataclass(frozen=True)
class NoiseEnergy:
    """What independent contrasts of one or more sums hold; energies of several sums add up.

    Attributes:
        squares: Sum of squared, orthonormal contrasts over the variance expected of each: a
            chi-square number of ``contrasts`` degrees if the noise is what it should be.
        contrasts: How many there are.
    """

    squares: float
    contrasts: int

    def __add__(self, other: "NoiseEnergy") -> "NoiseEnergy":
        return NoiseEnergy(self.squares + other.squares, self.contrasts + other.contrasts)

    def chance_of_less(self) -> float:
        """Return how often noise that is all there has at most this energy; 1 of no contrast."""
        if self.contrasts == 0:
            return 1.0
        half = torch.tensor([self.contrasts, self.squares], dtype=torch.float64) / 2
        return float(torch.special.gammainc(half[0], half[1]))


class NoiseWatch:
    """Stops a run whose opened sums hold less noise than they should.

    After every sum, that sum alone and all sums so far are tested. The total finds a share that is
    always missing; the last sum finds at once that most noise went missing late.

    Args:
        sums: Most sums that the run opens. ``FALSE_ALARM`` is divided by the tests they make, so
            it bounds the whole run.
    """

    def __init__(self, *, sums: int) -> None:
        self._left = sums
        self._least_chance = FALSE_ALARM / (2 * sums)
        self._total = NoiseEnergy(0.0, 0)

    def take(self, latest: NoiseEnergy, *, of: str) -> NoiseEnergy:
        """Return the energy of all sums so far, this one included.

        Args:
            latest: Of the sum just opened.
            of: Name of its query.

        Raises:
            MissingNoiseError: Sums whose noise is all there hold as little less often than
                ``FALSE_ALARM`` per run.
        """
        if self._left == 0:
            raise RuntimeError("the watch was made for fewer sums")
        self._left -= 1
        self._total += latest
        for energy in (latest, self._total):
            # Not "<", so that a chance that is no number does not pass.
            if not energy.chance_of_less() >= self._least_chance:
                raise MissingNoiseError(
                    f"{of}: expected noise of energy about {energy.contrasts} in"
                    f" contrasts, found {energy.squares:.1f}; a partner may add too little"
                )
        return self._total


def noise_energy(question: Question, opened: Tensor, *, noise: float) -> NoiseEnergy:
    """Measure the noise of an opened sum on all contrasts that the question has.

    Assumes that entries' noises are independent and normal. A question without contrasts, as an
    evaluation is, has energy 0 of 0.

    Args:
        question: What was asked.
        opened: The opened sum, float64 (question.width,).
        noise: Standard deviation that each entry should have, > 0, in the same units.

    Privacy: post-processing of opened sums; spends no budget.
    Source: docs/privacy.md, "Missing noise".
    """
    sums = opened / noise
    match question:
        case Histogram():
            return _of_equal_totals(question.cell_counts, sums)
        case Stability():
            return _of_equal_totals(question.group_sizes, sums)
        case Gradient():
            return _of_gradient(question, sums)
        case Gram():
            return _of_gram(question, sums)
        case _:
            return NoiseEnergy(0.0, 0)


def _of_equal_totals(sizes: Sequence[int], sums: Tensor) -> NoiseEnergy:
    """Every field's cells add up to the number of rows: how far are the fields from their mean?"""
    cells = torch.tensor(sizes, dtype=torch.float64)  # (fields,)
    totals = torch.stack([part.sum() for part in torch.split(sums, list(sizes))])
    mean = (totals / cells).sum() / (1 / cells).sum()  # the variance of a total is its cells
    squares = ((totals - mean).square() / cells).sum()
    return NoiseEnergy(float(squares), len(cells) - 1)


def _of_gradient(gradient: Gradient, sums: Tensor) -> NoiseEnergy:
    """Every field's bins add up to the intercept."""
    counts = list(gradient.encoding.bin_counts)
    contrasts = torch.stack([part.sum() for part in torch.split(sums[1:], counts)]) - sums[0]
    # Each holds its own bins' noise, and all hold the intercept's.
    covariance = torch.diag(torch.tensor(counts, dtype=torch.float64)) + 1.0
    squares = contrasts @ torch.linalg.solve(covariance, contrasts)
    return NoiseEnergy(float(squares), len(counts))


def _of_gram(gram: Gram, sums: Tensor) -> NoiseEnergy:
    """A silent direction times the matrix is zero, and two bins of a field never meet.

    Since off-diagonals carry sqrt 2, the matrix of noise has one and the same distribution in any
    orthonormal basis. So in a basis that begins with the silent directions, the entries beside them
    (``margin``) are contrasts, independent of one another and of the rest (``inner``). In the rest,
    pairs of bins of one field are contrasts with a known covariance. There are no others:
    what is left has as many dimensions as the outer products of all possible rows span.
    """
    matrix = gram.matrix(sums)  # (d, d)
    silent = _silent_directions(gram.encoding)  # (d, fields)
    width, fields = silent.shape
    margin = silent.T @ matrix  # (fields, d)
    squares = 2 * margin.square().sum() - (margin @ silent).square().sum()
    beside = NoiseEnergy(float(squares), fields * width - fields * (fields - 1) // 2)

    heard = torch.eye(width, dtype=torch.float64) - silent @ silent.T  # (d, d), a projection
    inner = heard @ matrix @ heard
    left, right = _pairs_within_fields(gram.encoding)  # (pairs,) each
    straight = heard[left][:, left] * heard[right][:, right]
    crossed = heard[left][:, right] * heard[right][:, left]
    factor = torch.linalg.cholesky(straight + crossed)  # of the pairs' covariance
    pairs = 2**0.5 * inner[left, right].unsqueeze(1)  # (pairs, 1)
    whitened = torch.linalg.solve_triangular(factor, pairs, upper=False)
    return beside + NoiseEnergy(float(whitened.square().sum()), len(left))


def _silent_directions(encoding: Encoding) -> Tensor:
    """Return orthonormal directions that every row is orthogonal to, one a field (d, fields)."""
    directions = torch.zeros(encoding.width, len(encoding.bins), dtype=torch.float64)
    directions[0] = -1.0
    for field, (start, count) in enumerate(zip(encoding.offsets, encoding.bin_counts, strict=True)):
        directions[start : start + count, field] = 1.0
    basis: Tensor = torch.linalg.qr(directions).Q
    return basis


def _pairs_within_fields(encoding: Encoding) -> tuple[Tensor, Tensor]:
    pairs = [
        pair
        for start, count in zip(encoding.offsets, encoding.bin_counts, strict=True)
        for pair in combinations(range(start, start + count), 2)
    ]
    left, right = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(dim=1)
    return left, right
