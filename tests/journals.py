"""Drafts, and a journal's database as its tests see it: tampered with, counted, taken away."""

import sqlite3
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.journal.journal import Journal, open_journal
from server.journal.record import Draft, Key
from tests.postgres import Postgres

NOW = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
BODY, OTHER = b"b" * 32, b"o" * 32


def draft(
    request_id: str,
    answer_id: str = "",
    *,
    tenant: str = "bank",
    method: str = "Decide",
    body: bytes = BODY,
    at: datetime = NOW,
) -> Draft:
    """Return a draft whose answer tells its id and place."""
    answer_id = answer_id or str(uuid.uuid4())
    key = Key(tenant, method, request_id)
    return Draft(key, body, answer_id, lambda place: f"{answer_id}@{place}".encode(), at)


def drafts(count: int, *, start: int = 1) -> list[Draft]:
    """Return drafts r1, r2, ... with answers a1, a2, ..., a minute apart."""
    numbers = range(start, start + count)
    return [draft(f"r{n}", f"a{n}", at=NOW + timedelta(minutes=n)) for n in numbers]


@dataclass(frozen=True)
class Place:
    """Where a journal is, in SQLite or PostgreSQL.

    Attributes:
        where: What ``open_journal`` is given.
        postgres: The server, if it is in one.
    """

    where: str | Path
    postgres: Postgres | None

    def open(self, *, patience_s: float = 5.0) -> Journal:
        """Open the journal, or make it."""
        return open_journal(self.where, patience_s=patience_s)

    def run(self, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run a statement behind the journal's back."""
        if self.postgres is None:
            connection = sqlite3.connect(self.where)
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
            connection.close()
            return rows
        with self.postgres.connect() as link:
            link.execute(f"SET search_path = {self._schema}")
            cursor = link.execute(statement.replace("?", "%s"), values)
            return cursor.fetchall() if cursor.description else []

    @property
    def _schema(self) -> str:
        return str(self.where).partition("search_path%3D")[2].partition("%")[0]


MakePlace = Callable[[], Place]
