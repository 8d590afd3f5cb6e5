"""What is recorded of a case to wire messages and back; nothing else."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import ValidationError

from protocols.contracts.cases import (
    AppealSubmitted,
    AppealWithdrawn,
    CaseEvent,
    CaseFile,
    CasePage,
    CaseSummary,
    Detail,
    EvidenceAdded,
    OutcomeReported,
    ReviewClaimed,
    ReviewRequested,
    ReviewResolved,
    Standing,
)
from protocols.contracts.features import Contract, describe
from protocols.contracts.recourse import State
from protocols.errors import ContractError
from protocols.translate import word_for
from protocols.translate_decisions import OUTCOMES, decision_from_wire
from protocols.translate_recourse import (
    VERDICTS,
    Table,
    evidence_table,
    evidence_to_wire,
    label_table,
    label_to_wire,
    override_table,
    override_to_wire,
    time_of,
    time_to_wire,
)
from protocols.wire import recourse_v1_pb2 as recourse

STATES: dict[State, recourse.State.ValueType] = {
    "NONE": recourse.STATE_NONE,
    "SUBMITTED": recourse.STATE_SUBMITTED,
    "IN_REVIEW": recourse.STATE_IN_REVIEW,
    "UPHELD": recourse.STATE_UPHELD,
    "OVERTURNED": recourse.STATE_OVERTURNED,
    "WITHDRAWN": recourse.STATE_WITHDRAWN,
}

_Told = TypeVar("_Told", bound=Contract)


def event_to_wire(event: CaseEvent) -> recourse.Event:
    """Return the message of an event."""
    message = recourse.Event(
        event_id=event.event_id,
        decision_id=event.decision_id,
        version=event.version,
        request_id=event.request_id,
        author=event.author,
        at=time_to_wire(event.at),
        journal_position=event.journal_position,
    )
    _write_detail(message, event.detail)
    return message


def event_from_wire(message: recourse.Event) -> CaseEvent:
    """Return the event of a message.

    Raises:
        ContractError: The message is not a complete event.
    """
    kind = message.WhichOneof("detail")
    if kind is None:
        raise ContractError("answer: an event that this version does not know")
    table: Table = {
        "event_id": message.event_id,
        "decision_id": message.decision_id,
        "version": message.version,
        "request_id": message.request_id,
        "author": message.author,
        "at": time_of(message.at),
        "journal_position": message.journal_position,
    }
    return _told(CaseEvent, table | {"detail": _DETAILS[kind](message)})


def summary_to_wire(summary: CaseSummary) -> recourse.CaseSummary:
    """Return the message of a case as it is."""
    return recourse.CaseSummary(
        decision_id=summary.decision_id,
        version=summary.version,
        state=STATES[summary.state],
        opened_at=_maybe_to_wire(summary.opened_at),
        due_at=_maybe_to_wire(summary.due_at),
        is_overdue=summary.is_overdue,
        holder=summary.holder,
        claim_expires_at=_maybe_to_wire(summary.claim_expires_at),
        is_solely_automated=summary.is_solely_automated,
        reviewed_by=summary.reviewed_by,
    )


def standing_to_wire(standing: Standing) -> recourse.Standing:
    """Return the message of what holds."""
    return recourse.Standing(
        outcome=OUTCOMES[standing.outcome],
        limit_minor=standing.limit_minor,
        override_event_id=standing.override_event_id,
        supersedes=standing.supersedes,
        expires_at=_maybe_to_wire(standing.expires_at),
    )


def case_from_wire(message: recourse.GetCaseResponse) -> CaseFile:
    """Return the case that an answer tells.

    Raises:
        ContractError: The answer is not complete.
    """
    return CaseFile(
        summary=summary_from_wire(message.summary),
        decision=decision_from_wire(message.decision),
        events=tuple(map(event_from_wire, message.events)),
        outcomes=tuple(map(event_from_wire, message.outcomes)),
        standing=_standing_from_wire(message.standing),
    )


def page_from_wire(message: recourse.ListCasesResponse) -> CasePage:
    """Return the page of cases that an answer tells; raises as ``case_from_wire`` does."""
    cases = tuple(map(summary_from_wire, message.cases))
    return CasePage(cases=cases, next_token=message.next_page_token)


def summary_from_wire(message: recourse.CaseSummary) -> CaseSummary:
    """Return the case of a message; raises as ``case_from_wire`` does."""
    table: Table = {
        "decision_id": message.decision_id,
        "version": message.version,
        "state": word_for(message.state, STATES),
        "opened_at": _maybe(message, "opened_at"),
        "due_at": _maybe(message, "due_at"),
        "is_overdue": message.is_overdue,
        "holder": message.holder,
        "claim_expires_at": _maybe(message, "claim_expires_at"),
        "is_solely_automated": message.is_solely_automated,
        "reviewed_by": message.reviewed_by,
    }
    return _told(CaseSummary, table)


def _standing_from_wire(message: recourse.Standing) -> Standing:
    table: Table = {
        "outcome": word_for(message.outcome, OUTCOMES),
        "limit_minor": message.limit_minor,
        "override_event_id": message.override_event_id,
        "supersedes": message.supersedes,
        "expires_at": _maybe(message, "expires_at"),
    }
    return _told(Standing, table)


def _write_detail(message: recourse.Event, detail: Detail) -> None:
    if isinstance(detail, ReviewRequested):
        message.review_requested.note = detail.note
        message.review_requested.due_at.CopyFrom(time_to_wire(detail.due_at))
    elif isinstance(detail, AppealSubmitted):
        message.appeal_submitted.note = detail.note
        message.appeal_submitted.evidence.extend(map(evidence_to_wire, detail.evidence))
        message.appeal_submitted.due_at.CopyFrom(time_to_wire(detail.due_at))
    elif isinstance(detail, EvidenceAdded):
        message.evidence_added.evidence.CopyFrom(evidence_to_wire(detail.evidence))
    elif isinstance(detail, AppealWithdrawn):
        message.appeal_withdrawn.SetInParent()  # the note may be empty
        message.appeal_withdrawn.note = detail.note
    elif isinstance(detail, ReviewClaimed):
        message.review_claimed.expires_at.CopyFrom(time_to_wire(detail.expires_at))
    elif isinstance(detail, ReviewResolved):
        message.review_resolved.CopyFrom(_resolved_to_wire(detail))
    else:
        message.outcome_reported.label.CopyFrom(label_to_wire(detail.label))


def _resolved_to_wire(detail: ReviewResolved) -> recourse.ReviewResolved:
    return recourse.ReviewResolved(
        verdict=VERDICTS[detail.verdict],
        note=detail.note,
        override=override_to_wire(detail.override),
        supersedes=detail.supersedes,
    )


def _requested(event: recourse.Event) -> Detail:
    message = event.review_requested
    return _told(ReviewRequested, {"note": message.note, "due_at": time_of(message.due_at)})


def _submitted(event: recourse.Event) -> Detail:
    message = event.appeal_submitted
    evidence = tuple(map(evidence_table, message.evidence))
    table: Table = {"note": message.note, "evidence": evidence, "due_at": time_of(message.due_at)}
    return _told(AppealSubmitted, table)


def _added(event: recourse.Event) -> Detail:
    return _told(EvidenceAdded, {"evidence": evidence_table(event.evidence_added.evidence)})


def _withdrawn(event: recourse.Event) -> Detail:
    return _told(AppealWithdrawn, {"note": event.appeal_withdrawn.note})


def _claimed(event: recourse.Event) -> Detail:
    return _told(ReviewClaimed, {"expires_at": time_of(event.review_claimed.expires_at)})


def _resolved(event: recourse.Event) -> Detail:
    message = event.review_resolved
    table: Table = {
        "verdict": word_for(message.verdict, VERDICTS),
        "note": message.note,
        "override": override_table(message.override) if message.HasField("override") else None,
        "supersedes": message.supersedes,
    }
    return _told(ReviewResolved, table)


def _reported(event: recourse.Event) -> Detail:
    return _told(OutcomeReported, {"label": label_table(event.outcome_reported.label)})


_DETAILS: dict[str, Callable[[recourse.Event], Detail]] = {
    "review_requested": _requested,
    "appeal_submitted": _submitted,
    "evidence_added": _added,
    "appeal_withdrawn": _withdrawn,
    "review_claimed": _claimed,
    "review_resolved": _resolved,
    "outcome_reported": _reported,
}


def _told(kind: type[_Told], table: Table) -> _Told:
    try:
        return kind.model_validate(table)
    except ValidationError as err:
        raise ContractError(f"answer: {describe(err)}") from err


def _maybe_to_wire(at: datetime | None) -> Timestamp | None:
    return None if at is None else time_to_wire(at)


def _maybe(message: recourse.CaseSummary | recourse.Standing, name: str) -> datetime | None:
    # By name: of each, the times that may be missing.
    return time_of(getattr(message, name)) if _has(message, name) else None


def _has(message: recourse.CaseSummary | recourse.Standing, name: str) -> bool:
    return any(field.name == name for field, _ in message.ListFields())
