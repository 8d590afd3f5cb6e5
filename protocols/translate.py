"""Contracts to wire messages and back; nothing else.

Requests are read from bytes, since a message that does not parse or that holds fields this
version does not know must be refused by name, not by accident.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet
from pydantic import ValidationError

from protocols.contracts.decisions import (
    Applicant,
    LimitDecision,
    LimitRequest,
    Outcome,
    PackedApplicant,
    PolicyReason,
    Reason,
    RequestError,
    ScoreAnswer,
    ScoreRequest,
    Violation,
    request_error,
)
from protocols.contracts.features import (
    CategoricalField,
    Contract,
    FeatureContract,
    FeatureField,
    describe,
)
from protocols.contracts.release import ReleaseManifest
from protocols.errors import ContractError
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring

_Answer = TypeVar("_Answer")
_Parsed = TypeVar("_Parsed", bound=Message)
_Question = TypeVar("_Question", bound=Contract)

_OUTCOMES: dict[Outcome, decisions.Outcome.ValueType] = {
    "APPROVE": decisions.OUTCOME_APPROVE,
    "COUNTEROFFER": decisions.OUTCOME_COUNTEROFFER,
    "DECLINE": decisions.OUTCOME_DECLINE,
}


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
    table = {
        "request_id": message.request_id,
        "requested_amount_minor": message.requested_amount_minor,
        "currency": message.currency,
        "subject": message.subject,
    }
    return _asked(LimitRequest, message, table)


def request_parts(message: scoring.ScoreRequest | decisions.DecideLimitRequest) -> list[Message]:
    """Return the messages inside a question."""
    return [message.features, message.packed]


def decision_id_from_wire(raw: bytes) -> str:
    """Return the decision that request bytes ask for.

    Raises:
        RequestError: They do not parse, or name none.
    """
    message = parse_request(raw, decisions.GetDecisionRequest())
    if not message.decision_id:
        raise RequestError([Violation("decision_id", "is required")])
    return message.decision_id


def score_to_wire(answer: ScoreAnswer) -> scoring.ScoreResponse:
    """Return the message that gives a score."""
    return scoring.ScoreResponse(
        score_id=answer.score_id,
        request_id=answer.request_id,
        p_default=answer.p_default,
        points=answer.points,
        reasons=[_reason_to_wire(reason) for reason in answer.reasons],
        release_digest=answer.release_digest,
        scored_at=_time_to_wire(answer.scored_at),
        journal_position=answer.journal_position,
        clipped_fields=answer.clipped_fields,
    )


def score_from_wire(message: scoring.ScoreResponse) -> ScoreAnswer:
    """Return the score that a message gives.

    Raises:
        ContractError: The message is not a complete score.
    """
    return _checked(
        lambda: ScoreAnswer(
            score_id=message.score_id,
            request_id=message.request_id,
            p_default=message.p_default,
            points=message.points,
            reasons=tuple(_reason_from_wire(reason) for reason in message.reasons),
            release_digest=message.release_digest,
            scored_at=_time_from_wire(message.scored_at),
            journal_position=message.journal_position,
            clipped_fields=tuple(message.clipped_fields),
        )
    )


def release_to_wire(
    manifest: ReleaseManifest, contract: FeatureContract, *, digest: bytes
) -> scoring.Release:
    """Return the message that describes a release, and what is asked by its contract."""
    return scoring.Release(
        release_digest=digest,
        contract_digest=bytes.fromhex(manifest.contract_digest),
        federation=manifest.federation,
        run=manifest.run,
        currency=contract.currency,
        inputs=[_input_to_wire(field) for field in contract.inputs],
    )


def decision_to_wire(decision: LimitDecision) -> decisions.LimitDecision:
    """Return the message that gives a decision."""
    return decisions.LimitDecision(
        decision_id=decision.decision_id,
        request_id=decision.request_id,
        outcome=_OUTCOMES[decision.outcome],
        limit_minor=decision.limit_minor,
        requested_amount_minor=decision.requested_amount_minor,
        currency=decision.currency,
        p_default=decision.p_default,
        points=decision.points,
        reasons=[_reason_to_wire(reason) for reason in decision.reasons],
        policy_reasons=[
            decisions.PolicyReason(code=reason.code, sentence=reason.sentence)
            for reason in decision.policy_reasons
        ],
        release_digest=decision.release_digest,
        policy_digest=decision.policy_digest,
        decided_at=_time_to_wire(decision.decided_at),
        journal_position=decision.journal_position,
        clipped_fields=decision.clipped_fields,
    )


def decision_from_wire(message: decisions.LimitDecision) -> LimitDecision:
    """Return the decision that a message gives.

    Raises:
        ContractError: The message is not a complete decision.
    """
    return _checked(
        lambda: LimitDecision(
            decision_id=message.decision_id,
            request_id=message.request_id,
            outcome=_outcome_from_wire(message.outcome),
            limit_minor=message.limit_minor,
            requested_amount_minor=message.requested_amount_minor,
            currency=message.currency,
            p_default=message.p_default,
            points=message.points,
            reasons=tuple(_reason_from_wire(reason) for reason in message.reasons),
            policy_reasons=tuple(
                PolicyReason(code=reason.code, sentence=reason.sentence)
                for reason in message.policy_reasons
            ),
            release_digest=message.release_digest,
            policy_digest=message.policy_digest,
            decided_at=_time_from_wire(message.decided_at),
            journal_position=message.journal_position,
            clipped_fields=tuple(message.clipped_fields),
        )
    )


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


def _checked(build: Callable[[], _Answer]) -> _Answer:
    try:
        return build()
    except ValidationError as err:
        raise ContractError(f"answer: {describe(err)}") from err


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


def _input_to_wire(field: FeatureField) -> scoring.InputField:
    if isinstance(field, CategoricalField):
        return scoring.InputField(name=field.name, label=field.label, levels=field.levels)
    return scoring.InputField(
        name=field.name, label=field.label, is_numeric=True, low=field.low, high=field.high
    )


def _reason_to_wire(reason: Reason) -> scoring.Reason:
    return scoring.Reason(
        code=reason.code,
        sentence=reason.sentence,
        field=reason.field,
        points_lost=reason.points_lost,
        is_missing=reason.is_missing,
    )


def _reason_from_wire(message: scoring.Reason) -> Reason:
    return Reason(
        code=message.code,
        sentence=message.sentence,
        field=message.field,
        points_lost=message.points_lost,
        is_missing=message.is_missing,
    )


def _outcome_from_wire(value: decisions.Outcome.ValueType) -> Outcome:
    for outcome, number in _OUTCOMES.items():
        if number == value:
            return outcome
    raise ContractError("answer: an outcome that this version does not know")


def _time_to_wire(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message


def _time_from_wire(message: Timestamp) -> datetime:
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as err:
        raise ContractError("answer: a time outside the calendar") from err
