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


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 6, 100])
def test_chunks_never_split_a_borrower_and_lose_no_row(rows: int) -> None:
    batch = _uneven()
    wanted = {number: _rows_of(batch, number) for number in range(batch.count)}
    seen = []
    for chunk in batch.chunks(rows):
        assert chunk.count == 1 or len(chunk.borrower) <= rows
        seen += [_rows_of(chunk, number) for number in range(chunk.count)]
    assert sorted(seen) == sorted(wanted.values())


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_borrowers_with_one_row_are_apart_from_those_with_several(rows: int) -> None:
    for chunk in _uneven().chunks(rows):
        each = np.bincount(chunk.borrower)
        assert (each == 1).all() or (each > 1).all()


def _rows_of(batch: Batch, number: int) -> list[list[int]]:
    own = batch.borrower == number
    return np.column_stack([batch.cells[own], batch.outcomes[own]]).astype(int).tolist()


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
