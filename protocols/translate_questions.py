"""Questions to wire messages and back; nothing else.

They are read from bytes, since a message that does not parse or that holds fields this version
does not know must be refused by name, not by accident.
"""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet
from pydantic import ValidationError

from protocols.contracts.applicants import (
    Applicant,
    PackedApplicant,
    RequestError,
    Violation,
    request_error,
)
from protocols.contracts.decisions import (
    MOST_CONSENTS,
    MOST_COUNTED,
    MOST_GROUPS,
    Circumstances,
    Consent,
    LimitRequest,
    Line,
)
from protocols.contracts.facts import FACT_RANGES
from protocols.contracts.features import Contract
from protocols.contracts.regulation import Segment
from protocols.contracts.scores import ScoreRequest
from protocols.translate import word_for
from protocols.translate_decisions import SEGMENTS
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring

_DECISION_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")  # no text that a database might refuse
_Parsed = TypeVar("_Parsed", bound=Message)
_Question = TypeVar("_Question", bound=Contract)


def score_request_to_wire(request: ScoreRequest) -> scoring.ScoreRequest:
    """Return the message that asks for a score."""
    features, packed = _features_to_wire(request.features)
    return scoring.ScoreRequest(
        request_id=request.request_id, features=features, packed=packed, subject=request.subject
    )


def score_request_from_wire(raw: bytes) -> ScoreRequest:
    """Return the question that request bytes hold.

    Raises:
        RequestError: They do not parse, or a field breaks a rule.
    """
    return score_request_of(parse_request(raw, scoring.ScoreRequest(), request_parts))


def score_request_of(message: scoring.ScoreRequest) -> ScoreRequest:
    """Return the question that a message holds.

    Raises:
        RequestError: A field breaks a rule.
    """
    table: dict[str, object] = {"request_id": message.request_id, "subject": message.subject}
    return _asked(ScoreRequest, message, table)


def limit_request_to_wire(request: LimitRequest) -> decisions.DecideLimitRequest:
    """Return the message that asks for a limit."""
    features, packed = _features_to_wire(request.features)
    return decisions.DecideLimitRequest(
        request_id=request.request_id,
        features=features,
        packed=packed,
        requested_amount_minor=request.requested_amount_minor,
        currency=request.currency,
        subject=request.subject,
        product=request.product,
        segment=SEGMENTS[request.segment],
        months=request.months,
        circumstances=_circumstances_to_wire(request.circumstances),
        consents=map(_consent_to_wire, request.consents),
        observed={group: day.isoformat() for group, day in request.observed.items()},
        line=_line_to_wire(request.line) if request.line else None,
    )


def limit_request_from_wire(raw: bytes) -> LimitRequest:
    """Return the question that request bytes hold.

    Raises:
        RequestError: They do not parse, or a field breaks a rule.
    """
    return limit_request_of(parse_request(raw, decisions.DecideLimitRequest(), request_parts))


def limit_request_of(message: decisions.DecideLimitRequest) -> LimitRequest:
    """Return the question that a message holds.

    Raises:
        RequestError: A field breaks a rule.
    """
    table: dict[str, object] = {
        "request_id": message.request_id,
        "requested_amount_minor": message.requested_amount_minor,
        "currency": message.currency,
        "subject": message.subject,
        "product": message.product,
        "segment": segment_of(message.segment),
    }
    if message.HasField("months"):
        table["months"] = message.months
    if message.HasField("circumstances"):
        table["circumstances"] = _circumstances_table(message.circumstances)
    if message.HasField("line"):
        table["line"] = _line_table(message.line)
    if message.consents:
        table["consents"] = tuple(map(_consent_table, message.consents))
    if message.observed:
        table["observed"] = dict(message.observed)
    return _asked(LimitRequest, message, table)


def request_parts(message: scoring.ScoreRequest | decisions.DecideLimitRequest) -> list[Message]:
    """Return the messages inside a question, once they are shown to be no more than there may be.

    They are counted before anybody looks into one: a small request can hold a hundred thousand.

    Raises:
        RequestError: There are too many of something.
    """
    parts: list[Message] = [message.features, message.packed]
    if isinstance(message, decisions.DecideLimitRequest):
        check_count("consents", len(message.consents), most=MOST_CONSENTS)
        for place, consent in enumerate(message.consents):
            check_count(f"consents.{place}.groups", len(consent.groups), most=MOST_GROUPS)
        check_count("observed", len(message.observed), most=MOST_GROUPS)
        known = message.circumstances
        check_count("circumstances.facts", len(known.facts), most=len(FACT_RANGES))
        counted = len(known.counted_decisions)
        check_count("circumstances.counted_decisions", counted, most=MOST_COUNTED)
        parts += [known, message.line, *message.consents]
    return parts


def check_count(field: str, count: int, *, most: int) -> None:
    """Raise RequestError if there are more of something than there may be."""
    if count > most:
        raise RequestError([Violation(field, f"must be at most {most}")])


def decision_id_from_wire(raw: bytes) -> str:
    """Return the decision that request bytes ask for.

    Raises:
        RequestError: They do not parse, or name none.
    """
    return check_decision_id(parse_request(raw, decisions.GetDecisionRequest()).decision_id)


