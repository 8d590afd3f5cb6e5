"""The budget book's file: one SQLite database, ``synchronous=FULL``; what is in it is durable.

It knows bytes, not what they say: the partner's signed entries, the charters they are under, which
order each answers, and the reply once there is one. The last checkpoint that was shown is in a file
of its own: a book restored from a copy must not forget what this partner has cosigned since.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocols.errors import ChainError, ConfigError, RoundError
from protocols.ledger.codec import decode, encode
from protocols.ledger.entry import NO_PIN, Pin
from protocols.ledger.evidence import Proven
from protocols.ledger.keyfile import read_private, replace_private

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL, is_proven INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS orders (
    place TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, answer BLOB, vector BLOB) STRICT;
CREATE TABLE IF NOT EXISTS charters (policy BLOB PRIMARY KEY) STRICT;
"""


@dataclass(frozen=True)
class Order:
    """An order by its place, of which there is one, and its name, of which there is one.

    Attributes:
        place: Run, and round and attempt or what else is asked.
        name: Digest of the order's envelope, hex.
    """

    place: str
    name: str


@dataclass(frozen=True)
class Stored:
    """A reply as it was stored, to be sent again byte by byte."""

    answer: bytes
    vector: bytes


class BookFile:
    """An open budget book's file."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            ConfigError: It is no budget book.
        """
        self._pin = path.with_name(f"{path.name}.pin")
        try:
            path.touch(mode=0o600)  # it holds this partner's own sums
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as err:
            raise ConfigError(f"{path.name}: cannot be used as a budget book") from err

    def leaves(self) -> list[bytes]:
        """Return all entries in order.

        Raises:
            ChainError: They are not numbered from 0 without a gap.
        """
        rows = self._read("SELECT seq, leaf FROM entries ORDER BY seq")
        if [seq for seq, _ in rows] != list(range(len(rows))):
            raise ChainError("budget book: an entry is gone, or numbered otherwise")
        return [bytes(leaf) for _, leaf in rows]

    def unproven(self) -> list[bytes]:
        """Return the entries whose inclusion in the log was not shown yet, in order."""
        rows = self._read("SELECT leaf FROM entries WHERE is_proven = 0 ORDER BY seq")
        return [bytes(leaf) for (leaf,) in rows]

    def leaf_of(self, seq: int) -> bytes | None:
        """Return an entry by its number."""
        rows = self._read("SELECT leaf FROM entries WHERE seq = ?", seq)
        return bytes(rows[0][0]) if rows else None

    def policies(self) -> list[bytes]:
        """Return every charter that entries were appended under."""
        return [bytes(policy) for (policy,) in self._read("SELECT policy FROM charters")]

    def append(
        self, leaves: Sequence[tuple[int, bytes]], order: Order | None, *, policy: bytes
    ) -> None:
        """Keep numbered entries, their charter, and the order that they answer, if one asked.

        Raises:
            RoundError: They cannot be written; then nothing is.
        """
        with self._writing():
            self._db.execute("INSERT OR IGNORE INTO charters VALUES (?)", (policy,))
            self._db.executemany("INSERT INTO entries VALUES (?, ?, 0)", leaves)
            if order:
                self._db.execute(
                    "INSERT INTO orders VALUES (?, ?, NULL, NULL)", (order.place, order.name)
                )

    def reply_at(self, place: str) -> tuple[str, Stored | None] | None:
        """Return the name of the order at a place, and its reply if it was stored."""
        rows = self._read("SELECT name, answer, vector FROM orders WHERE place = ?", place)
        if not rows:
            return None
        ((name, answer, vector),) = rows
        return name, None if answer is None else Stored(answer=answer, vector=vector)

    def store_reply(self, order: Order, reply: Stored) -> None:
        """Keep a reply, durably."""
        with self._writing():
            self._db.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?) ON CONFLICT (place)"
                " DO UPDATE SET answer = excluded.answer, vector = excluded.vector",
                (order.place, order.name, reply.answer, reply.vector),
            )

    def pin(self) -> Pin:
        """Return the last checkpoint that was shown."""
        return decode(Pin, read_private(self._pin)) if self._pin.exists() else NO_PIN

    def mark_proven(self, proven: Proven) -> None:
        """Keep a checkpoint, durably, and then which entries it includes."""
        pin = Pin(proven.checkpoint.size, proven.checkpoint.root.hex())
        if pin != self.pin():
            replace_private(self._pin, encode(pin))
        with self._writing():
            self._db.executemany(
                "UPDATE entries SET is_proven = 1 WHERE seq = ?", [(seq,) for seq in proven.seqs]
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:  # Any: SQLite's types
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as err:
            raise RoundError("the budget book cannot be read") from err

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as err:
            raise RoundError("the budget book cannot be written; is the disk full?") from err
