"""Where the log's leaves and its last checkpoints rest; SQLite, or anything with six methods."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from protocols.errors import ConfigError, RoundError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS leaves (position INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS checkpoints (only INTEGER PRIMARY KEY CHECK (only = 0),
    note TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS witnessed (only INTEGER PRIMARY KEY CHECK (only = 0),
    note TEXT NOT NULL) STRICT;
"""


class LogStore(Protocol):
    """What a log needs of its storage."""

    def append(self, first: int, leaves: Sequence[bytes], note: str) -> None:
        """Keep leaves from position ``first`` on, and the checkpoint over all, in one step."""

    def note(self) -> str | None:
        """Return the last checkpoint; None in a new store."""

    def keep_witnessed(self, note: str) -> None:
        """Keep the last checkpoint that a quorum has cosigned."""

    def witnessed(self) -> str | None:
        """Return the last checkpoint that a quorum has cosigned; None before the first."""

    def leaf(self, index: int) -> bytes:
        """Return one leaf."""

    def leaves(self) -> Iterator[bytes]:
        """Return all leaves, in order."""


class SqliteLogStore:
    """A log in one SQLite file. What ``append`` returned from survives a power cut."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            ConfigError: It cannot be opened, or is no such file.
        """
        try:
            # isolation_level None: transactions are where this file says BEGIN, nowhere else.
            self._database = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as err:
            raise ConfigError(f"{path.name}: no log can be kept here") from err

    def append(self, first: int, leaves: Sequence[bytes], note: str) -> None:
        """Keep leaves from position ``first`` on, and the checkpoint over all, or nothing.

        Raises:
            RoundError: Nothing was kept: another process writes this log, or the disk is full.
        """
        try:
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                self._refuse_unless_next(first)
                self._database.executemany(
                    "INSERT INTO leaves VALUES (?, ?)", enumerate(leaves, start=first)
                )
                self._database.execute("INSERT OR REPLACE INTO checkpoints VALUES (0, ?)", (note,))
        except sqlite3.Error as err:
            raise RoundError(f"the log could not keep entry {first}") from err

    def note(self) -> str | None:
        """Return the last checkpoint; None in a new store."""
        row = self._database.execute("SELECT note FROM checkpoints").fetchone()
        return None if row is None else str(row[0])

    def keep_witnessed(self, note: str) -> None:
        """Keep the last checkpoint that a quorum has cosigned, durably.

        Raises:
            RoundError: It was not kept.
        """
        try:
            with self._database:
                self._database.execute("INSERT OR REPLACE INTO witnessed VALUES (0, ?)", (note,))
        except sqlite3.Error as err:
            raise RoundError("the log could not keep a cosigned checkpoint") from err

    def witnessed(self) -> str | None:
        """Return the last checkpoint that a quorum has cosigned; None before the first."""
        row = self._database.execute("SELECT note FROM witnessed").fetchone()
        return None if row is None else str(row[0])

    def leaf(self, index: int) -> bytes:
        """Return one leaf, which must be there."""
        row = self._database.execute(
            "SELECT leaf FROM leaves WHERE position = ?", (index,)
        ).fetchone()
        return bytes(row[0])

    def leaves(self) -> Iterator[bytes]:
        """Return all leaves, in order."""
        for (leaf,) in self._database.execute("SELECT leaf FROM leaves ORDER BY position"):
            yield bytes(leaf)

    def _refuse_unless_next(self, first: int) -> None:
        count = "SELECT coalesce(max(position) + 1, 0) FROM leaves"
        (size,) = self._database.execute(count).fetchone()
        if size != first:
            raise RoundError(f"the log has {size} entries, not {first}: another process wrote")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
