"""Messages of given answers, as a server would give them."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from protocols.contracts.decisions import LimitDecision, Reason, ScoreAnswer
from protocols.translate import OUTCOMES
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring


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


def decision_to_wire(decision: LimitDecision) -> decisions.LimitDecision:
    """Return the message that gives a decision."""
    return decisions.LimitDecision(
        decision_id=decision.decision_id,
        request_id=decision.request_id,
        outcome=OUTCOMES[decision.outcome],
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


def _reason_to_wire(reason: Reason) -> scoring.Reason:
    return scoring.Reason(
        code=reason.code,
        sentence=reason.sentence,
        field=reason.field,
        points_lost=reason.points_lost,
        is_missing=reason.is_missing,
    )


def _time_to_wire(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message
