"""Which cases there are, the most urgent first: read once from the journal, then only what is new.

Kept in memory for each tenant that asks, without notes and evidence. A process reads on where it
left off, so events of other processes count as well, and a call reads no more than a bounded part.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
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
    """Where a case stands in the list: those under review first, what is due soonest first."""

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
    position: int  # of the case's first event
    case: Case


class _Tenant:
    def __init__(self) -> None:
        self.read_to = 0
        self.cases: dict[str, _Entry] = {}


class Docket:
    """The cases of each tenant; used by the desk's thread."""

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
        placed = (
            (place, entry.decision_id, case)
            for entry, case in self._seen(tenant, at)
            if (place := _place_of(entry, case)) > begin
        )
        chosen = heapq.nsmallest(limit + 1, placed, key=lambda one: one[0])
        told = [summary_of(decision_id, case, at) for _, decision_id, case in chosen[:limit]]
        return told, chosen[limit - 1][0].token if len(chosen) > limit else ""

    def _seen(self, tenant: str, at: datetime) -> Iterator[tuple[_Entry, Case]]:
        known = self._tenants.setdefault(tenant, _Tenant())
        self._read_on(tenant, known)
        return ((entry, seen_at(entry.case, at)) for entry in known.cases.values())

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
    decision_id = record.key.request_id.rpartition(":")[0]
    if record.is_pruned:
        known.cases.pop(decision_id, None)  # its decision is deleted as well
        return
    event = event_of(record)
    if event.version == 1:
        known.cases[decision_id] = _Entry(decision_id, record.position, Case())
    entry = known.cases.get(decision_id)
    if entry is not None:  # else its first event is deleted
        entry.case = after(entry.case, event)


def _place_of(entry: _Entry, case: Case) -> Place:
    due = 0 if case.due_at is None else to_micros(case.due_at)
    return Place(not case.is_open, due, entry.position)


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
