"""The journal: every answer is stored, chained and on disk before it is given, and given once.

The unique index over method and request id is the arbiter: of any number of callers with one
request id, in one process or several, exactly one answer is stored and all of them get it.
"""

import asyncio
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from protocols.errors import (
    ChainError,
    ConfigError,
    ContractError,
    DuplicateRequestError,
    ScoringError,
)

_VERSION = 1
_START = bytes(32)  # what the first record follows
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    position INTEGER PRIMARY KEY,
    method TEXT NOT NULL,
    request_id TEXT NOT NULL,
    answer_id TEXT NOT NULL UNIQUE,
    body_digest BLOB NOT NULL,
    answer BLOB NOT NULL,
    link BLOB NOT NULL,
    UNIQUE (method, request_id)
) STRICT
"""
_COLUMNS = """
SELECT position, method, request_id, answer_id, body_digest, answer, link,
    (SELECT link FROM answers AS before WHERE before.position = answers.position - 1)
FROM answers
"""
_INSERT = """
INSERT INTO answers (position, method, request_id, answer_id, body_digest, answer, link)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (method, request_id) DO NOTHING
"""


class UnknownDecisionError(ContractError):
    """The journal holds no decision of that id."""


class JournalError(ScoringError):
    """The journal cannot be read or written now; nothing was answered, and to ask again is safe."""

    exit_code = 5


@dataclass(frozen=True)
class Draft:
    """An answer that is not given yet.

    Attributes:
        method, request_id: The key; one answer for each.
        body_digest: Tells whether a second request asks the same.
        answer_id: Name of the answer, never used before.
        answer: Prints the answer, given its place in the journal.
    """

    method: str
    request_id: str
    body_digest: bytes
    answer_id: str
    answer: Callable[[int], bytes]


class Record(NamedTuple):
    """A stored answer; ``link`` is the SHA-256 over it and the link before."""

    position: int
    method: str
    request_id: str
    answer_id: str
    body_digest: bytes
    answer: bytes
    link: bytes


class Journal:
    """Answers by request id, in an SQLite file in WAL mode with ``synchronous=FULL``.

    Reads run in the event loop's thread; one writer thread commits whatever has gathered while
    the commit before it waited for the disk, so many callers share one wait.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file, and check the chain from its first record to its last.

        Raises:
            ConfigError: It cannot be opened, or is not a journal of this version.
            ChainError: A record was changed, removed or inserted.
        """
        self._path = path
        self._reader, self._writer = _open(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._waiting: list[tuple[Draft, asyncio.Future[Record]]] = []
        self._flushing: asyncio.Task[None] | None = None
        try:
            self.verify()
        except ScoringError:
            self.close()
            raise

    def find(self, method: str, request_id: str, *, body_digest: bytes) -> Record | None:
        """Return the answer that was given to this very request, if any.

        Raises:
            DuplicateRequestError: The request id was used with another body.
            ChainError: The stored answer is not what was stored.
        """
        record = self._select("WHERE method = ? AND request_id = ?", (method, request_id))
        return None if record is None else _for_body(record, body_digest)

    def read(self, method: str, answer_id: str) -> Record:
        """Return the answer of that id.

        Raises:
            UnknownDecisionError: There is none.
            ChainError: The stored answer is not what was stored.
        """
        record = self._select("WHERE method = ? AND answer_id = ?", (method, answer_id))
        if record is None:
            raise UnknownDecisionError("no such decision")
        return record

    async def append(self, draft: Draft) -> Record:
        """Store an answer durably and return it, or the one that was stored for its key before.

        A caller who goes away leaves either nothing or the whole record.

        Raises:
            DuplicateRequestError: The request id was used with another body.
            JournalError: The file cannot be written; nothing is stored.
        """
        future: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self._waiting.append((draft, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return _for_body(await future, draft.body_digest)

    def verify(self) -> int:
        """Return how many records the journal holds once every link is checked.

        Raises:
            ChainError: A record was changed, removed or inserted.
        """
        count, before = 0, _START
        with _translated():
            for row in self._reader.execute(f"{_COLUMNS} ORDER BY position"):
                record = Record(*row[:-1])
                if record.position != count + 1 or record.link != _link(before, record):
                    raise ChainError(f"journal {self._path.name}: broken at record {count + 1}")
                count, before = record.position, record.link
        return count

    def close(self) -> None:
        """Wait for the commit under way and close the file."""
        self._thread.shutdown()
        self._reader.close()
        self._writer.close()

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            drafts = [draft for draft, _ in batch]
            committed = loop.run_in_executor(self._thread, self._commit, drafts)
            await asyncio.wait([committed])
            for index, (_, future) in enumerate(batch):
                if not future.done():  # a caller who went away left a cancelled one
                    _settle(future, committed, index)

    def _commit(self, drafts: Sequence[Draft]) -> list[Record]:
        with _translated(), _transaction(self._writer):
            return [self._insert(draft) for draft in drafts]

    def _insert(self, draft: Draft) -> Record:
        head = "SELECT position, link FROM answers ORDER BY position DESC LIMIT 1"
        last, before = self._writer.execute(head).fetchone() or (0, _START)
        answer = draft.answer(last + 1)
        key = (draft.method, draft.request_id)
        unlinked = Record(last + 1, *key, draft.answer_id, draft.body_digest, answer, b"")
        record = unlinked._replace(link=_link(before, unlinked))
        if self._writer.execute(_INSERT, record).rowcount == 1:
            return record
        where = f"{_COLUMNS} WHERE method = ? AND request_id = ?"
        return _checked(self._writer.execute(where, key).fetchone())

    def _select(self, where: str, values: tuple[str, ...]) -> Record | None:
        with _translated():
            row = self._reader.execute(f"{_COLUMNS} {where}", values).fetchone()
        return None if row is None else _checked(row)


def _open(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        reader, writer = _connect(path), _connect(path)
        version = writer.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise ConfigError(f"journal {path.name}: version {version}, expected {_VERSION}")
        if writer.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
            raise ConfigError(f"journal {path.name}: its file system does not allow WAL")
        writer.execute("PRAGMA synchronous=FULL")
        writer.execute(_TABLE)
        writer.execute(f"PRAGMA user_version={_VERSION}")
    except (OSError, sqlite3.Error) as err:
        raise ConfigError(f"journal {path.name}: cannot be opened; check path and rights") from err
    return reader, writer


def _connect(path: Path) -> sqlite3.Connection:
    # Two threads, but never one connection in both: _transaction is the writer's alone.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as err:
        raise JournalError("the journal cannot be read or written now") from err


def _settle(
    future: asyncio.Future[Record], committed: asyncio.Future[list[Record]], index: int
) -> None:
    error = committed.exception()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(committed.result()[index])


def _for_body(record: Record, body_digest: bytes) -> Record:
    if record.body_digest != body_digest:
        raise DuplicateRequestError("the request id was used before with another body")
    return record


def _checked(row: Sequence[Any]) -> Record:  # SQLite does not type its rows
    record = Record(*row[:-1])
    before = _START if record.position == 1 else row[-1]
    if record.link != _link(before, record):
        raise ChainError(f"journal record {record.position} is not what was stored")
    return record


def _link(before: bytes | None, record: Record) -> bytes:
    # Parts of fixed length, so that no two records print alike.
    parts = (record.method, record.request_id, record.answer_id)
    hashed = [hashlib.sha256(part.encode()).digest() for part in parts]
    hashed.append(hashlib.sha256(record.answer).digest())
    place = record.position.to_bytes(8, "big")
    content = b"".join((before or b"", place, record.body_digest, *hashed))
    return hashlib.sha256(content).digest()
