"""The decision log's file: whole steps only, and nobody writes behind somebody's back."""

import sqlite3
from pathlib import Path

import pytest

from protocols.errors import ConfigError
from server.ledger.readonly import LogUnavailableError
from server.receipts.store import DecisionStore, Head

_FIRST, _NEXT = Head("first", b"1" * 32), Head("next", b"2" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.sqlite"
    DecisionStore.begin(path, _FIRST)
    return path


def test_what_is_kept_is_there_for_others_too(path: Path) -> None:
    writer, reader = DecisionStore(path, may_write=True), DecisionStore(path)
    assert (reader.head(), reader.tile(0, 0)) == (_FIRST, b"")
    writer.keep({(0, 0): b"x" * 32}, _NEXT, after=_FIRST)
    assert (reader.head(), reader.tile(0, 0)) == (_NEXT, b"x" * 32)
    writer.keep({(0, 0): b"y" * 64}, _FIRST, after=_NEXT)
    assert reader.tile(0, 0) == b"y" * 64
    writer.close()
    reader.close()


def test_who_goes_on_from_another_head_keeps_nothing(path: Path) -> None:
    store = DecisionStore(path, may_write=True)
    with pytest.raises(LogUnavailableError, match="another process"):
        store.keep({(0, 0): b"x" * 32}, _NEXT, after=_NEXT)
    assert (store.head(), store.tile(0, 0)) == (_FIRST, b"")
    store.close()


def test_who_reads_cannot_write(path: Path) -> None:
    reader = DecisionStore(path)
    with pytest.raises(LogUnavailableError, match="cannot be read or written"):
        reader.keep({}, _NEXT, after=_FIRST)
    assert reader.head() == _FIRST
    reader.close()


def test_it_syncs_in_full(path: Path) -> None:
    store = DecisionStore(path, may_write=True)
    assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert store._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_a_log_is_begun_once_in_a_file(path: Path) -> None:
    with pytest.raises(ConfigError, match="no decision log can be begun here"):
        DecisionStore.begin(path, _NEXT)
    assert DecisionStore(path).head() == _FIRST


def test_no_file_or_another_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        DecisionStore(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    (tmp_path / "text.sqlite").write_text("no database at all, but a text of some length")
    for name in ("empty.sqlite", "text.sqlite"):
        (tmp_path / name).touch()
        with pytest.raises(ConfigError):
            DecisionStore(tmp_path / name)
    with pytest.raises(ConfigError):
        DecisionStore.begin(tmp_path / "no folder" / "log.sqlite", _FIRST)


def test_a_head_that_was_deleted_is_missed(path: Path) -> None:
    store = DecisionStore(path)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM head")
    connection.commit()
    connection.close()
    with pytest.raises(LogUnavailableError, match="no head"):
        store.head()
    store.close()
