"""Which cases there are, what is due soonest first: read from the journal, then only what is new.

Kept in memory for each tenant that asks, without notes and evidence. A process reads on where it
left off, so events of other processes count as well, and a call reads no more than a bounded part.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NamedTuple, Protocol

from protocols.contracts.applicants import RequestError, Violation
from protocols.contracts.cases import CaseEvent, CaseSummary
from protocols.errors import ScoringError
from protocols.translate_cases import event_from_wire
from protocols.wire import recourse_v1_pb2 as recourse
from server.decisions.recourse import Case, after, seen_at, summary_of
from server.journal.record import Record, to_micros

EVENTS = "Recourse"  # as it stands in the journal: the events of cases, by decision and version

_AT_ONCE = 500  # records of one look
_MOST_LOOKS = 4  # of one call: other callers wait meanwhile


class DocketError(ScoringError):
    """The cases are not all read yet; to ask again reads on."""

    exit_code = 5


class Pages(Protocol):
    """What is used of a journal; see there."""

    def list(self, tenant: str, method: str, *, after: int, limit: int) -> Sequence[Record]:
        """Return up to ``limit`` of a tenant's records whose position is above ``after``."""


class Place(NamedTuple):
    """Where a case stands in the list.

    Attributes:
        is_closed: Those under review come first.
        due_micros: Of those: what is due soonest first. 0 of the others.
        position: In the journal: of the first event, or of the one that closed the case.
    """

    is_closed: bool
    due_micros: int
    position: int

    @property
    def token(self) -> str:
        """Return what asks for the cases after this one."""
        return f"{int(self.is_closed)}.{self.due_micros}.{self.position}"


@dataclass
class _Entry:
    decision_id: str
    place: Place
    case: Case


@dataclass
class _Tenant:
    """One tenant's cases; few are open, and all the others are never looked through."""

    read_to: int = 0
    entries: dict[str, _Entry] = field(default_factory=dict)
    open: dict[str, _Entry] = field(default_factory=dict)
    closed: list[_Entry | None] = field(default_factory=list)  # None: opened again since
    closed_at: list[int] = field(default_factory=list)  # positions, rising, of each


class Docket:
    """The cases of each tenant; used by the desk's thread.

    One that retention deletes is gone when the process next starts.
    """

    def __init__(self, journal: Pages) -> None:
        """Read nothing yet."""
        self._journal = journal
        self._tenants: dict[str, _Tenant] = {}

    def page(
        self, tenant: str, *, after_token: str, limit: int, at: datetime
    ) -> tuple[list[CaseSummary], str]:
        """Return some of a tenant's cases, and the token of those after them; empty at the end.

        A case that moves in the list between two pages may come twice, or not at all.

        Raises:
            DocketError: Not all events are read yet.
            RequestError: The token is none that was given.
            JournalError: The journal cannot be read.
            ChainError: An event is not what was stored.
        """
        begin = _place(after_token)
        known = self._tenants.setdefault(tenant, _Tenant())
        self._read_on(tenant, known)
        waiting = (one for one in known.open.values() if one.place > begin)
        chosen = heapq.nsmallest(limit + 1, waiting, key=lambda one: one.place)
        chosen += islice(_closed_after(known, begin), limit + 1 - len(chosen))
        told = [summary_of(one.decision_id, seen_at(one.case, at), at) for one in chosen[:limit]]
        return told, chosen[limit - 1].place.token if len(chosen) > limit else ""

    def _read_on(self, tenant: str, known: _Tenant) -> None:
        for _ in range(_MOST_LOOKS):
            records = self._journal.list(tenant, EVENTS, after=known.read_to, limit=_AT_ONCE)
            for record in records:
                _take(known, record)
                known.read_to = record.position
            if len(records) < _AT_ONCE:
                return
        raise DocketError("the cases are still being read; ask again")


def message_of(record: Record) -> recourse.Event:
    """Return the event in a record, as its message; all responses are alike on the wire.

    Raises:
        PrunedAnswerError: It was deleted after its time of retention.
    """
    answer = record.answer_to(record.body_digest)
    return recourse.RequestReviewResponse.FromString(answer).event


def event_of(record: Record) -> CaseEvent:
    """Return the event in a record; raises as ``message_of`` does."""
    return event_from_wire(message_of(record))


def _take(known: _Tenant, record: Record) -> None:
    """Let a case have one more event, unless its first one is deleted."""
    if record.is_pruned:
        return
    event, decision_id = event_of(record), record.key.request_id.rpartition(":")[0]
    if event.version == 1:
        known.entries[decision_id] = _Entry(decision_id, Place(False, 0, record.position), Case())
    entry = known.entries.get(decision_id)
    if entry is not None:
        was_closed = entry.place.is_closed
        entry.case = after(entry.case, event)
        _file(known, entry, record.position, was_closed=was_closed)


def _file(known: _Tenant, entry: _Entry, position: int, *, was_closed: bool) -> None:
    """Put a case where it belongs after the event at a position."""
    if was_closed:
        known.closed[bisect_left(known.closed_at, entry.place.position)] = None
    if entry.case.is_open:
        due = 0 if entry.case.due_at is None else to_micros(entry.case.due_at)
        entry.place = Place(False, due, position if was_closed else entry.place.position)
        known.open[entry.decision_id] = entry
        return
    del known.open[entry.decision_id]
    entry.place = Place(True, 0, position)
    known.closed.append(entry)
    known.closed_at.append(position)


def _closed_after(known: _Tenant, begin: Place) -> Iterator[_Entry]:
    first = bisect_right(known.closed_at, begin.position) if begin.is_closed else 0
    return (one for one in islice(known.closed, first, None) if one is not None)


def _place(token: str) -> Place:
    if not token:
        return Place(False, 0, 0)
    parts = token.split(".")
    if len(parts) != 3 or not all(_is_number(one) for one in parts):
        raise RequestError([Violation("page_token", "is none that this server gave")])
    is_closed, due, position = map(int, parts)
    return Place(bool(is_closed), due, position)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
