"""Chunks hold whole borrowers, and all of them once."""

import numpy as np
import pytest

from model.queries.batch import Batch
from tests.unit.model.world import make_batch, make_contract, whole

CONTRACT = make_contract()


def _uneven() -> Batch:
    """Return borrowers of 1, 5, 2 and 3 rows."""
    drawn = make_batch(CONTRACT, rows=11)
    return Batch(
        cells=drawn.cells,
        outcomes=drawn.outcomes,
        borrower=np.repeat(np.arange(4, dtype=np.int64), [1, 5, 2, 3]),
    )


@pytest.mark.parametrize("most", [1, 2, 3, 4, 100])
def test_chunks_never_split_a_borrower_and_lose_no_row(most: int) -> None:
    batch, seen = _uneven(), 0
    chunks = list(batch.chunks(most))
    for chunk in chunks:
        assert 1 <= chunk.count <= most
        rows = np.isin(batch.borrower, np.arange(seen, seen + chunk.count))
        assert np.array_equal(chunk.cells, batch.cells[rows])
        assert np.array_equal(chunk.outcomes, batch.outcomes[rows])
        assert np.array_equal(chunk.borrower, batch.borrower[rows] - seen)
        seen += chunk.count
    assert seen == batch.count == 4


def test_without_rows_there_is_no_borrower_and_no_chunk() -> None:
    empty = make_batch(CONTRACT, rows=0)
    assert empty.count == 0
    assert list(empty.chunks(5)) == []


def test_vectors_are_added_by_borrower() -> None:
    rows = np.arange(22.0).reshape(11, 2)
    added = _uneven().add_by_borrower(whole(rows), width=2)
    expected = [part.sum(axis=0).tolist() for part in np.split(rows, [1, 6, 8])]
    assert added.places.tolist() == [[0, 1]] * 4
    assert added.entries.tolist() == expected


def test_a_borrower_a_row_needs_no_adding() -> None:
    rows = whole(np.ones((11, 2)))
    assert make_batch(CONTRACT, rows=11).add_by_borrower(rows, width=2) is rows
