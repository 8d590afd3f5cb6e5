"""Rows become borrowers: together, wholly on one side of the split, and always on the same."""

from dataclasses import replace

import numpy as np
import pytest

from model.population import Borrowers, group_borrowers
from model.queries.batch import Batch
from model.table import Table
from tests.unit.model.world import make_contract

CONTRACT = make_contract()
KEY = b"k" * 32


def _table(ids: list[str | None], outcomes: list[str | None] | None = None) -> Table:
    """Return rows whose number is the row's place, so that each row can be found again."""
    return Table(
        borrower_ids=ids,
        outcomes=["bad"] * len(ids) if outcomes is None else outcomes,
        columns={
            "number_0": np.arange(len(ids), dtype=np.float64) % 64,
            "amount": np.zeros(len(ids)),
            "home": ["own"] * len(ids),
        },
        not_numbers={"number_0": 0, "amount": 0},
    )


def _grouped(table: Table, *, key: bytes = KEY, percent: int = 30) -> Borrowers:
    return group_borrowers(table, CONTRACT, holdout_key=key, holdout_percent=percent)


def _rows(batch: Batch) -> list[tuple[int, int]]:
    """Return borrower number and row place of every row."""
    return list(zip(batch.borrower.tolist(), batch.cells[:, 0].tolist(), strict=True))


def test_rows_of_one_borrower_are_grouped_wherever_they_stood() -> None:
    grouped = _grouped(_table(["b", "a", "b", "c", "a"]), percent=0)
    assert _rows(grouped.training) == [(0, 1), (0, 4), (1, 0), (1, 2), (2, 3)]
    assert grouped.training.count == grouped.count == 3


def test_a_borrower_is_wholly_on_one_side() -> None:
    ids: list[str | None] = [f"b{number % 20}" for number in range(60)]
    grouped = _grouped(_table(ids))
    sides = [{row % 20 for _, row in _rows(part)} for part in (grouped.training, grouped.holdout)]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(range(20))
    for part in (grouped.training, grouped.holdout):
        assert len(part.borrower) == 3 * part.count


def _held(ids: list[str], *, key: bytes = KEY, percent: int = 30) -> set[str]:
    grouped = _grouped(_table(list(ids)), key=key, percent=percent)
    return {ids[row] for _, row in _rows(grouped.holdout)}


def test_a_borrowers_side_does_not_depend_on_the_others_nor_on_the_order() -> None:
    ids = [f"b{number}" for number in range(60)]
    held = _held(ids)
    assert 0 < len(held) < len(ids)
    assert _held(ids[::-1]) == held
    assert _held(ids[:30]) == held & set(ids[:30])


def test_the_side_is_a_secret_of_the_key_and_grows_with_the_share() -> None:
    ids = [f"b{number}" for number in range(60)]
    assert _held(ids, key=b"x" * 32) != _held(ids)
    assert _held(ids, percent=5) <= _held(ids, percent=30) <= _held(ids, percent=50)
    assert _held(ids, percent=0) == set()
    assert _held(ids, percent=100) == set(ids)


def test_the_share_held_out_is_about_the_charters() -> None:
    ids: list[str | None] = [f"b{number}" for number in range(10_000)]
    held = _grouped(_table(ids), percent=20).holdout.count
    # Fixed key and ids: no chance in it. Six standard deviations of a fair hash.
    assert abs(held - 2_000) < 240


def test_rows_without_id_or_outcome_are_left_out_and_move_no_other() -> None:
    whole = _table(["a", None, "b", "c", "a"], ["bad", "bad", "good", "perhaps", None])
    grouped = _grouped(whole, percent=0)
    assert _rows(grouped.training) == [(0, 0), (1, 2)]
    assert grouped.training.outcomes.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("percent", [0, 20, 100])
def test_a_file_without_rows_makes_two_empty_parts(percent: int) -> None:
    _is_empty(_grouped(_table([]), percent=percent))


def test_a_file_without_a_usable_row_makes_two_empty_parts() -> None:
    _is_empty(_grouped(_table(["a", "b"], [None, "perhaps"])))
    _is_empty(_grouped(_table([None, None])))


def _is_empty(grouped: Borrowers) -> None:
    assert grouped.count == 0
    for part in (grouped.training, grouped.holdout):
        assert part.cells.shape == (0, 3)
        assert part.cells.dtype == np.uint16
        assert part.borrower.dtype == np.int64
        assert part.outcomes.dtype == np.float64


def test_one_part_may_be_empty_alone() -> None:
    grouped = _grouped(_table(["a", "b"]), percent=100)
    assert (grouped.training.count, grouped.holdout.count) == (0, 2)
    assert grouped.of("training") is grouped.training
    assert grouped.of("holdout") is grouped.holdout


def test_ids_in_any_script_are_split_by_the_same_rule() -> None:
    table = _table(["Åsa", "李", "a/b", "\u202e"])
    assert _grouped(table).count == 4
    again = _grouped(replace(table))
    assert _rows(_grouped(table).holdout) == _rows(again.holdout)
