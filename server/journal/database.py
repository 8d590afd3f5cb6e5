"""Which database a journal is in, and how it is spoken to: connections that may fail and come back.

A connection that saw any error is thrown away, which also undoes what it had begun; the next
call opens a new one. So a journal works again once its disk has room or its database is back.
"""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import URL, Engine, NullPool, PoolProxiedConnection, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from protocols.errors import ChainError, ConfigError
from server.journal.errors import JournalError
from server.journal.statements import Cursor

_SQLITE, _POSTGRES = "sqlite", "postgresql+psycopg"
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")  # what codes begin with
_POSTGRES_OPTIONS = (
    "-c synchronous_commit=on"  # an answer that was given survives a power cut
    " -c default_transaction_isolation=read\\ committed"  # what stands is read after the lock
    " -c plan_cache_mode=force_custom_plan"  # one made while the tables were empty is slow later
    " -c lock_timeout={wait_ms}"
    " -c statement_timeout={wait_ms}"
    " -c idle_in_transaction_session_timeout={wait_ms}"  # a stopped writer lets go of the lock
)
_LOOKS_S = (0.0003, 0.001)  # between two looks; a commit takes about as long
_T = TypeVar("_T")


@dataclass(frozen=True)
class Database:
    """A journal's database.

    Attributes:
        engine: Opens connections; keeps none.
        name: What messages call it; no path and nothing of a URL but its database.
        begin: Begins a transaction that writes; of SQLite's there is one at a time.
        faults: What the driver raises.
        patience_s: How long to wait for somebody else's lock.
    """

    engine: Engine
    name: str
    begin: Callable[[Cursor], None]
    faults: tuple[type[Exception], ...]
    patience_s: float

    @property
    def is_sqlite(self) -> bool:
        """Whether it is one file."""
        return self.engine.dialect.name == _SQLITE


def parse_database(where: str | Path, *, patience_s: float) -> Database:
    """Return the database of a file or URL; nothing is opened yet.

    Args:
        where: A file, ``sqlite:///FILE`` or ``postgresql+psycopg://...``.
        patience_s: How long to wait for a lock or an answer.

    Raises:
        ConfigError: It is none of these, or a package is missing.
    """
    url = _parse_url(where)
    if url.drivername == _SQLITE:
        return _sqlite(url, patience_s)
    return _postgres(url, patience_s)


class Lane:
    """One connection for one kind of work, by one thread at a time."""

    def __init__(self, database: Database) -> None:
        """Open nothing yet."""
        self._database = database
        self._turn = threading.Lock()
        self._connection: PoolProxiedConnection | None = None
        self._cursor: Cursor | None = None
        self._is_closed = False

    def read(self, work: Callable[[Cursor], _T]) -> _T:
        """Return what ``work`` does with a cursor, each statement by itself.

        Raises:
            JournalError: The database cannot be reached, or refuses.
            ChainError: It is damaged.
        """
        with self._turn:
            return self._patiently(work)

    def write(self, work: Callable[[Cursor], _T]) -> _T:
        """Return what ``work`` does in one transaction, once that is on disk.

        It may be called a second time, after a first transaction that was lost.

        Raises:
            JournalError: Nothing is stored, or it is not known whether it is.
            ChainError: The database is damaged.
        """

        def whole(cursor: Cursor) -> _T:
            self._database.begin(cursor)
            result = work(cursor)
            cursor.execute("COMMIT")
            return result

        with self._turn:
            return self._patiently(whole)

    def close(self) -> None:
        """Wait for the work under way, and let go of the connection for good."""
        with self._turn:
            self._is_closed = True
            self._drop()

    def _patiently(self, work: Callable[[Cursor], _T]) -> _T:
        may_be_lost = self._connection is not None
        try:
            return work(self._cursor or self._open())
        except self._database.faults as err:
            is_lost = may_be_lost and self._is_lost(err)
            self._drop()
            if not is_lost:
                raise unavailable(err) from err
        except BaseException:
            self._drop()
            raise
        return self._patiently(work)  # it died unnoticed since its last use; a new one did not

    def _open(self) -> Cursor:
        if self._is_closed:
            raise JournalError("the journal is closed")
        self._connection = self._database.engine.raw_connection()
        # The driver's own cursor: SQLAlchemy's stands in for it, but costs time at every call.
        driver: Any = self._connection.driver_connection
        cursor: Cursor = driver.cursor() if self._database.is_sqlite else driver.cursor(binary=True)
        self._cursor = cursor
        return cursor

    def _is_lost(self, err: Exception) -> bool:
        dialect = self._database.engine.dialect
        if self._connection is None or not isinstance(err, dialect.loaded_dbapi.Error):
            return False
        # It takes the driver's own as well, and reads of it whether it is closed.
        driver: Any = self._connection.driver_connection
        return dialect.is_disconnect(err, driver, None)

    def _drop(self) -> None:
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            connection.invalidate()


