"""What check-data finds: every rule, its exact count, and never a value."""

import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from clients.partner.checking import Check, Violation
from clients.partner.data import load_loans
from model.population import Borrowers
from model.table import read_tables
from protocols.contracts.features import contract_from_table
from protocols.errors import CapacityError, MissingColumnError, UnreadableDataError
from tests.simulator import CONTRACT as CONTRACT_TOML
from tests.simulator import write_loans

CONTRACT = contract_from_table(tomllib.loads(CONTRACT_TOML), where="test")
HEADER = "borrower,outcome,income,usage,housing\n"
KEY = b"k" * 32


def _csv(folder: Path, rows: str) -> Path:
    path = folder / "loans.csv"
    path.write_text(HEADER + rows, encoding="utf-8")
    return path


def _check(path: Path, *, capacity: int | None = None) -> list[Violation]:
    check = Check(CONTRACT, capacity)
    for table in read_tables(path, CONTRACT, rows=2):
        check.take(table)
    return check.violations()


def _load(path: Path, *, recent: Path | None = None, capacity: int = 1_000) -> Borrowers:
    loans = load_loans(
        path,
        CONTRACT,
        recent=recent,
        capacity=capacity,
        holdout_key=KEY,
        holdout_percent=30,
        folder=path.parent,
        rows_at_once=2,
    )
    return loans.borrowers.reveal()


def test_data_as_agreed_breaks_nothing(tmp_path: Path) -> None:
    rows = "a,bad,0,0,rent\nb,good,10000,100,own\nc,good,-1,50,own\nd,good,,50,own\n"
    assert _check(_csv(tmp_path, rows), capacity=4) == []


def test_every_broken_rule_is_counted_exactly(tmp_path: Path) -> None:
    rows = (
        "a,bad,-2,101,rent\n"  # income and usage out of bounds
        "b,late,10000.5,inf,castle\n"  # outcome; income out of bounds; usage infinite; level
        ",bad,-1,-0.1,\n"  # no id; usage out of bounds; housing missing
        "c,,-inf,,hut\n"  # no outcome; income infinite; usage missing; level
        "d,bad,much,lots,own\n"  # income and usage are no numbers
        "d,bad,nan,NaN,own\n"  # income may be missing; usage may not
        "e,good,5,few,own\n"  # usage is no number
    )
    assert _check(_csv(tmp_path, rows), capacity=4) == [
        Violation("borrower", "every row has a borrower id", 1),
        Violation("outcome", "the outcome is one of the two values", 2),
        Violation("income", "a number", 1),
        Violation("income", "finite", 1),
        Violation("income", "from 0 to 10000", 2),
        Violation("usage", "never missing", 2),
        Violation("usage", "a number", 2),
        Violation("usage", "finite", 1),
        Violation("usage", "from 0 to 100", 2),
        Violation("housing", "never missing", 1),
        Violation("housing", "one of the listed levels", 2),
        Violation("borrower", "at most 4 borrowers, the charter's capacity", 5),
    ]


def test_before_there_is_a_charter_any_number_of_borrowers_will_do(tmp_path: Path) -> None:
    assert _check(_csv(tmp_path, "".join(f"b{n},bad,1,1,own\n" for n in range(99)))) == []


def test_rows_of_one_borrower_count_once_against_the_capacity(tmp_path: Path) -> None:
    path = _csv(tmp_path, "a,bad,1,1,own\n" * 5)
    assert _check(path, capacity=1) == []
    assert _load(path, capacity=1).count == 1


def test_csv_and_parquet_of_the_same_loans_give_the_same_borrowers(tmp_path: Path) -> None:
    parquet, csv = tmp_path / "loans.parquet", tmp_path / "loans.csv"
    write_loans(parquet, borrowers=200, seed=1)
    pyarrow.csv.write_csv(pyarrow.parquet.read_table(parquet), csv)
    one, other = _load(parquet), _load(csv)
    assert one.count == other.count == 200
    for part in ("training", "holdout"):
        for name in ("cells", "outcomes", "borrower"):
            np.testing.assert_array_equal(
                getattr(getattr(one, part), name), getattr(getattr(other, part), name)
            )


def test_one_borrower_too_many_is_refused_with_the_capacity_and_no_count(tmp_path: Path) -> None:
    path = _csv(tmp_path, "".join(f"b{n},bad,1,1,own\n" for n in range(12)))
    assert _load(path, capacity=12).count == 12
    with pytest.raises(CapacityError) as raised:
        _load(path, capacity=11)
    said = str(raised.value)
    assert said.startswith("loans.csv: more borrowers than the charter's capacity of 11;")
    assert "12" not in said


def test_bad_values_do_not_stop_a_node_and_bad_files_do(tmp_path: Path) -> None:
    assert _load(_csv(tmp_path, "a,bad,inf,nan,castle\nb,bad,-1e300,x,\n")).count == 2
    assert _load(_csv(tmp_path, "")).count == 0
    (tmp_path / "loans.csv").write_text("borrower,outcome\na,bad\n")
    with pytest.raises(MissingColumnError, match="income, usage, housing"):
        _load(tmp_path / "loans.csv")
    (tmp_path / "loans.parquet").write_bytes(b"PAR1")
    with pytest.raises(UnreadableDataError):
        _load(tmp_path / "loans.parquet")


def test_recent_applicants_need_no_outcome_and_are_a_part_of_their_own(tmp_path: Path) -> None:
    recent = tmp_path / "recent.csv"
    recent.write_text("borrower,income,usage,housing\na,1,1,own\nb,2,2,rent\n,3,3,own\nb,4,4,own\n")
    loans = _csv(tmp_path, "a,bad,1,1,own\nx,good,1,1,own\n")
    borrowers = _load(loans, recent=recent)
    assert (borrowers.count, borrowers.recent.count, len(borrowers.recent.cells)) == (2, 2, 3)
    assert _load(loans).recent.count == 0
    with pytest.raises(CapacityError, match=r"recent\.csv"):
        _load(_csv(tmp_path, "a,bad,1,1,own\n"), recent=recent, capacity=1)
    with pytest.raises(MissingColumnError):
        _load(recent)


def test_what_is_loaded_does_not_print(tmp_path: Path) -> None:
    loans = load_loans(
        _csv(tmp_path, "a,bad,1,1,own\n"),
        CONTRACT,
        recent=None,
        capacity=1,
        holdout_key=KEY,
        holdout_percent=30,
        folder=tmp_path,
        rows_at_once=10,
    )
    assert repr(loans.borrowers) == "<private>"


def test_an_all_empty_column_is_missing_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "loans.parquet"
    table = pa.table(
        {
            "borrower": ["a", "b"],
            "outcome": ["bad", "good"],
            "income": pa.nulls(2),
            "usage": pa.nulls(2),
            "housing": pa.nulls(2),
        }
    )
    pyarrow.parquet.write_table(table, path)
    assert _check(path) == [
        Violation("usage", "never missing", 2),
        Violation("housing", "never missing", 2),
    ]
