"""Retention: old answers and lapsed offers are deleted; what is left keeps the chain whole."""

import time
from datetime import datetime
from functools import partial

from server.journal.database import Lane
from server.journal.errors import JournalError
from server.journal.record import to_micros
from server.journal.statements import Cursor, Statements
from server.journal.walk import Show

_BATCH = 500  # small, because writers wait meanwhile
_LOOK_S = 0.01  # between two tries to overwrite; who reads a few records is done sooner


def prune_records(
    lane: Lane, statements: Statements, *, before: datetime, show: Show | None, patience_s: float
) -> int:
    """Delete the answers that were given before a time, and return how many.

    Raises:
        ChainError: One of them is not what was stored. It and those after it are left.
        JournalError: They are deleted, and can still be read in the file, since somebody has read
            an older state of it for longer than ``patience_s``; to prune again once that has ended
            overwrites them.
    """
    last, *_ = lane.read(statements.ends)
    count, micros = 0, to_micros(before)
    for start in range(0, last, _BATCH):
        end = min(start + _BATCH, last)

        def prune(cursor: Cursor, start: int = start, end: int = end) -> int:
            records = statements.whole_before(cursor, start, end, micros)
            statements.prune(cursor, records)
            return len(records)

        count += lane.write(prune)
        if show is not None:
            show(end, last)
    _prune_offers(lane, statements, micros)
    end_s = time.monotonic() + patience_s
    while not lane.read(statements.overwrite):
        if time.monotonic() >= end_s:
            raise JournalError(
                "answers are deleted, but their bytes are still in the file, because somebody "
                "else is using it; prune again when that has ended"
            )
        time.sleep(_LOOK_S)
    return count


def _prune_offers(lane: Lane, statements: Statements, before: int) -> None:
    """Delete the offers that lapsed before a time, all of whose answers are deleted by now."""
    last: str | None = ""
    while last is not None:
        last = lane.write(partial(_prune_some, statements, last, before))


def _prune_some(statements: Statements, after: str, before: int, cursor: Cursor) -> str | None:
    """Look at some offers after one, and return the last of them; None if there is none."""
    ids = statements.some_offers(cursor, after, _BATCH)
    if not ids:
        return None
    statements.prune_offers(cursor, ids[0], ids[-1], before)
    return ids[-1]
