"""Where a journal may be, and what is said of a place where none can be."""

import sqlite3
import sys
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from protocols.errors import ChainError, ConfigError
from server.journal.database import parse_database, unavailable
from server.journal.errors import JournalError
from server.journal.journal import open_journal
from tests.journals import NOW, draft, drafts


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_a_journal_is_in_a_file_or_at_a_url(form: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = open_journal(form.format(path))
    journal.commit(drafts(1))
    journal.close()
    again = open_journal(path)
    assert again.verify() == 1
    again.close()


@pytest.mark.parametrize(
    "where",
    [
        "mysql://root:hunter2@host/db",
        "postgresql://root:hunter2@host/db",
        "postgresql+psycopg://root:hunter2@host",
        "postgresql+psycopg://root:hunter2@host:port/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///hunter2?mode=ro",
        "hunter2://",
    ],
)
def test_another_url_is_refused_without_being_repeated(where: str) -> None:
    with pytest.raises(ConfigError, match="journal: ") as caught:
        open_journal(where)
    assert "hunter2" not in str(caught.value)
    assert "root" not in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable_and_its_password_not_told() -> None:
    with pytest.raises(JournalError) as caught:
        open_journal("postgresql+psycopg://root:hunter2@127.0.0.1:1/db", patience_s=2)
    assert str(caught.value) == "the journal cannot be read or written now (no connection)"
    assert caught.value.exit_code == 5


def test_psycopg_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"needs psycopg: pip install"):
        parse_database("postgresql+psycopg://host/db", patience_s=1)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.sqlite")
    journal.commit(drafts(1))
    assert [file.stat().st_mode & 0o077 for file in tmp_path.iterdir()] == [0, 0, 0]
    journal.close()


def test_a_damaged_database_is_a_verification_error(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    journal.commit(drafts(200))
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    with pytest.raises(ChainError, match="damaged"):
        open_journal(path).verify()


def test_a_text_that_is_no_utf_8_is_damage() -> None:
    link = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as caught:
        link.execute("SELECT CAST(X'FF' AS TEXT)").fetchall()
    assert isinstance(unavailable(caught.value), ChainError)


def test_a_pruned_answer_is_in_no_file_of_the_journal(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.sqlite")
    secret = b"an answer that nobody may read any more"
    wanted = [draft(f"r{n}", at=NOW + timedelta(days=n % 2)) for n in range(50)]
    journal.commit([replace(item, answer=lambda _: secret) for item in wanted])
    before = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert before.count(secret) >= 50
    assert journal.prune(before=NOW + timedelta(hours=1)) == 25
    assert (tmp_path / "journal.sqlite").read_bytes().count(secret) == 25
    assert (tmp_path / "journal.sqlite-wal").stat().st_size == 0
    journal.close()


def test_pruning_waits_for_a_reader_that_is_soon_done(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    journal.commit([draft("r1"), draft("r2", at=NOW + timedelta(days=1))])
    reader = sqlite3.connect(path, check_same_thread=False)
    reader.execute("BEGIN").execute("SELECT count(*) FROM journal_answers").fetchall()
    done = threading.Timer(0.3, reader.close)
    done.start()
    assert journal.prune(before=NOW + timedelta(hours=1)) == 1
    assert (tmp_path / "journal.sqlite-wal").stat().st_size == 0
    done.join()
    journal.close()


def test_pruning_says_so_while_a_reader_keeps_deleted_answers_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path, patience_s=0.1)
    journal.commit([draft("r1"), draft("r2", at=NOW + timedelta(days=1))])
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN").execute("SELECT count(*) FROM journal_answers").fetchall()
        with pytest.raises(JournalError, match="still in the file"):
            journal.prune(before=NOW + timedelta(hours=1))
    assert journal.prune(before=NOW + timedelta(hours=1)) == 0
    assert (tmp_path / "journal.sqlite-wal").stat().st_size == 0
    journal.close()
