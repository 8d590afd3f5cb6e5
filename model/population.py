"""A table's rows as borrowers: grouped once, and split into training and hold-out by a keyed hash.

A borrower is wholly in one part, and in the same part in every run, whatever else changes.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.features import cells_of
from model.queries.batch import Batch, Population
from model.table import Table
from protocols.contracts.features import FeatureContract


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
    """Group rows by borrower and split the borrowers.

    Rows without a borrower id, or with an outcome that is neither good nor bad, are left out:
    ``check-data`` reports them, and leaving out a row depends on that row alone.

    Args:
        table: Rows in any order.
        contract: The public grid.
        holdout_key: Secret of the partner; a borrower's part follows from it and the id.
        holdout_percent: Share of borrowers held out, in percent.
    """
    values = {contract.outcome.bad: 1.0, contract.outcome.good: 0.0}
    outcomes = np.array([values.get(text or "", np.nan) for text in table.outcomes])
    known = np.array([text is not None for text in table.borrower_ids], dtype=bool)
    kept = np.flatnonzero(known & ~np.isnan(outcomes))
    ids = np.array([table.borrower_ids[row] for row in kept], dtype=object)
    names, borrower = np.unique(ids, return_inverse=True) if len(ids) else (ids, kept)
    held = _held_out(names, key=holdout_key, percent=holdout_percent)
    cells = cells_of(table.columns, contract)[kept]
    in_holdout = held[borrower]

    def part(rows: npt.NDArray[np.bool_]) -> Batch:
        order = np.argsort(borrower[rows], kind="stable")
        numbers = np.unique(borrower[rows], return_inverse=True)[1] if rows.any() else kept[:0]
        return Batch(
            cells=cells[rows][order],
            outcomes=outcomes[kept][rows][order],
            borrower=np.asarray(numbers, dtype=np.int64)[order],
        )

    nobody = part(np.zeros(len(kept), dtype=bool))
    return Borrowers(training=part(~in_holdout), holdout=part(in_holdout), recent=nobody)


def _held_out(ids: Iterable[object], *, key: bytes, percent: int) -> npt.NDArray[np.bool_]:
    """Say for each id whether its keyed hash falls into the hold-out's share."""
    threshold = percent * 2**64 // 100
    hashes = (hmac.digest(key, str(item).encode("utf-8"), hashlib.sha256) for item in ids)
    return np.array([int.from_bytes(tag[:8], "big") < threshold for tag in hashes], dtype=bool)
