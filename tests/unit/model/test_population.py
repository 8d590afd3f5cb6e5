"""Rows become borrowers: together, wholly on one side of the split, and always on the same."""

import hashlib
import hmac
import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.population import MOST_ROWS, Borrowers, group_borrowers, import_borrowers
from model.queries.batch import Batch, Question
from model.queries.gradient import Gradient
from model.queries.histogram import Histogram
from model.spill import Column
from model.table import Table
from protocols.errors import CapacityError, UnreadableDataError
from tests.unit.model.world import exact_sum, make_contract, make_encoding

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


def _together(batch: Batch) -> list[list[int]]:
    """Return the row places of each borrower; borrowers in the order of their first rows."""
    return sorted(
        sorted(row for number, row in _rows(batch) if number == borrower)
        for borrower in range(batch.count)
    )


def test_rows_of_one_borrower_are_grouped_wherever_they_stood() -> None:
    grouped = _grouped(_table(["b", "a", "b", "c", "a"]), percent=0)
    assert _together(grouped.training) == [[0, 2], [1, 4], [3]]
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
    assert _together(grouped.training) == [[0], [2]]
    rows = dict(zip(grouped.training.cells[:, 0], grouped.training.outcomes, strict=True))
    assert rows == {0: 1.0, 2: 0.0}


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


def test_the_side_is_that_of_the_keyed_hash() -> None:
    """Worked out by hand; as it was before rows were read a part at a time."""
    for name in (f"b{number}" for number in range(200)):
        tag = hmac.digest(KEY, name.encode(), hashlib.sha256)
        is_held = int.from_bytes(tag[:8], "big") < 30 * 2**64 // 100
        assert (_grouped(_table([name])).holdout.count == 1) == is_held


QUESTIONS: list[Question] = [
    Histogram(CONTRACT),
    Gradient(make_encoding(CONTRACT), torch.linspace(-2, 2, 10, dtype=torch.float64), 0.5),
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 63)), max_size=40),
    st.integers(1, 7),
    st.randoms(use_true_random=False),
)
def test_how_rows_are_ordered_and_cut_into_tables_changes_no_sum(
    rows: list[tuple[str, int]], each: int, random: random.Random
) -> None:
    """A borrower's rows may lie in several parts of a file, and are one borrower's all the same."""
    shuffled = random.sample(rows, len(rows))
    whole = _grouped(_numbered(rows))
    with tempfile.TemporaryDirectory() as folder:
        parts = import_borrowers(
            [_numbered(shuffled[first : first + each]) for first in range(0, len(rows), each)],
            CONTRACT,
            holdout_key=KEY,
            holdout_percent=30,
            folder=Path(folder),
        )
    for question in QUESTIONS:
        for population in ("training", "holdout"):
            sums = [exact_sum(question, getattr(part, population)) for part in (whole, parts)]
            assert torch.equal(*sums)
            one, other = getattr(whole, population), getattr(parts, population)
            assert one.count == other.count


def _numbered(rows: list[tuple[str, int]]) -> Table:
    table = _table([name for name, _ in rows])
    numbers = np.array([number for _, number in rows], dtype=np.float64)
    return replace(table, columns={**table.columns, "number_0": numbers})


def test_nothing_with_a_name_is_ever_on_disk(tmp_path: Path) -> None:
    seen: list[int] = []

    def tables() -> Iterator[Table]:
        for start in range(3):
            yield _table([f"b{start}{number}" for number in range(50)])
            seen.append(len(list(tmp_path.iterdir())))

    grouped = import_borrowers(
        tables(), CONTRACT, holdout_key=KEY, holdout_percent=30, folder=tmp_path
    )
    assert (seen, list(tmp_path.iterdir())) == ([0, 0, 0], [])
    assert isinstance(grouped.training.cells, np.memmap)
    assert grouped.count == 150


def test_rows_that_come_back_otherwise_from_the_disk_stop_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mapped = Column.mapped

    def damaged(self: Column, *shape: int) -> np.ndarray:
        numbers = np.array(mapped(self, *shape))
        return numbers[::-1] if numbers.dtype == np.int64 else numbers

    monkeypatch.setattr(Column, "mapped", damaged)
    with pytest.raises(UnreadableDataError):
        _grouped(_table(["a", "b", "c"]), percent=0)


def test_an_id_that_stands_for_very_many_rows_is_refused() -> None:
    assert _grouped(_table(["a"] * MOST_ROWS), percent=0).count == 1
    with pytest.raises(CapacityError, match="10,000 rows"):
        _grouped(_table(["a"] * (MOST_ROWS + 1)), percent=0)


def test_where_rows_are_wide_one_borrower_may_have_fewer() -> None:
    wide = make_contract(numeric=98)  # 100 fields: 5,151 pairs of them and the intercept
    columns = {f"number_{index}": np.zeros(971) for index in range(98)}
    narrow = _table(["a"] * 971)
    table = replace(narrow, columns={**narrow.columns, **columns})
    with pytest.raises(CapacityError, match="more than 970 rows"):
        group_borrowers(table, wide, holdout_key=KEY, holdout_percent=0)
    table.borrower_ids[0] = "b"
    assert group_borrowers(table, wide, holdout_key=KEY, holdout_percent=0).count == 2
