"""Takes over a journal of version 1: one SQLite file, without tenants and times.

Its chain is checked by its own rule; then each answer is stored anew, at the same place, for the
one tenant and with the time of the import, which is when its retention begins. The old file is
not changed: it is what shows that the old chain was whole, so keep it.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from protocols.errors import ChainError, ConfigError
from server.journal.journal import Journal
from server.journal.record import START, Draft, Key
from server.journal.walk import Show

_BATCH = 500
_COLUMNS = "position, method, request_id, answer_id, body_digest, answer, link"


class _Old(NamedTuple):
    position: int
    method: str
    request_id: str
    answer_id: str
    body_digest: bytes
    answer: bytes
    link: bytes


def import_version_1(
    old: Path, journal: Journal, *, tenant: str, at: datetime, show: Show | None = None
) -> int:
    """Store all answers of an old journal in a new one, and return how many.

    An import that was interrupted goes on when it is done again.

    Args:
        old: The file of version 1; no server may be writing it.
        journal: A new one, or what an interrupted import left.
        tenant: Whose answers they become.
        at: When this is, for the records, which do not know when they were given.
        show: Told now and then how many are done.

    Raises:
        ConfigError: The file is no journal of version 1, or the new one is in use already.
        ChainError: A record of the old one is not what was stored.
    """
    with closing(_open(old)) as link:
        last = link.execute("SELECT max(position) FROM answers").fetchone()[0] or 0
        done = 0
        for batch in _batches(link):
            drafts = [_draft(record, tenant, at) for record in batch]
            for record, draft in zip(journal.commit(drafts), drafts, strict=True):
                done += 1
                if (record.position, record.answer_id) != (done, draft.answer_id):
                    raise ConfigError("the new journal has answers of its own; import into another")
            if show is not None:
                show(done, last)
    return done


def _open(old: Path) -> sqlite3.Connection:
    try:
        link = sqlite3.connect(f"{old.absolute().as_uri()}?mode=ro", uri=True)
        version = link.execute("PRAGMA user_version").fetchone()[0]
        link.execute(f"SELECT {_COLUMNS} FROM answers LIMIT 1")
    except sqlite3.Error as err:
        raise ConfigError(f"journal {old.name}: not a journal of version 1") from err
    if version != 1:
        link.close()
        raise ConfigError(f"journal {old.name}: version {version}, expected 1")
    return link


def _batches(link: sqlite3.Connection) -> Iterator[list[_Old]]:
    rows = link.execute(f"SELECT {_COLUMNS} FROM answers ORDER BY position")
    before, position = START, 0
    while batch := [_Old(*row) for row in rows.fetchmany(_BATCH)]:
        for record in batch:
            position += 1
            if record.position != position or record.link != _link(before, record):
                raise ChainError(f"journal of version 1: broken at record {position}")
            before = record.link
        yield batch


def _draft(record: _Old, tenant: str, at: datetime) -> Draft:
    key = Key(tenant, record.method, record.request_id)
    return Draft(key, record.body_digest, record.answer_id, _printed(record.answer), at)


def _printed(answer: bytes) -> Callable[[int], bytes]:
    return lambda _: answer  # its place is in it, and stays the same


def _link(before: bytes, record: _Old) -> bytes:
    texts: tuple[Any, ...] = (record.method, record.request_id, record.answer_id)
    hashed = [hashlib.sha256(text.encode()).digest() for text in texts]
    hashed.append(hashlib.sha256(record.answer).digest())
    place = record.position.to_bytes(8, "big")
    return hashlib.sha256(b"".join((before, place, record.body_digest, *hashed))).digest()
