"""Oddities: named at the console, each for its own data only, and never a reason to stop."""

import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from clients.partner.oddities import Oddities, Oddity
from model.table import read_table
from protocols.contracts.features import contract_from_table
from tests.simulator import CONTRACT as CONTRACT_TOML
from tests.simulator import write_loans

CONTRACT = contract_from_table(tomllib.loads(CONTRACT_TOML), where="test")
MANY = 1_200


def _odd(folder: Path, *, rows: int = MANY, **changes: object) -> list[Oddity]:
    path = folder / "loans.parquet"
    write_loans(path, borrowers=rows, seed=1)
    table = pyarrow.parquet.read_table(path)
    for name, value in changes.items():
        values = value if isinstance(value, list) else [value] * rows
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pyarrow.parquet.write_table(table, path)
    read = read_table(path, CONTRACT)
    found = Oddities(CONTRACT)
    found.take(read)
    return found.found()


def test_usual_data_are_not_odd(tmp_path: Path) -> None:
    assert _odd(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "column", "note", "count"),
    [
        ({"income": 5.0}, "income", "always the same value", MANY),
        ({"housing": "rent"}, "housing", "always the same value", MANY),
        ({"income": float("nan")}, "income", "always missing", MANY),
        ({"housing": None}, "housing", "always missing", MANY),
        ({"outcome": "good"}, "outcome", "only one of the two outcomes", MANY),
        ({"usage": [-5.0, 500.0] * (MANY // 2)}, "usage", "no value within", MANY),
        (
            {"borrower": ["a", "a", *(f"b{n}" for n in range(MANY - 2))]},
            "borrower",
            "several",
            1,
        ),
    ],
)
def test_each_oddity_is_named_by_column_and_count(
    changes: dict[str, object], column: str, note: str, count: int, tmp_path: Path
) -> None:
    (odd,) = _odd(tmp_path, **changes)
    assert (odd.column, odd.count) == (column, count)
    assert note in odd.note


def test_few_borrowers_are_few(tmp_path: Path) -> None:
    assert [item.note for item in _odd(tmp_path, rows=300)] == [
        "few borrowers: noise outweighs them"
    ]
    assert _odd(tmp_path, rows=0) == []


def test_a_special_code_is_within_the_bounds(tmp_path: Path) -> None:
    assert _odd(tmp_path, income=[-1.0, -7.0] * (MANY // 2)) == []


def test_what_is_odd_of_tables_is_odd_of_all_of_them_together(tmp_path: Path) -> None:
    found = Oddities(CONTRACT)
    for part, housing in enumerate(("rent", "own")):
        path = tmp_path / f"{part}.parquet"
        write_loans(path, borrowers=MANY, seed=part)
        table = pyarrow.parquet.read_table(path)
        place = table.column_names.index("housing")
        table = table.set_column(place, "housing", pa.array([housing] * MANY))
        pyarrow.parquet.write_table(table, path)
        found.take(read_table(path, CONTRACT))
    # Each table's housing is constant, not both together's.
    assert found.found() == []


def test_a_computed_field_whose_bounds_no_value_respects_is_odd(tmp_path: Path) -> None:
    usage = CONTRACT.fields[1]
    of = {"name": "strain", "formula": "ratio", "of": ("usage",), "over": ("income",)}
    strain = usage.model_copy(update=of | {"low": "50", "high": "100"})  # meant in percent
    contract = CONTRACT.model_copy(update={"fields": (*CONTRACT.fields, strain)})
    path = tmp_path / "loans.parquet"
    write_loans(path, borrowers=MANY, seed=1)
    found = Oddities(contract)
    found.take(read_table(path, contract))
    assert found.found() == [Oddity("strain", "no value within the contract's bounds", MANY)]