def check_decision_id(decision_id: str) -> str:
    """Return an id that may be a decision's; raises RequestError for any other."""
    if not decision_id:
        raise RequestError([Violation("decision_id", "is required")])
    if not _DECISION_ID.fullmatch(decision_id):
        raise RequestError([Violation("decision_id", "is none that a server gives")])
    return decision_id


def segment_of(number: int) -> Segment:
    """Return the segment of a request's number; none is a consumer.

    Raises:
        RequestError: There is no such segment.
    """
    word = word_for(number or decisions.SEGMENT_CONSUMER, SEGMENTS)
    if word is None:
        raise RequestError([Violation("segment", "is none that this server knows")])
    return word


def parse_request(
    raw: bytes, message: _Parsed, nested: Callable[[_Parsed], Iterable[Message]] = lambda _: ()
) -> _Parsed:
    """Read request bytes into ``message`` and return it.

    Args:
        raw: Bytes off the wire.
        message: An empty message of the method's type.
        nested: The messages inside it, which are looked at too.

    Raises:
        RequestError: They do not parse, or hold a field that this version does not know.
    """
    try:
        message.ParseFromString(raw)
    except DecodeError as err:
        raise RequestError([Violation("request", "is not a message of this method")]) from err
    check_known([message, *nested(message)])
    return message


def check_known(parts: Iterable[Message]) -> None:
    """Raise RequestError if a message holds a field that this version does not know.

    A newer caller means something by it; to answer as if it had not been said is a lie.
    """
    if any(len(UnknownFieldSet(part)) for part in parts):
        raise RequestError([Violation("request", "holds a field that this server does not know")])


def _asked(
    kind: type[_Question],
    message: scoring.ScoreRequest | decisions.DecideLimitRequest,
    table: dict[str, object],
) -> _Question:
    is_packed = message.HasField("packed")
    if is_packed and message.HasField("features"):
        raise RequestError([Violation("packed", "excludes features; give one of them")])
    features = _packed_table(message.packed) if is_packed else _named_table(message.features)
    try:
        return kind.model_validate(table | {"features": features})
    except ValidationError as err:
        raise request_error(err) from err


def _named_table(message: scoring.Features) -> dict[str, object]:
    return {"numbers": dict(message.numbers), "categories": dict(message.categories)}


def _packed_table(message: scoring.PackedFeatures) -> dict[str, object]:
    return {
        "contract_digest": message.contract_digest,
        "numbers": tuple(message.numbers),
        "codes": tuple(message.codes),
    }


def _features_to_wire(
    features: Applicant | PackedApplicant,
) -> tuple[scoring.Features | None, scoring.PackedFeatures | None]:
    if isinstance(features, Applicant):
        named = scoring.Features(numbers=features.numbers, categories=features.categories)
        return named, None
    return None, scoring.PackedFeatures(
        contract_digest=features.contract_digest, numbers=features.numbers, codes=features.codes
    )


def _circumstances_table(message: decisions.Circumstances) -> dict[str, object]:
    table: dict[str, object] = {"facts": dict(message.facts)}
    if message.HasField("monthly_income_minor"):
        table["monthly_income_minor"] = message.monthly_income_minor
    if message.HasField("monthly_obligations_minor"):
        table["monthly_obligations_minor"] = message.monthly_obligations_minor
    if message.HasField("exposure_elsewhere_minor"):
        table["exposure_elsewhere_minor"] = message.exposure_elsewhere_minor
    if message.counted_decisions:
        table["counted_decisions"] = tuple(message.counted_decisions)
    return table


def _circumstances_to_wire(known: Circumstances) -> decisions.Circumstances | None:
    if known == Circumstances():
        return None
    return decisions.Circumstances(
        monthly_income_minor=known.monthly_income_minor,
        monthly_obligations_minor=known.monthly_obligations_minor,
        exposure_elsewhere_minor=known.exposure_elsewhere_minor,
        facts={str(name): value for name, value in known.facts.items()},
        counted_decisions=known.counted_decisions,
    )


def _consent_table(message: decisions.Consent) -> dict[str, object]:
    return {
        "groups": tuple(message.groups),
        "granted_on": message.granted_on,
        "expires_on": message.expires_on,
    }


def _consent_to_wire(consent: Consent) -> decisions.Consent:
    return decisions.Consent(
        groups=consent.groups,
        granted_on=consent.granted_on.isoformat(),
        expires_on=consent.expires_on.isoformat(),
    )


def _line_table(message: decisions.Line) -> dict[str, object]:
    return {
        "limit_minor": message.limit_minor,
        "outstanding_minor": message.outstanding_minor,
        "reserved_minor": message.reserved_minor,
        "changed_on": message.changed_on,
        "better_reviews": message.better_reviews,
        "worse_reviews": message.worse_reviews,
    }


def _line_to_wire(line: Line) -> decisions.Line:
    return decisions.Line(
        limit_minor=line.limit_minor,
        outstanding_minor=line.outstanding_minor,
        reserved_minor=line.reserved_minor,
        changed_on=line.changed_on.isoformat(),
        better_reviews=line.better_reviews,
        worse_reviews=line.worse_reviews,
    )
