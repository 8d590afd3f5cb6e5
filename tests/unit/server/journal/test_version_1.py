"""A journal of version 1 is checked by its own rule, and its answers stay the same bytes."""

import hashlib
import sqlite3
from pathlib import Path

import pytest

from protocols.errors import ChainError, ConfigError
from server.journal.journal import Journal, open_journal
from server.journal.record import Key
from server.journal.version_1 import import_version_1
from tests.journals import BODY, NOW, draft

TABLE = """CREATE TABLE answers (position INTEGER PRIMARY KEY, method TEXT NOT NULL,
request_id TEXT NOT NULL, answer_id TEXT NOT NULL UNIQUE, body_digest BLOB NOT NULL,
answer BLOB NOT NULL, link BLOB NOT NULL, UNIQUE (method, request_id)) STRICT"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.sqlite"
    link = sqlite3.connect(path)
    link.execute(TABLE)
    link.execute("PRAGMA user_version = 1")
    before = bytes(32)
    for n in range(1, 1_201):
        row = [n, "DecideLimit", f"r{n}", f"a{n}", BODY, b"answer %d" % n]
        parts = [str(part).encode() for part in row[1:4]] + [b"answer %d" % n]
        hashed = b"".join(hashlib.sha256(part).digest() for part in parts)
        before = hashlib.sha256(before + n.to_bytes(8, "big") + BODY + hashed).digest()
        link.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, before))
    link.commit()
    link.close()
    return path


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return open_journal(tmp_path / "new.sqlite")


def _tamper(path: Path, statement: str) -> None:
    link = sqlite3.connect(path)
    link.execute(statement)
    link.commit()
    link.close()


def test_every_answer_is_taken_over_as_it_was(old: Path, journal: Journal) -> None:
    before, shown = old.read_bytes(), []
    count = import_version_1(
        old, journal, tenant="platform", at=NOW, show=lambda done, of: shown.append((done, of))
    )
    assert count == journal.verify() == 1_200
    assert shown == [(500, 1_200), (1_000, 1_200), (1_200, 1_200)]
    record = journal.read("platform", "DecideLimit", "a700")
    assert (record.position, record.answer_to(BODY)) == (700, b"answer 700")
    assert (record.key, record.answered_at) == (Key("platform", "DecideLimit", "r700"), NOW)
    assert old.read_bytes() == before


def test_an_interrupted_import_goes_on(old: Path, journal: Journal) -> None:
    def stop(done: int, _: int) -> None:
        if done == 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_version_1(old, journal, tenant="platform", at=NOW, show=stop)
    assert import_version_1(old, journal, tenant="platform", at=NOW) == journal.verify() == 1_200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE answers SET answer = X'00' WHERE position = 600",
        "UPDATE answers SET request_id = 'x' WHERE position = 600",
        "DELETE FROM answers WHERE position = 600",
    ],
)
def test_a_broken_old_chain_is_not_taken_over(old: Path, journal: Journal, statement: str) -> None:
    _tamper(old, statement)
    with pytest.raises(ChainError, match="version 1: broken at record 600"):
        import_version_1(old, journal, tenant="platform", at=NOW)


def test_a_journal_that_is_in_use_takes_nothing_over(old: Path, journal: Journal) -> None:
    journal.commit([draft("r1")])
    with pytest.raises(ConfigError, match="answers of its own"):
        import_version_1(old, journal, tenant="platform", at=NOW)


def test_another_file_is_no_journal_of_version_1(
    old: Path, journal: Journal, tmp_path: Path
) -> None:
    _tamper(old, "PRAGMA user_version = 3")
    for wrong, rule in (
        (old, "version 3, expected 1"),
        (tmp_path / "none.sqlite", "not a journal of version 1"),
        (tmp_path / "new.sqlite", "not a journal of version 1"),
    ):
        with pytest.raises(ConfigError, match=rule):
            import_version_1(wrong, journal, tenant="platform", at=NOW)
