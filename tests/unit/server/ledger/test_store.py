"""Leaves and checkpoint in SQLite: all of an append, or nothing."""

import sqlite3
from pathlib import Path

import pytest

from protocols.errors import ConfigError, RoundError
from server.ledger.store import SqliteLogStore


def test_a_new_store_is_empty(tmp_path: Path) -> None:
    store = SqliteLogStore(tmp_path / "log.db")
    assert (store.note(), list(store.leaves())) == (None, [])


def test_what_was_appended_is_there_after_the_process_is_gone(tmp_path: Path) -> None:
    store = SqliteLogStore(tmp_path / "log.db")
    store.append(0, [b"a", b"b"], "note 2")
    store.append(2, [b"c"], "note 3")
    store.close()
    again = SqliteLogStore(tmp_path / "log.db")
    assert (again.note(), list(again.leaves()), again.leaf(1)) == (
        "note 3",
        [b"a", b"b", b"c"],
        b"b",
    )


def test_every_append_is_on_the_disk_before_it_returns(tmp_path: Path) -> None:
    store = SqliteLogStore(tmp_path / "log.db")
    database = store._database
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


@pytest.mark.parametrize("first", [0, 1, 3])
def test_an_append_at_another_place_keeps_nothing(tmp_path: Path, first: int) -> None:
    store = SqliteLogStore(tmp_path / "log.db")
    store.append(0, [b"a", b"b"], "note 2")
    with pytest.raises(RoundError, match="has 2 entries"):
        store.append(first, [b"x"], "note x")
    assert (store.note(), list(store.leaves())) == ("note 2", [b"a", b"b"])


def test_an_append_that_fails_half_way_keeps_nothing(tmp_path: Path) -> None:
    store = SqliteLogStore(tmp_path / "log.db")
    store.append(0, [b"a"], "note 1")
    with pytest.raises(RoundError, match="could not keep entry 1"):
        store.append(1, [b"b", "text is no leaf"], "note 3")  # type: ignore[list-item]
    assert (store.note(), list(store.leaves())) == ("note 1", [b"a"])
    store.append(1, [b"b"], "note 2")
    assert list(store.leaves()) == [b"a", b"b"]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database" * 100)
    with pytest.raises(ConfigError, match="no log can be kept"):
        SqliteLogStore(tmp_path / "log.db")


def test_two_processes_read_while_one_writes(tmp_path: Path) -> None:
    writer = SqliteLogStore(tmp_path / "log.db")
    writer.append(0, [b"a"], "note 1")
    reader = sqlite3.connect(tmp_path / "log.db")
    rows = reader.execute("SELECT leaf FROM leaves")
    writer.append(1, [b"b"], "note 2")
    assert list(rows) == [(b"a",)]
