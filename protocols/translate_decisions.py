"""Limit decisions to wire messages and back; nothing else."""

from collections.abc import Mapping
from typing import TypeVar

from protocols.contracts.decisions import (
    AnnualCost,
    Change,
    Component,
    LimitDecision,
    Offer,
    Outcome,
    PrincipalReason,
    Source,
    Step,
    Withheld,
)
from protocols.contracts.regulation import Segment
from protocols.errors import ContractError
from protocols.translate import checked, reason_from_wire, time_from_wire, word_for
from protocols.wire import decisions_v1_pb2 as wire

OUTCOMES: Mapping[Outcome, wire.Outcome.ValueType] = {
    "APPROVE": wire.OUTCOME_APPROVE,
    "COUNTEROFFER": wire.OUTCOME_COUNTEROFFER,
    "DECLINE": wire.OUTCOME_DECLINE,
    "REFER": wire.OUTCOME_REFER,
    "NOT_DECIDED": wire.OUTCOME_NOT_DECIDED,
}
CHANGES: Mapping[Change, wire.Change.ValueType] = {
    "INITIAL": wire.CHANGE_INITIAL,
    "INCREASE": wire.CHANGE_INCREASE,
    "DECREASE": wire.CHANGE_DECREASE,
    "UNCHANGED": wire.CHANGE_UNCHANGED,
    "FREEZE": wire.CHANGE_FREEZE,
}
SOURCES: Mapping[Source, wire.ReasonSource.ValueType] = {
    "MODEL": wire.REASON_SOURCE_MODEL,
    "POLICY": wire.REASON_SOURCE_POLICY,
    "REGULATORY": wire.REASON_SOURCE_REGULATORY,
    "DATA_QUALITY": wire.REASON_SOURCE_DATA_QUALITY,
}
SEGMENTS: Mapping[Segment, wire.Segment.ValueType] = {
    "CONSUMER": wire.SEGMENT_CONSUMER,
    "MICRO_SMALL_BUSINESS": wire.SEGMENT_MICRO_SMALL_BUSINESS,
}

_Word = TypeVar("_Word", bound=str)


def decision_from_wire(message: wire.LimitDecision) -> LimitDecision:
    """Return the decision that a message gives.

    Raises:
        ContractError: The message is not a complete decision.
    """
    return checked(lambda: LimitDecision.model_validate(decision_table(message)))


def decision_table(message: wire.LimitDecision) -> dict[str, object]:
    """Return a decision's message as a table of its contract, not validated."""
    return {
        **{name: getattr(message, name) for name in _PLAIN},
        "outcome": word_of(message.outcome, OUTCOMES, "outcome"),
        "change": word_of(message.change, CHANGES, "change"),
        "segment": word_of(message.segment, SEGMENTS, "segment"),
        "components": tuple(map(_component, message.components)),
        "offers": tuple(map(_offer, message.offers)),
        "principal_reasons": tuple(map(_principal_reason, message.principal_reasons)),
        "reasons": tuple(map(reason_from_wire, message.reasons)),
        "withheld": tuple(map(_withheld, message.withheld)),
        "steps": tuple(Step(name=step.name, result=step.result) for step in message.steps),
        "decided_at": time_from_wire(message.decided_at),
        "clipped_fields": tuple(message.clipped_fields),
    }


_PLAIN = (
    *("decision_id", "request_id", "limit_minor", "assessed_limit_minor", "available_minor"),
    *("requested_amount_minor", "currency", "product", "band", "annual_rate", "p_default"),
    *("points", "valid_until", "better_reviews", "worse_reviews", "release_digest"),
    *("calibration_digest", "policy_digest", "profile", "profile_digest", "features_digest"),
    *("code_digest", "journal_position", "offered_minor"),
)


def word_of(number: int, words: Mapping[_Word, int], name: str) -> _Word:
    """Return the word for an enum's number in an answer.

    Raises:
        ContractError: There is none.
    """
    word = word_for(number, words)
    if word is None:
        raise ContractError(f"answer: {name}: not one that this version knows")
    return word


def _component(message: wire.Component) -> Component:
    return Component(
        name=message.name, limit_minor=message.limit_minor, is_binding=message.is_binding
    )


def _offer(message: wire.Offer) -> Offer:
    return Offer.model_validate(
        {
            "method": message.method,
            "months": message.months,
            "first_minor": message.first_minor,
            "last_minor": message.last_minor,
            "interest_minor": message.interest_minor,
            "fees_minor": message.fees_minor,
            "costs": tuple(
                AnnualCost.model_validate({"basis": cost.basis, "percent": cost.percent})
                for cost in message.costs
            ),
        }
    )


def _withheld(message: wire.Withheld) -> Withheld:
    return Withheld.model_validate({"group": message.group, "why": message.why})


def _principal_reason(message: wire.PrincipalReason) -> PrincipalReason:
    return PrincipalReason(
        code=message.code,
        source=word_of(message.source, SOURCES, "source"),
        sentence=message.sentence,
        sentence_zh=message.sentence_zh,
        is_changeable=message.is_changeable,
    )
