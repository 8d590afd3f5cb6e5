"""Borrowers as the queries see them: rows grouped by borrower, cut into chunks of whole ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from model.features import Cells
from model.private_sum import Clip, Vectors

Population = Literal["training", "holdout", "recent"]


@dataclass(frozen=True)
class Batch:
    """Rows of some borrowers, a borrower's rows side by side.

    Attributes:
        cells: Cell of every value, uint16 (rows, fields).
        outcomes: 1.0 for bad and 0.0 for good, float64 (rows,).
        borrower: Number of the borrower of each row, rising from 0 without gaps, int64 (rows,).
    """

    cells: Cells
    outcomes: npt.NDArray[np.float64]
    borrower: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many borrowers there are."""
        return int(self.borrower[-1]) + 1 if len(self.borrower) else 0

    def add_by_borrower(self, rows: Vectors, *, width: int) -> Vectors:
        """Add the vectors of each borrower's rows: one vector per row to one per borrower."""
        if self.count == len(self.borrower):
            return rows
        return rows.added_by(self.borrower, owners=self.count, width=width)

    def chunks(self, rows: int) -> Iterator["Batch"]:
        """Cut into batches of whole borrowers, with about ``rows`` rows; none if there is no row.

        Borrowers with one row and those with several are never in one batch: how one borrower's
        vector is added up must not depend on how many rows another has.
        """
        begin = 0
        while begin < len(self.borrower):
            first, beyond = self.borrower[begin], self.count
            if begin + rows < len(self.borrower):
                beyond = max(first + 1, self.borrower[begin + rows])
            end = int(np.searchsorted(self.borrower, beyond))
            several = np.bincount(self.borrower[begin:end] - first) > 1
            is_of_several = several[self.borrower[begin:end] - first]
            for wanted in (np.flatnonzero(~is_of_several), np.flatnonzero(is_of_several)):
                yield from self._only(begin + wanted)
            begin = end

    def _only(self, places: npt.NDArray[np.int64]) -> Iterator["Batch"]:
        """Yield the rows at these places, if there are any, with borrowers numbered from 0."""
        if len(places):
            borrower = self.borrower[places]
            yield Batch(
                cells=self.cells[places],
                outcomes=self.outcomes[places],
                borrower=np.cumsum(np.diff(borrower, prepend=borrower[0]) != 0),
            )


class Question(Protocol):
    """One question to every partner; its public parameters are its fields.

    Attributes:
        name: The query's name in orders and in the log.
        population: Which borrowers it is asked of.
    """

    @property
    def name(self) -> str: ...

    @property
    def population(self) -> Population: ...

    @property
    def width(self) -> int:
        """Entries of a borrower's vector."""
        ...

    @property
    def clip(self) -> Clip:
        """The longest vector that one borrower may bring."""
        ...

    def vectors(self, batch: Batch) -> Vectors:
        """Return one vector of ``width`` entries per borrower, all its rows added."""
        ...
