"""The log's file as a second process reads it: one state at a time, and never a write."""

import sqlite3
from pathlib import Path

import pytest

from protocols.errors import ConfigError
from server.ledger.readonly import LogUnavailableError, ReadOnlyLogStore
from server.ledger.store import SqliteLogStore


@pytest.fixture
def written(tmp_path: Path) -> SqliteLogStore:
    store = SqliteLogStore(tmp_path / "log.db")
    store.append(0, [b"a", b"b", b"c"], "note 3")
    return store


def test_leaves_are_those_asked_for_and_no_more(written: SqliteLogStore, tmp_path: Path) -> None:
    store = ReadOnlyLogStore(tmp_path / "log.db")
    assert store.note() == "note 3"
    assert list(store.leaves(1, 2)) == [b"b"]
    assert list(store.leaves(1, 9)) == [b"b", b"c"]
    assert list(store.leaves(3, 9)) == []


def test_a_snapshot_does_not_see_what_is_written_meanwhile(
    written: SqliteLogStore, tmp_path: Path
) -> None:
    store = ReadOnlyLogStore(tmp_path / "log.db")
    with store.snapshot():
        assert store.note() == "note 3"
        written.append(3, [b"d"], "note 4")
        assert (store.note(), len(list(store.leaves(0, 9)))) == ("note 3", 3)
    assert (store.note(), len(list(store.leaves(0, 9)))) == ("note 4", 4)


def test_a_log_whose_writer_is_gone_can_be_read(written: SqliteLogStore, tmp_path: Path) -> None:
    written.close()
    assert list(ReadOnlyLogStore(tmp_path / "log.db").leaves(0, 3)) == [b"a", b"b", b"c"]


def test_nothing_after_a_gap_is_given(written: SqliteLogStore, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "log.db") as database:
        database.execute("DELETE FROM leaves WHERE position = 1")
    database.close()
    assert list(ReadOnlyLogStore(tmp_path / "log.db").leaves(0, 3)) == [b"a"]


def test_the_connection_cannot_write(written: SqliteLogStore, tmp_path: Path) -> None:
    store = ReadOnlyLogStore(tmp_path / "log.db")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._database.execute("DELETE FROM leaves")


@pytest.mark.parametrize("raw", [None, b"", b"no database"])
def test_a_file_without_a_log_is_refused_and_not_made(tmp_path: Path, raw: bytes | None) -> None:
    path = tmp_path / "log # ?.db"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(ConfigError, match="there is no log here yet"):
        ReadOnlyLogStore(path)
    assert path.exists() is (raw is not None)


def test_a_name_with_signs_of_an_address_is_a_file_like_any_other(tmp_path: Path) -> None:
    SqliteLogStore(tmp_path / "log#1?mode=rwc.db").append(0, [b"a"], "note")
    assert ReadOnlyLogStore(tmp_path / "log#1?mode=rwc.db").note() == "note"


def test_a_file_that_cannot_be_read_now_is_said_to_be(
    written: SqliteLogStore, tmp_path: Path
) -> None:
    store = ReadOnlyLogStore(tmp_path / "log.db")
    written._database.execute("DROP TABLE leaves")
    written._database.execute("DROP TABLE checkpoints")
    with pytest.raises(LogUnavailableError), store.snapshot():
        store.note()
    with pytest.raises(LogUnavailableError):
        list(store.leaves(0, 1))
    store.close()
    with pytest.raises(LogUnavailableError), store.snapshot():
        pass
