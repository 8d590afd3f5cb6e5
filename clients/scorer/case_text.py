"""A case becomes text: lines for an officer, JSON for scripts."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from clients.scorer.answer import answer_lines, plain_json
from protocols.contracts.cases import (
    AppealSubmitted,
    AppealWithdrawn,
    CaseEvent,
    CaseFile,
    CaseSummary,
    Detail,
    EvidenceAdded,
    OutcomeReported,
    ReviewClaimed,
    ReviewRequested,
)
from protocols.contracts.money import money_text
from protocols.contracts.recourse import Evidence


def cases_lines(cases: Sequence[CaseSummary]) -> str:
    """Return cases under review as a person reads them, one a line."""
    if not cases:
        return "nothing is under review"
    return "\n".join(_summary_line(case) for case in cases)


def case_lines(case: CaseFile) -> str:
    """Return a case as a person reads it: what stands, the decision, and what happened."""
    summary, standing, currency = case.summary, case.standing, case.decision.currency
    stands = f"stands now: {standing.outcome}, {money_text(standing.limit_minor, currency)}"
    if standing.expires_at is not None:
        stands += f", an override until {_time(standing.expires_at)}"
    seen = f"a person has reviewed it: {summary.reviewed_by}"
    by = "no person has reviewed it" if summary.is_solely_automated else seen
    events = [line for event in (*case.events, *case.outcomes) for line in _event_lines(event)]
    given = ["the decision as it was given:", *_indented(answer_lines(case.decision).split("\n"))]
    happened = ["what happened:", *events] if events else []
    return "\n".join([_summary_line(summary), stands, by, *given, *happened])


def event_line(event: CaseEvent) -> str:
    """Return what was recorded, in one line."""
    return f"recorded as version {event.version}, by {event.author}: {_said(event.detail)}"


def as_json(told: BaseModel | Sequence[BaseModel]) -> str:
    """Return it as JSON: digests in hexadecimal, times in ISO 8601."""
    if isinstance(told, BaseModel):
        return plain_json(told.model_dump())
    return plain_json([one.model_dump() for one in told])


def _summary_line(case: CaseSummary) -> str:
    said = [f"{case.decision_id}: {case.state}, version {case.version}"]
    if case.is_open and case.due_at is not None:
        said.append(f"{'OVERDUE since' if case.is_overdue else 'due'} {_time(case.due_at)}")
    if case.holder and case.claim_expires_at is not None:
        said.append(f"{case.holder} has it until {_time(case.claim_expires_at)}")
    return ", ".join(said)


def _event_lines(event: CaseEvent) -> list[str]:
    head = f"  {event.version}. {_time(event.at)}, {event.author}: {_said(event.detail)}"
    return [head, *_indented(_indented(_notes(event.detail)))]


def _said(detail: Detail) -> str:
    if isinstance(detail, ReviewRequested):
        return f"review requested, due {_time(detail.due_at)}"
    if isinstance(detail, AppealSubmitted):
        return f"appeal submitted, due {_time(detail.due_at)}"
    if isinstance(detail, EvidenceAdded):
        return f"evidence added: {_evidence(detail.evidence)}"
    if isinstance(detail, AppealWithdrawn):
        return "withdrawn"
    if isinstance(detail, ReviewClaimed):
        return f"claimed until {_time(detail.expires_at)}"
    if isinstance(detail, OutcomeReported):
        label = detail.label
        word = "in default" if label.is_default else "not in default"
        late = f"{label.days_past_due} days past due on {label.observed_on.isoformat()}"
        return f"outcome {label.maturity.lower()}: {word}, {late}"
    if detail.override is None:
        return "upheld"
    override = detail.override
    limit = f"limit_minor {override.limit_minor} until {_time(override.expires_at)}"
    return f"overturned, {override.outcome}, {limit} ({override.reason_code})"


def _notes(detail: Detail) -> list[str]:
    if isinstance(detail, EvidenceAdded | ReviewClaimed | OutcomeReported):
        return []
    evidence = detail.evidence if isinstance(detail, AppealSubmitted) else ()
    return [*detail.note.splitlines(), *(f"evidence: {_evidence(one)}" for one in evidence)]


def _evidence(one: Evidence) -> str:
    note = f", {one.note!r}" if one.note else ""
    return f"{one.kind}, SHA-256 {one.digest.hex()}{note}"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
