"""Steps of a case to wire messages and back; nothing else. What is recorded: translate_cases."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import ValidationError

from protocols.contracts.applicants import request_error
from protocols.contracts.recourse import (
    MOST_EVIDENCE,
    AddEvidence,
    ClaimReview,
    Evidence,
    EvidenceKind,
    Maturity,
    OutcomeLabel,
    Override,
    OverrideOutcome,
    ReportOutcome,
    RequestReview,
    ResolveReview,
    Step,
    StepBase,
    SubmitAppeal,
    Verdict,
    WithdrawAppeal,
)
from protocols.translate import word_for
from protocols.translate_decisions import OUTCOMES
from protocols.translate_questions import check_count, parse_request
from protocols.wire import recourse_v1_pb2 as recourse

VERDICTS: dict[Verdict, recourse.Verdict.ValueType] = {
    "UPHELD": recourse.VERDICT_UPHELD,
    "OVERTURNED": recourse.VERDICT_OVERTURNED,
}
MATURITIES: dict[Maturity, recourse.Maturity.ValueType] = {
    "INTERIM": recourse.MATURITY_INTERIM,
    "FINAL": recourse.MATURITY_FINAL,
}
KINDS: dict[EvidenceKind, recourse.EvidenceKind.ValueType] = {
    "INCOME": recourse.EVIDENCE_KIND_INCOME,
    "OBLIGATIONS": recourse.EVIDENCE_KIND_OBLIGATIONS,
    "IDENTITY": recourse.EVIDENCE_KIND_IDENTITY,
    "BUREAU_CORRECTION": recourse.EVIDENCE_KIND_BUREAU_CORRECTION,
    "BUSINESS_RECORDS": recourse.EVIDENCE_KIND_BUSINESS_RECORDS,
    "STATEMENT": recourse.EVIDENCE_KIND_STATEMENT,
    "OTHER": recourse.EVIDENCE_KIND_OTHER,
}
OVERRIDE_OUTCOMES: dict[OverrideOutcome, int] = {
    name: OUTCOMES[name] for name in ("APPROVE", "COUNTEROFFER", "DECLINE")
}

_StepKind = TypeVar("_StepKind", bound=StepBase)
_Word = TypeVar("_Word", bound=str)

StepMessage = (
    recourse.RequestReviewRequest
    | recourse.SubmitAppealRequest
    | recourse.AddEvidenceRequest
    | recourse.WithdrawAppealRequest
    | recourse.ClaimReviewRequest
    | recourse.ResolveReviewRequest
    | recourse.ReportOutcomeRequest
)
Table = dict[str, object]


def step_from_wire(raw: bytes, kind: str) -> Step:
    """Return the step that request bytes of a method ask for.

    Args:
        raw: Bytes off the wire.
        kind: The method's name, such as ``RequestReview``.

    Raises:
        RequestError: They do not parse, or a field breaks a rule.
    """
    return _READERS[kind](raw)


def step_to_wire(step: Step) -> StepMessage:
    """Return the message that asks for a step."""
    message = _unnamed(step)
    message.request_id, message.decision_id = step.request_id, step.decision_id
    message.expected_version = step.expected_version
    return message


def evidence_to_wire(evidence: Evidence) -> recourse.Evidence:
    """Return the message of a piece of evidence."""
    return recourse.Evidence(kind=KINDS[evidence.kind], digest=evidence.digest, note=evidence.note)


def override_to_wire(override: Override | None) -> recourse.Override | None:
    """Return the message of an override, if there is one."""
    if override is None:
        return None
    return recourse.Override(
        outcome=OUTCOMES[override.outcome],
        limit_minor=override.limit_minor,
        reason_code=override.reason_code,
        note=override.note,
        expires_at=time_to_wire(override.expires_at),
    )


def label_to_wire(label: OutcomeLabel) -> recourse.OutcomeLabel:
    """Return the message of an outcome."""
    return recourse.OutcomeLabel(
        is_default=label.is_default,
        days_past_due=label.days_past_due,
        observed_on=label.observed_on.isoformat(),
        maturity=MATURITIES[label.maturity],
    )


def time_to_wire(at: datetime) -> Timestamp:
    """Return the message of an aware time, to the microsecond."""
    message = Timestamp()
    message.FromDatetime(at.astimezone(UTC))
    return message


def evidence_table(message: recourse.Evidence) -> Table:
    """Return what a message says of a piece of evidence, not checked."""
    return {
        "kind": word_for(message.kind, KINDS),
        "digest": message.digest,
        "note": message.note,
    }


def override_table(message: recourse.Override) -> Table:
    """Return what a message says of an override, not checked."""
    return {
        "outcome": word_for(message.outcome, OVERRIDE_OUTCOMES),
        "limit_minor": message.limit_minor,
        "reason_code": message.reason_code,
        "note": message.note,
        "expires_at": time_of(message.expires_at),
    }


def label_table(message: recourse.OutcomeLabel) -> Table:
    """Return what a message says of an outcome, not checked."""
    return {
        "is_default": message.is_default,
        "days_past_due": message.days_past_due,
        "observed_on": _date_of(message.observed_on),
        "maturity": word_for(message.maturity, MATURITIES),
    }


def time_of(message: Timestamp) -> datetime | None:
    """Return the time of a message, or None for one outside the calendar."""
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _date_of(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None  # ISO 8601 has other ways to write one


def _unnamed(step: Step) -> StepMessage:
    if isinstance(step, RequestReview):
        return recourse.RequestReviewRequest(note=step.note)
    if isinstance(step, SubmitAppeal):
        evidence = map(evidence_to_wire, step.evidence)
        return recourse.SubmitAppealRequest(note=step.note, evidence=evidence)
    if isinstance(step, AddEvidence):
        return recourse.AddEvidenceRequest(evidence=evidence_to_wire(step.evidence))
    if isinstance(step, WithdrawAppeal):
        return recourse.WithdrawAppealRequest(note=step.note)
    if isinstance(step, ClaimReview):
        return recourse.ClaimReviewRequest()
    if isinstance(step, ReportOutcome):
        return recourse.ReportOutcomeRequest(label=label_to_wire(step.label))
    override, verdict = override_to_wire(step.override), VERDICTS[step.verdict]
    return recourse.ResolveReviewRequest(verdict=verdict, note=step.note, override=override)


def _step(kind: type[_StepKind], message: StepMessage, more: Table) -> _StepKind:
    table: Table = {
        "request_id": message.request_id,
        "decision_id": message.decision_id,
        "expected_version": message.expected_version,
    }
    try:
        return kind.model_validate(table | more)
    except ValidationError as err:
        raise request_error(err) from err


def _request_review(raw: bytes) -> Step:
    message = parse_request(raw, recourse.RequestReviewRequest())
    return _step(RequestReview, message, {"note": message.note})


def _submit_appeal(raw: bytes) -> Step:
    message = parse_request(raw, recourse.SubmitAppealRequest(), _counted_evidence)
    evidence = tuple(map(evidence_table, message.evidence))
    return _step(SubmitAppeal, message, {"note": message.note, "evidence": evidence})


def _counted_evidence(message: recourse.SubmitAppealRequest) -> Iterable[recourse.Evidence]:
    check_count("evidence", len(message.evidence), most=MOST_EVIDENCE)
    return message.evidence


def _add_evidence(raw: bytes) -> Step:
    message = parse_request(raw, recourse.AddEvidenceRequest(), lambda one: [one.evidence])
    return _step(AddEvidence, message, {"evidence": evidence_table(message.evidence)})


def _withdraw_appeal(raw: bytes) -> Step:
    message = parse_request(raw, recourse.WithdrawAppealRequest())
    return _step(WithdrawAppeal, message, {"note": message.note})


def _claim_review(raw: bytes) -> Step:
    return _step(ClaimReview, parse_request(raw, recourse.ClaimReviewRequest()), {})


def _resolve_review(raw: bytes) -> Step:
    message = parse_request(raw, recourse.ResolveReviewRequest(), _parts_of_resolution)
    override = override_table(message.override) if message.HasField("override") else None
    verdict = word_for(message.verdict, VERDICTS)
    more: Table = {"verdict": verdict, "note": message.note, "override": override}
    return _step(ResolveReview, message, more)


def _parts_of_resolution(message: recourse.ResolveReviewRequest) -> Iterable[Message]:
    return [message.override, message.override.expires_at]


def _report_outcome(raw: bytes) -> Step:
    message = parse_request(raw, recourse.ReportOutcomeRequest(), lambda one: [one.label])
    return _step(ReportOutcome, message, {"label": label_table(message.label)})


_READERS: Mapping[str, Callable[[bytes], Step]] = {
    RequestReview.kind: _request_review,
    SubmitAppeal.kind: _submit_appeal,
    AddEvidence.kind: _add_evidence,
    WithdrawAppeal.kind: _withdraw_appeal,
    ClaimReview.kind: _claim_review,
    ResolveReview.kind: _resolve_review,
    ReportOutcome.kind: _report_outcome,
}
