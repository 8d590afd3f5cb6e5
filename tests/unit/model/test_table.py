"""Files of loans: Parquet and CSV read alike, and what cannot be read is said without a value."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from model.table import Table, read_column_names, read_table, read_tables
from protocols.contracts.features import FeatureContract
from protocols.errors import MissingColumnError, UnreadableDataError
from tests.unit.model.world import make_contract

CONTRACT: FeatureContract = make_contract()  # number_0, amount, home; id, outcome
HEADER = "id,outcome,number_0,amount,home\n"


def _csv(folder: Path, rows: str, header: str = HEADER) -> Path:
    path = folder / "loans.csv"
    path.write_text(header + rows, encoding="utf-8")
    return path


def _parquet(folder: Path, **columns: object) -> Path:
    path = folder / "loans.parquet"
    usual = {"id": ["a"], "outcome": ["bad"], "number_0": [1.0], "amount": [2.0], "home": ["own"]}
    pyarrow.parquet.write_table(pa.table({**usual, **columns}), path)
    return path


def _same(one: Table, other: Table) -> None:
    assert one.borrower_ids == other.borrower_ids
    assert one.outcomes == other.outcomes
    assert one.not_numbers == other.not_numbers
    assert one.columns["home"] == other.columns["home"]
    for name in ("number_0", "amount"):
        np.testing.assert_array_equal(one.columns[name], other.columns[name])


def test_the_same_loans_read_alike_from_csv_and_parquet(tmp_path: Path) -> None:
    rows = "1,bad,5,0.5,own\n2,good,,-7,rent\n,,-9,1e3,\n3,NA,64,null,NA\n"
    parquet = _parquet(
        tmp_path,
        id=[1, 2, None, 3],
        outcome=["bad", "good", None, "NA"],
        number_0=[5, None, -9, 64],
        amount=["0.5", "-7", "1e3", "null"],
        home=pa.array(["own", "rent", None, "NA"]).dictionary_encode(),
    )
    table = read_table(_csv(tmp_path, rows), CONTRACT)
    _same(table, read_table(parquet, CONTRACT))
    assert table.borrower_ids == ["1", "2", None, "3"]
    assert table.not_numbers == {"number_0": 0, "amount": 1}


def test_a_whole_number_id_reads_alike_however_the_file_stores_it(tmp_path: Path) -> None:
    kinds = ([7], [7.0], ["7"], [" 7 "], pa.array([7], pa.int8()), pa.array([Decimal(7)]))
    for ids in kinds:
        assert read_table(_parquet(tmp_path, id=ids), CONTRACT).borrower_ids == ["7"]


def test_empty_is_missing_in_every_kind_of_column(tmp_path: Path) -> None:
    for empty in ([None], [float("nan")], [""], ["  "]):
        array = pa.array(empty, pa.null() if empty == [None] else None)
        table = read_table(_parquet(tmp_path, id=array, number_0=array, home=array), CONTRACT)
        assert table.borrower_ids == [None]
        assert table.columns["home"] == [None]
        assert np.isnan(table.columns["number_0"]).all()
        assert table.not_numbers["number_0"] == 0


def test_values_that_are_no_numbers_are_counted_and_missing(tmp_path: Path) -> None:
    rows = "a,bad,twelve,1,own\nb,bad,12,1,own\nc,bad,1;2,1,own\nd,bad,,1,own\n"
    table = read_table(_csv(tmp_path, rows), CONTRACT)
    np.testing.assert_array_equal(table.columns["number_0"], [np.nan, 12.0, np.nan, np.nan])
    assert table.not_numbers["number_0"] == 2


def test_dates_where_numbers_are_due_are_no_numbers(tmp_path: Path) -> None:
    table = read_table(_parquet(tmp_path, number_0=[date(2020, 1, 1)]), CONTRACT)
    assert table.not_numbers["number_0"] == 1


def test_numbers_too_long_for_a_float_are_rounded_and_not_refused(tmp_path: Path) -> None:
    table = read_table(_parquet(tmp_path, number_0=[2**60 + 1]), CONTRACT)
    np.testing.assert_array_equal(table.columns["number_0"], [float(2**60)])
    assert table.not_numbers["number_0"] == 0


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = _csv(tmp_path, "a,bad,1,2,own\n", header="\ufeff" + HEADER)
    assert read_table(path, CONTRACT).borrower_ids == ["a"]


def test_a_file_with_a_header_only_has_no_rows(tmp_path: Path) -> None:
    table = read_table(_csv(tmp_path, ""), CONTRACT)
    assert table.borrower_ids == []
    assert [len(column) for column in table.columns.values()] == [0, 0, 0]


def test_columns_that_the_contract_does_not_name_are_left_alone(tmp_path: Path) -> None:
    path = _csv(tmp_path, "x,a,bad,1,2,own\n", header="diary," + HEADER)
    table = read_table(path, CONTRACT)
    assert set(table.columns) == {"number_0", "amount", "home"}


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    path = _csv(tmp_path, "a,bad,1\n", header="id,outcome,number_0\n")
    with pytest.raises(MissingColumnError, match=r"^loans\.csv: no column named amount, home$"):
        read_table(path, CONTRACT)


def _cut(folder: Path) -> Path:
    path = _parquet(folder)
    path.write_bytes(path.read_bytes()[:-9])
    return path


def _overwritten(folder: Path) -> Path:
    path = _parquet(folder)
    raw = bytearray(path.read_bytes())
    raw[4 : len(raw) // 2] = bytes(len(raw) // 2 - 4)
    path.write_bytes(raw)
    return path


def _latin_1(folder: Path) -> Path:
    path = folder / "loans.csv"
    path.write_bytes((HEADER + "Müller,bad,1,2,own\n").encode("latin-1"))
    return path


def _latin_1_header(folder: Path) -> Path:
    path = folder / "loans.csv"
    path.write_bytes((HEADER.replace("home", "größe") + "a,bad,1,2,own\n").encode("latin-1"))
    return path


def _latin_1_late(folder: Path) -> Path:
    path = folder / "loans.csv"
    many = "a,bad,1,2,own\n" * 100_000
    path.write_bytes((HEADER + many + "Müller,bad,1,2,own\n").encode("latin-1"))
    return path


def _latin_1_parquet(folder: Path) -> Path:
    bytes_as_text = pa.array(["Müller".encode("latin-1")], pa.binary()).view(pa.string())
    return _parquet(folder, id=bytes_as_text)


def _folder(folder: Path) -> Path:
    path = folder / "loans.csv"
    path.mkdir()
    return path


def _empty(folder: Path) -> Path:
    return _csv(folder, "", header="")


def _ragged(folder: Path) -> Path:
    return _csv(folder, "Müller,bad,1\n")


def _csv_named_parquet(folder: Path) -> Path:
    return _csv(folder, "Müller,bad,1,2,own\n").rename(folder / "loans.parquet")


DAMAGED = (
    _cut,
    _overwritten,
    _latin_1,
    _latin_1_header,
    _latin_1_late,
    _latin_1_parquet,
    _folder,
    _empty,
    _ragged,
    _csv_named_parquet,
)


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("read", [lambda path: read_table(path, CONTRACT), read_column_names])
def test_a_damaged_file_is_refused_without_a_value(
    damage: Callable[[Path], Path], read: Callable[[Path], object], tmp_path: Path
) -> None:
    path = damage(tmp_path)
    with pytest.raises(UnreadableDataError) as raised:
        read(path)
    assert str(raised.value) == f"{path.name}: truncated, damaged, or not UTF-8; write it again"


def test_a_missing_file_an_unknown_kind_and_a_name_twice_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDataError, match=r"^loans\.csv: no such file$"):
        read_table(tmp_path / "loans.csv", CONTRACT)
    with pytest.raises(UnreadableDataError, match=r"^loans\.xlsx: expected a \.parquet or \.csv"):
        read_table(tmp_path / "loans.xlsx", CONTRACT)
    twice = _csv(tmp_path, "a,bad,1,2,own,b\n", header=HEADER.strip() + ",id\n")
    with pytest.raises(UnreadableDataError, match=r"^loans\.csv: two columns have the same name$"):
        read_table(twice, CONTRACT)


def test_the_ending_of_the_name_may_be_in_capitals(tmp_path: Path) -> None:
    path = _csv(tmp_path, "a,bad,1,2,own\n").rename(tmp_path / "LOANS.CSV")
    assert read_table(path, CONTRACT).borrower_ids == ["a"]


def test_columns_are_numbers_if_all_their_values_are(tmp_path: Path) -> None:
    path = _csv(tmp_path, "a,bad,1,,own\nb,good,x,2.5,rent\n")
    numeric = {"id": False, "outcome": False, "number_0": False, "amount": True, "home": False}
    assert read_column_names(path) == numeric
    parquet = _parquet(tmp_path, id=[1], amount=["1.5"], home=[date(2020, 1, 1)])
    kinds = {"id": True, "outcome": False, "number_0": True, "amount": True, "home": False}
    assert read_column_names(parquet) == kinds


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
@pytest.mark.parametrize("group", [1, 4, 1_000])
def test_rows_come_in_tables_of_the_size_asked_for_however_the_file_is_laid_out(
    rows: int, group: int, tmp_path: Path
) -> None:
    ids = [f"b{number // 2}" for number in range(11)]
    whole = pa.table(
        {
            "id": ids,
            "outcome": ["bad"] * 11,
            "number_0": [str(number) if number != 5 else "x" for number in range(11)],
            "amount": [1.0] * 11,
            "home": ["own"] * 11,
        }
    )
    pyarrow.parquet.write_table(whole, tmp_path / "loans.parquet", row_group_size=group)
    pyarrow.csv.write_csv(whole, tmp_path / "loans.csv")
    for name in ("loans.parquet", "loans.csv"):
        tables = list(read_tables(tmp_path / name, CONTRACT, rows=rows))
        assert max(len(table.borrower_ids) for table in tables) <= rows
        assert [text for table in tables for text in table.borrower_ids] == ids
        assert sum(table.not_numbers["number_0"] for table in tables) == 1
        _same(read_table(tmp_path / name, CONTRACT), read_table(tmp_path / "loans.csv", CONTRACT))
