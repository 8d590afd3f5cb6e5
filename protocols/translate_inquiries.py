"""Questions about decisions to wire messages and back; nothing else."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from google.protobuf.message import Message
from pydantic import ValidationError

from protocols.contracts.applicants import RequestError, Violation, request_error
from protocols.contracts.decisions import Language, LimitRequest
from protocols.contracts.explanations import NOT_SAID, Lender
from protocols.translate_questions import (
    check_decision_id,
    limit_request_of,
    limit_request_to_wire,
    parse_request,
    request_parts,
)
from protocols.wire import explanations_v1_pb2 as wire

LANGUAGES: Mapping[Language, wire.Language.ValueType] = {
    "en": wire.LANGUAGE_EN,
    "zh": wire.LANGUAGE_ZH,
}
_DIGEST_BYTES = 32
_FIRST_YEAR, _LAST_YEAR = 1970, 2199  # within which every day has others around it
_Asking = wire.SimulateLimitRequest | wire.ReplayDecisionRequest | wire.ExplainDecisionRequest


class Simulation(NamedTuple):
    """What is to be tried.

    Attributes:
        profile: Name; empty takes the policy's.
        on: Day; None is now.
        policy_digest: Empty takes the one that is active then.
    """

    request: LimitRequest
    profile: str = ""
    on: date | None = None
    policy_digest: bytes = b""


class Inquiry(NamedTuple):
    """A decision, and the question that it answered."""

    decision_id: str
    request: LimitRequest
    language: Language = "en"


class NoticeInquiry(NamedTuple):
    """A decision, and what the lender adds to its notice."""

    decision_id: str
    language: Language = "en"
    lender: Lender = NOT_SAID


def simulation_to_wire(asked: Simulation) -> wire.SimulateLimitRequest:
    """Return the message that tries a request."""
    return wire.SimulateLimitRequest(
        request=limit_request_to_wire(asked.request),
        profile=asked.profile,
        on=asked.on.isoformat() if asked.on else "",
        policy_digest=asked.policy_digest,
    )


def simulation_from_wire(raw: bytes) -> Simulation:
    """Return what request bytes try.

    Raises:
        RequestError: They do not parse, or a field breaks a rule.
    """
    message = parse_request(raw, wire.SimulateLimitRequest(), _parts)
    if len(message.policy_digest) not in (0, _DIGEST_BYTES):
        raise RequestError([Violation("policy_digest", f"must be {_DIGEST_BYTES} bytes")])
    on = day_of(message.on, "on") if message.on else None
    if on is not None and not _FIRST_YEAR <= on.year <= _LAST_YEAR:
        raise RequestError([Violation("on", f"must be from {_FIRST_YEAR} to {_LAST_YEAR}")])
    request = limit_request_of(message.request)
    return Simulation(request, message.profile, on, message.policy_digest)


def replay_to_wire(decision_id: str, request: LimitRequest) -> wire.ReplayDecisionRequest:
    """Return the message that has a decision made again."""
    return wire.ReplayDecisionRequest(
        decision_id=decision_id, request=limit_request_to_wire(request)
    )


def replay_from_wire(raw: bytes) -> Inquiry:
    """Return which decision request bytes have made again.

    Raises:
        RequestError: They do not parse, or a field breaks a rule.
    """
    message = parse_request(raw, wire.ReplayDecisionRequest(), _parts)
    return Inquiry(check_decision_id(message.decision_id), limit_request_of(message.request))


def explain_to_wire(asked: Inquiry) -> wire.ExplainDecisionRequest:
    """Return the message that asks why."""
    return wire.ExplainDecisionRequest(
        decision_id=asked.decision_id,
        request=limit_request_to_wire(asked.request),
        language=LANGUAGES[asked.language],
    )


def explain_from_wire(raw: bytes) -> Inquiry:
    """Return which decision request bytes ask about.

    Raises:
        RequestError: They do not parse, or a field breaks a rule.
    """
    message = parse_request(raw, wire.ExplainDecisionRequest(), _parts)
    name, language = check_decision_id(message.decision_id), _language(message.language)
    return Inquiry(name, limit_request_of(message.request), language)


def notice_to_wire(asked: NoticeInquiry) -> wire.GetAdverseActionNoticeRequest:
    """Return the message that asks for a notice."""
    return wire.GetAdverseActionNoticeRequest(
        decision_id=asked.decision_id,
        language=LANGUAGES[asked.language],
        lender=wire.Lender(**asked.lender.model_dump()),
    )


def notice_from_wire(raw: bytes) -> NoticeInquiry:
    """Return of which decision request bytes ask a notice.

    Raises:
        RequestError: They do not parse, or a field breaks a rule.
    """
    message = parse_request(
        raw, wire.GetAdverseActionNoticeRequest(), lambda message: [message.lender]
    )
    name, language = check_decision_id(message.decision_id), _language(message.language)
    said = {field: getattr(message.lender, field) for field in Lender.model_fields}
    try:
        return NoticeInquiry(name, language, Lender.model_validate(said))
    except ValidationError as err:
        raise request_error(err) from err


def day_of(text: str, field: str) -> date:
    """Return the day that a text of a request says.

    Raises:
        RequestError: It says none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as err:
        raise RequestError([Violation(field, "expected a day such as 2026-11-27")]) from err


def _parts(message: _Asking) -> list[Message]:
    return [message.request, *request_parts(message.request)]


def _language(number: int) -> Language:
    for word, known in LANGUAGES.items():
        if known == (number or wire.LANGUAGE_EN):
            return word
    raise RequestError([Violation("language", "is none that this server knows")])
