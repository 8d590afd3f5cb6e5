"""What names a partner's data says nothing of them, and is another name for other data."""

import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from clients.partner.commitment import DataName, Naming, root_of
from model.table import Table, read_table
from protocols.contracts.features import load_contract
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree
from tests.simulator import CONTRACT, write_loans

SECRET = bytes(range(32))


@pytest.fixture
def table(tmp_path: Path) -> Table:
    write_loans(tmp_path / "loans.parquet", borrowers=30, seed=1)
    return _read(tmp_path)


def _read(folder: Path) -> Table:
    (folder / "contract.toml").write_text(CONTRACT)
    return read_table(folder / "loans.parquet", load_contract(folder / "contract.toml"))


def _bent(table: Table, rows: list[int], **outcomes: str) -> Table:
    """Return some rows of a table in an order, one of them perhaps with another outcome."""
    kept = [outcomes.get(f"row{row}", table.outcomes[row]) for row in rows]
    return Table(
        borrower_ids=[table.borrower_ids[row] for row in rows],
        outcomes=kept,
        columns={name: np.array(all_, object)[rows] for name, all_ in table.columns.items()},
        not_numbers=table.not_numbers,
    )


def name_of(*tables: Table, secret: bytes) -> DataName:
    """Return the name of some tables together."""
    naming = Naming(secret, Path(tempfile.gettempdir()))
    for table in tables:
        naming.take(table)
    return naming.name()


def test_data_keep_the_names_that_earlier_versions_gave_them(table: Table) -> None:
    """As computed by the version that held all rows in memory; logs hold such names."""
    twice = _bent(table, [*range(30), 3, 4, 3])
    twice.borrower_ids[7] = None
    for some, root in (
        (table, "fa7616621fe16070fed861c02f02442043ce2d6490664f6c3ff015548f25e79e"),
        (twice, "047295f54e2a6f745d6d8eabec9d2223efe200ce69b563850816e2e9b93d2b74"),
        (_bent(table, []), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ):
        assert name_of(some, secret=SECRET).root.hex() == root


def test_how_rows_are_cut_into_tables_does_not_matter(table: Table) -> None:
    rows = [*range(30), 3, 4, 3]
    parts = [_bent(table, rows[first : first + 4]) for first in range(0, len(rows), 4)]
    assert name_of(*parts, secret=SECRET) == name_of(_bent(table, rows), secret=SECRET)


def test_the_order_of_rows_does_not_matter(table: Table) -> None:
    backwards = _bent(table, list(range(30))[::-1])
    assert name_of(backwards, secret=SECRET) == name_of(table, secret=SECRET)


def test_a_row_more_or_less_or_otherwise_is_another_name(table: Table) -> None:
    rows = list(range(30))
    other = {"good": "bad", "bad": "good"}[str(table.outcomes[3])]
    roots = {
        name_of(_bent(table, rows), secret=SECRET).root,
        name_of(_bent(table, rows[1:]), secret=SECRET).root,
        name_of(_bent(table, [*rows, 0]), secret=SECRET).root,
        name_of(_bent(table, rows, row3=other), secret=SECRET).root,
        name_of(_bent(table, rows), secret=bytes(32)).root,
    }
    assert len(roots) == 5


def test_the_same_data_have_another_name_in_every_place(table: Table) -> None:
    name = name_of(table, secret=SECRET)
    said = {name.at(place) for place in ("charter-1 north 0", "charter-1 north 4", "charter-2")}
    assert len(said) == 3
    assert {len(each) for each in said} == {64}
    assert name.at("charter-1 north 0") == name_of(table, secret=SECRET).at("charter-1 north 0")


def test_no_data_are_named_like_all_others(table: Table) -> None:
    empty = name_of(_bent(table, []), secret=SECRET)
    assert empty.at("a") != name_of(_bent(table, []), secret=bytes(32)).at("a")
    assert empty.at("a") != empty.at("b")


def test_neither_secret_nor_root_is_printed(table: Table) -> None:
    name = DataName(SECRET, b"root of all")
    assert SECRET.hex() not in repr(name)
    assert "root of all" not in repr(name)


@pytest.mark.parametrize("size", range(35))
def test_the_root_is_that_of_the_tree_which_proves_single_leaves(size: int) -> None:
    random = np.random.default_rng(size)
    leaves = [random.bytes(31) + b"\x00" for _ in range(size)]  # digests may end in zeros
    assert root_of(b"".join(leaves)) == Tree(leaf_hash(leaf) for leaf in sorted(leaves)).root


def test_rows_without_id_take_little_memory_each() -> None:
    """They are all in one bucket: two hashes of 32 bytes each, and three copies of them."""
    rows = 40_000
    columns = {"income": np.arange(float(rows)), "usage": np.zeros(rows), "housing": ["own"] * rows}
    naming = Naming(SECRET, Path(tempfile.gettempdir()))
    naming.take(Table([None] * rows, ["bad"] * rows, columns, {"income": 0, "usage": 0}))
    tracemalloc.start()
    naming.name()
    assert tracemalloc.get_traced_memory()[1] < 240 * rows
    tracemalloc.stop()
