"""Brings a database to the tables of this version, under a lock, whoever opens it first."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from protocols.errors import ConfigError
from server.journal.database import Database, error_code, new_file, unavailable
from server.journal.tables import VERSION_TABLE

NEWEST = "3"  # the last file of migrations/versions

_FIRST = "1"  # a file without tenants, of fedscore 0.1
_LOCK = 0x66656473636F7265  # "fedscore", for PostgreSQL's advisory lock
_LOOK_S = 0.02
_ALEMBIC = threading.Lock()  # it has one context for the whole process, whatever the database
_WRONG = ("SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")


def prepare(database: Database, *, may_create: bool, patience_s: float) -> None:
    """Make the tables, or bring them to this version.

    Args:
        database: What to prepare.
        may_create: Whether a new journal is wanted where there is none.
        patience_s: How long to wait for whoever does the same.

    Raises:
        ConfigError: It cannot be opened, is no journal, or is of another version.
        JournalError: The database cannot be reached, or is busy.
        ChainError: The database is damaged.
    """
    path = Path(database.engine.url.database or "")
    try:
        if database.is_sqlite and may_create:
            new_file(path)
        if database.is_sqlite and not path.exists():
            raise ConfigError(f"journal {database.name}: there is none")
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as link:
            _prepare(link, database, may_create=may_create, patience_s=patience_s)
    except OSError as err:
        raise _not_opened(database) from err
    except database.faults as err:
        is_wrong = error_code(err).startswith(_WRONG)
        raise _not_opened(database) if is_wrong else unavailable(err) from err


def _prepare(link: Connection, database: Database, *, may_create: bool, patience_s: float) -> None:
    if _version(link, database) != NEWEST:
        if database.is_sqlite:
            _enter_wal(link, database, patience_s)
        with _alone(link, database):
            if _version(link, database) is None and not may_create:
                raise ConfigError(f"journal {database.name}: there is none")
            _migrate(link, database)


def _version(link: Connection, database: Database) -> str | None:
    tables = sqlalchemy.inspect(link).get_table_names()
    if VERSION_TABLE in tables:
        return str(link.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar())
    if database.is_sqlite and tables:
        number = link.exec_driver_sql("PRAGMA user_version").scalar()
        if (str(number), tables) == (_FIRST, ["answers"]):
            raise ConfigError(
                f"journal {database.name}: version {_FIRST}, expected {NEWEST}; take it over into "
                "a new one: fedscore-server journal import"
            )
        raise ConfigError(f"journal {database.name}: not a journal")
    return None


def _enter_wal(link: Connection, database: Database, patience_s: float) -> None:
    # SQLite does not wait by itself for another process that does the same at this moment.
    end = time.monotonic() + patience_s
    while True:
        try:
            mode = link.exec_driver_sql("PRAGMA journal_mode=WAL").scalar()
            break
        except DBAPIError:
            if time.monotonic() >= end:
                raise
            time.sleep(_LOOK_S)
    if mode != "wal":
        raise ConfigError(f"journal {database.name}: its file system does not allow WAL")


@contextmanager
def _alone(link: Connection, database: Database) -> Iterator[None]:
    link.exec_driver_sql("BEGIN IMMEDIATE" if database.is_sqlite else "BEGIN")
    try:
        if not database.is_sqlite:
            link.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        yield
        link.exec_driver_sql("COMMIT")
    except BaseException:
        link.exec_driver_sql("ROLLBACK")
        raise


def _migrate(link: Connection, database: Database) -> None:
    from alembic import command  # here: a journal of this version does without it
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "server.journal:migrations")
    config.attributes["connection"] = link
    try:
        with _ALEMBIC:
            command.upgrade(config, "head")
    except CommandError as err:
        raise ConfigError(
            f"journal {database.name}: of a newer version than {NEWEST}; install that fedscore"
        ) from err


def _not_opened(database: Database) -> ConfigError:
    return ConfigError(f"journal {database.name}: cannot be opened; check path and rights")
