"""A table's rows as borrowers: grouped once, and split into training and hold-out by a keyed hash.

A borrower is wholly in one part, and in the same part in every run, whatever else changes.
"""

import hashlib
import hmac
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.features import cells_of
from model.queries.batch import Batch, Population
from model.spill import Column, Records, Spill, bytes_of
from model.table import Table
from protocols.contracts.features import FeatureContract
from protocols.errors import CapacityError, UnreadableDataError

_LOOKED_AT = 1_000_000  # rows at a time
# Of one borrower, so that no pass can run out of memory after its spend; fewer if rows are wide:
MOST_ROWS = 10_000
_MOST_PAIRS = 5_000_000  # of fields, in all of a borrower's rows; 200 MB while a Gram query adds


@dataclass(frozen=True)
class Borrowers:
    """A partner's borrowers, encoded as cells.

    Attributes:
        training, holdout: Borrowers whose outcome is known.
        recent: Recent applicants, whose outcome is not.
    """

    training: Batch
    holdout: Batch
    recent: Batch

    def of(self, population: Population) -> Batch:
        """Return the part that a question is asked of."""
        parts: dict[Population, Batch] = {
            "training": self.training,
            "holdout": self.holdout,
            "recent": self.recent,
        }
        return parts[population]

    @property
    def count(self) -> int:
        """How many borrowers have a known outcome."""
        return self.training.count + self.holdout.count


def group_borrowers(
    table: Table, contract: FeatureContract, *, holdout_key: bytes, holdout_percent: int
) -> Borrowers:
    """Group a table's rows by borrower and split the borrowers: ``import_borrowers`` of one."""
    return import_borrowers(
        [table],
        contract,
        holdout_key=holdout_key,
        holdout_percent=holdout_percent,
        folder=Path(tempfile.gettempdir()),
    )


def import_borrowers(
    tables: Iterable[Table],
    contract: FeatureContract,
    *,
    holdout_key: bytes,
    holdout_percent: int,
    folder: Path,
) -> Borrowers:
    """Group rows by borrower and split the borrowers, in memory that holds a few of them only.

    Rows without a borrower id, or with an outcome that is neither good nor bad, are left out:
    ``check-data`` reports them, and leaving out a row depends on that row alone.

    Args:
        tables: Rows in any order; a borrower's may be in several tables.
        contract: The public grid.
        holdout_key: Secret of the partner; a borrower's part follows from it and the id.
        holdout_percent: Share of borrowers held out, in percent.
        folder: Where rows are put on disk, in files without names, as long as the process lives.

    Raises:
        CapacityError: A borrower has more than ``MOST_ROWS`` rows, or fewer but wide ones.
        ConfigError: The disk is full, or the process may not open enough files.
    """
    spill = Spill(_row_kind(contract), folder)
    for table in tables:
        spill.take(_rows(table, contract, holdout_key=holdout_key))
    training, holdout = _Part(contract, folder), _Part(contract, folder)
    threshold = holdout_percent * 2**64 // 100
    for rows in spill.sorted():
        is_held = np.array([number < threshold for number in _numbers(rows)], dtype=bool)
        training.take(rows[~is_held])
        holdout.take(rows[is_held])
    nobody = _Part(contract, folder).batch()
    return Borrowers(training=training.batch(), holdout=holdout.batch(), recent=nobody)


def _row_kind(contract: FeatureContract) -> np.dtype[Any]:
    """Return what is kept of a row: a keyed hash of the borrower, the outcome, the cells."""
    fields = len(contract.fields)
    return np.dtype([("borrower", "S32"), ("outcome", "f8"), ("cells", "u2", (fields,))])


def _rows(table: Table, contract: FeatureContract, *, holdout_key: bytes) -> Records:
    values = {contract.outcome.bad: 1.0, contract.outcome.good: 0.0}
    outcomes = np.array([values.get(text or "", np.nan) for text in table.outcomes])
    known = np.array([text is not None for text in table.borrower_ids], dtype=bool)
    kept = np.flatnonzero(known & ~np.isnan(outcomes))
    ids = [str(table.borrower_ids[row]) for row in kept]
    tags = {name: hmac.digest(holdout_key, name.encode(), hashlib.sha256) for name in set(ids)}
    rows = np.empty(len(kept), dtype=_row_kind(contract))
    rows["borrower"] = [tags[name] for name in ids]
    rows["outcome"] = outcomes[kept]
    rows["cells"] = cells_of(table.columns, contract)[kept]
    return rows


class _Part:
    """Training or hold-out: columns on disk, grown by whole borrowers."""

    def __init__(self, contract: FeatureContract, folder: Path) -> None:
        self._fields = len(contract.fields)
        pairs = (self._fields + 1) * (self._fields + 2) // 2
        self._most_each = min(MOST_ROWS, _MOST_PAIRS // pairs)
        self._cells, self._outcomes = Column(np.uint16, folder), Column(np.float64, folder)
        self._borrower = Column(np.int64, folder)
        self._rows = self._count = 0

    def take(self, rows: Records) -> None:
        """Take rows in which each borrower's stand side by side, and all of them."""
        tags = rows["borrower"]
        begins = np.flatnonzero(np.append(True, tags[1:] != tags[:-1])[: len(tags)])
        each = np.diff(np.append(begins, len(rows)))
        if each.max(initial=0) > self._most_each:
            raise CapacityError(
                f"a borrower has more than {self._most_each:,} rows: an id that stands for many?"
            )
        self._cells.append(rows["cells"])
        self._outcomes.append(rows["outcome"])
        self._borrower.append(self._count + np.repeat(np.arange(len(begins)), each))
        self._rows, self._count = self._rows + len(rows), self._count + len(begins)

    def batch(self) -> Batch:
        """Return everything that was taken."""
        borrower = self._borrower.mapped(self._rows)
        for first in range(0, self._rows, _LOOKED_AT):
            steps = np.diff(borrower[first : first + _LOOKED_AT + 1])
            if not ((steps == 0) | (steps == 1)).all():  # a chunk could split a borrower
                raise UnreadableDataError("rows came back from the disk as they were not put there")
        return Batch(
            cells=self._cells.mapped(self._rows, self._fields),
            outcomes=self._outcomes.mapped(self._rows),
            borrower=borrower,
        )


def _numbers(rows: Records) -> Iterator[int]:
    """Return for each row the first eight bytes of its borrower's hash as a number."""
    return iter(bytes_of(rows["borrower"])[:, :8].copy().view(">u8").ravel().tolist())