def unavailable(err: Exception) -> JournalError | ChainError:
    """Return our error for one of the driver's; its message has a code at most, and no value."""
    code = error_code(err)
    is_no_text = isinstance(err, UnicodeDecodeError) or "Could not decode" in str(err)
    if is_no_text or code.startswith(_DAMAGED):
        return ChainError("the journal's database is damaged")
    return JournalError(f"the journal cannot be read or written now ({code or 'no connection'})")


def error_code(err: Exception) -> str:
    """Return SQLite's or PostgreSQL's name for what went wrong; empty if it has none."""
    cause = getattr(err, "orig", None) or err  # SQLAlchemy wraps what connecting raises
    return getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""


def _parse_url(where: str | Path) -> URL:
    if isinstance(where, Path) or "://" not in where:
        return URL.create(_SQLITE, database=str(where))
    try:
        url = sqlalchemy.make_url(where)
    except (SQLAlchemyError, ValueError) as err:
        raise ConfigError("journal: not a URL") from err
    is_file = url.drivername == _SQLITE and not (url.query or url.host)
    is_named = url.database not in (None, "", ":memory:")
    if not is_named or not (is_file or url.drivername == _POSTGRES):
        raise ConfigError(f"journal: expected a file, {_SQLITE}:///FILE or {_POSTGRES}://...")
    return url


def _sqlite(url: URL, patience_s: float) -> Database:
    arguments = {"timeout": patience_s, "isolation_level": None, "check_same_thread": False}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments, paramstyle="qmark")
    event.listen(engine, "connect", _sync_in_full)
    name = Path(url.database or "").name
    # The second: what the driver makes of a message that quotes a damaged name.
    faults = (sqlite3.Error, UnicodeDecodeError, SQLAlchemyError)
    begin = partial(_begin_immediate, patience_s=patience_s)
    return Database(engine, name, begin, faults, patience_s)


def _begin_immediate(cursor: Cursor, *, patience_s: float) -> None:
    """Wait for one's turn to write, looking often: SQLite itself soon looks every 0.1 s only."""
    cursor.execute("PRAGMA busy_timeout=0")
    end = time.monotonic() + patience_s
    while True:
        try:
            cursor.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as err:
            if not error_code(err).startswith("SQLITE_BUSY") or time.monotonic() >= end:
                raise
            time.sleep(random.uniform(*_LOOKS_S))


def _begin(cursor: Cursor) -> None:
    cursor.execute("BEGIN")


def _sync_in_full(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")  # what is pruned is overwritten


def _postgres(url: URL, patience_s: float) -> Database:
    try:
        import psycopg  # here: journals in files do without it
    except ImportError as err:
        raise ConfigError(
            'a journal in PostgreSQL needs psycopg: pip install ".[postgres]"'
        ) from err
    options = _POSTGRES_OPTIONS.format(wait_ms=round(patience_s * 1000))
    given = url.query.get("options", "")
    options = " ".join((given if isinstance(given, str) else " ".join(given), options))
    arguments = {
        "autocommit": True,
        "connect_timeout": max(2, round(patience_s)),
        "options": options,
        "tcp_user_timeout": str(round(patience_s * 1000)),
    }
    url = url.difference_update_query(["options"])
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments, paramstyle="format")
    faults = (psycopg.Error, SQLAlchemyError)
    return Database(engine, url.database or "", _begin, faults, patience_s)


def new_file(path: Path) -> None:
    """Make an empty file that only its owner may read, unless there is one.

    An existing one is not opened: closing it would drop the locks that SQLite holds on it for
    another journal in this process.
    """
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
