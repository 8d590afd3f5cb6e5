"""Answers to wire messages and back; nothing else."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import ValidationError

from protocols.contracts.features import (
    CategoricalField,
    FeatureContract,
    FeatureField,
    describe,
)
from protocols.contracts.release import ReleaseManifest
from protocols.contracts.scores import Reason, ScoreAnswer
from protocols.contracts.served import CategoricalInput, NumericInput, ServedRelease
from protocols.errors import ContractError
from protocols.wire import scoring_v1_pb2 as scoring

_Answer = TypeVar("_Answer")
_Word = TypeVar("_Word", bound=str)


def score_from_wire(message: scoring.ScoreResponse) -> ScoreAnswer:
    """Return the score that a message gives.

    Raises:
        ContractError: The message is not a complete score.
    """
    return checked(
        lambda: ScoreAnswer(
            score_id=message.score_id,
            request_id=message.request_id,
            p_default=message.p_default,
            points=message.points,
            reasons=tuple(reason_from_wire(reason) for reason in message.reasons),
            release_digest=message.release_digest,
            scored_at=time_from_wire(message.scored_at),
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


def release_from_wire(message: scoring.Release) -> ServedRelease:
    """Return the release that a message describes.

    Raises:
        ContractError: The message is not a complete description.
    """
    return checked(
        lambda: ServedRelease(
            release_digest=message.release_digest,
            contract_digest=message.contract_digest,
            federation=message.federation,
            run=message.run,
            currency=message.currency,
            inputs=tuple(_input_from_wire(field) for field in message.inputs),
        )
    )


def checked(build: Callable[[], _Answer]) -> _Answer:
    try:
        return build()
    except ValidationError as err:
        raise ContractError(f"answer: {describe(err)}") from err


def _input_to_wire(field: FeatureField) -> scoring.InputField:
    if isinstance(field, CategoricalField):
        return scoring.InputField(name=field.name, label=field.label, levels=field.levels)
    return scoring.InputField(
        name=field.name,
        label=field.label,
        is_numeric=True,
        low=field.low,
        high=field.high,
        refuses_beyond=field.beyond_bounds == "refuse",
    )


def _input_from_wire(message: scoring.InputField) -> NumericInput | CategoricalInput:
    name, label = message.name, message.label
    if message.is_numeric:
        return NumericInput(
            name=name,
            label=label,
            low=message.low,
            high=message.high,
            refuses_beyond=message.refuses_beyond,
        )
    return CategoricalInput(name=name, label=label, levels=tuple(message.levels))


def word_for(number: int, words: Mapping[_Word, int]) -> _Word | None:
    """Return the word for an enum's number; None for one that this version does not know."""
    return next((word for word, known in words.items() if known == number), None)


def reason_from_wire(message: scoring.Reason) -> Reason:
    return Reason(
        code=message.code,
        sentence=message.sentence,
        field=message.field,
        points_lost=message.points_lost,
        is_missing=message.is_missing,
    )


def time_from_wire(message: Timestamp) -> datetime:
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as err:
        raise ContractError("answer: a time outside the calendar") from err
