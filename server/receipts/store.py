"""Where the decision log rests: its tiles, and its head, in one SQLite file that never forgets."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from protocols.errors import ConfigError
from server.ledger.readonly import LogUnavailableError
from server.receipts.tiles import Tiles

_BUSY_S = 1.0
_SCHEMA = """\
CREATE TABLE IF NOT EXISTS tiles (level INTEGER NOT NULL, number INTEGER NOT NULL,
    hashes BLOB NOT NULL, PRIMARY KEY (level, number)) STRICT;
CREATE TABLE IF NOT EXISTS head (only INTEGER PRIMARY KEY CHECK (only = 0),
    note TEXT NOT NULL, link BLOB NOT NULL) STRICT;
"""


class Head(NamedTuple):
    """How far the log is.

    Attributes:
        note: Its signed checkpoint.
        link: The journal's, of the last record that is logged.
    """

    note: str
    link: bytes


class DecisionStore:
    """A decision log in a file. One process writes it, others read; one thread at a time.

    Every method raises LogUnavailableError if the file cannot be read or written now.
    """

    def __init__(self, path: Path, *, may_write: bool = False) -> None:
        """Open the file, which must be there and hold a log.

        Raises:
            ConfigError: It is not there, or holds no log.
        """
        self._database = _opened(path, "rw")
        try:
            with _translated():
                self._database.execute(f"PRAGMA query_only = {'OFF' if may_write else 'ON'}")
            self.head()
        except LogUnavailableError as err:
            raise ConfigError(f"{path.name}: no decision log, or no right to it") from err

    @classmethod
    def begin(cls, path: Path, head: Head) -> None:
        """Make the file of a new log, with no leaves.

        Raises:
            ConfigError: It cannot be made.
        """
        database = _opened(path, "rwc")
        try:
            with database:
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(_SCHEMA)
                database.execute("INSERT INTO head VALUES (0, ?, ?)", head)
        except sqlite3.Error as err:
            raise ConfigError(f"{path.name}: no decision log can be begun here") from err
        finally:
            database.close()

    def head(self) -> Head:
        """Return how far the log is."""
        with _translated():
            row = self._database.execute("SELECT note, link FROM head").fetchone()
        if row is None:
            raise LogUnavailableError("the decision log's file has no head")
        return Head(*row)

    def tile(self, level: int, number: int) -> bytes:
        """Return a tile's hashes, one after another; empty if there is none."""
        with _translated():
            row = self._database.execute(
                "SELECT hashes FROM tiles WHERE level = ? AND number = ?", (level, number)
            ).fetchone()
        return b"" if row is None else bytes(row[0])

    def keep(self, tiles: Tiles, head: Head, *, after: Head) -> None:
        """Keep tiles and the head over them, on disk, in one step.

        Args:
            tiles: Those that have changed, by level and number.
            head: The new one.
            after: The one that it goes on from; if another is there, nothing is kept.
        """
        rows = [(*place, hashes) for place, hashes in tiles.items()]
        with _translated(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            if self.head() != after:
                raise LogUnavailableError("another process has written the decision log")
            self._database.executemany("INSERT OR REPLACE INTO tiles VALUES (?, ?, ?)", rows)
            self._database.execute("UPDATE head SET note = ?, link = ?", head)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    try:
        # isolation_level None: transactions are where this file says BEGIN, nowhere else.
        database = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_S,
            check_same_thread=False,
        )
        database.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as err:
        raise ConfigError(f"{path.name}: cannot be opened; check path and rights") from err
    return database


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as err:
        raise LogUnavailableError("the decision log's file cannot be read or written now") from err
