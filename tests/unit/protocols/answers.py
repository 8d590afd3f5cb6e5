"""Messages of given answers, as a server would give them."""

from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from protocols.contracts.decisions import (
    AnnualCost,
    Component,
    LimitDecision,
    Offer,
    PrincipalReason,
    Step,
    Withheld,
)
from protocols.contracts.scores import Reason, ScoreAnswer
from protocols.translate_decisions import CHANGES, OUTCOMES, SEGMENTS, SOURCES
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring

REASON = Reason(
    code="R.INCOME", sentence="Low income.", field="income", points_lost=12.75, is_missing=True
)
WHY = PrincipalReason(
    code="INCOME.MULTIPLE",
    source="POLICY",
    sentence="Too low.",
    sentence_zh="过低。",
    is_changeable=True,
)
OFFER = Offer(
    method="EQUAL_INSTALMENT",
    months=12,
    first_minor=106_619,
    last_minor=106_614,
    interest_minor=79_423,
    fees_minor=0,
    costs=(AnnualCost(basis="EFFECTIVE", percent="12.68"),),
)


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


def make_decision(**changes: object) -> LimitDecision:
    """Return a counteroffer with every field set, some of them replaced."""
    table: dict[str, object] = {
        "decision_id": "decision-1",
        "request_id": "request-1",
        "outcome": "COUNTEROFFER",
        "change": "INITIAL",
        "limit_minor": 1_200_000,
        "assessed_limit_minor": 1_200_000,
        "available_minor": 1_200_000,
        "requested_amount_minor": 1_500_005,
        "currency": "USD",
        "product": "loan",
        "segment": "MICRO_SMALL_BUSINESS",
        "components": (Component(name="RISK_BAND", limit_minor=1_200_000, is_binding=True),),
        "band": "B",
        "annual_rate": "0.12",
        "offers": (OFFER,),
        "principal_reasons": (WHY,),
        "p_default": 0.07312,
        "points": 584,
        "reasons": (REASON,),
        "withheld": (Withheld(group="bureau", why="STALE"),),
        "steps": (Step(name="RULES", result="PASSED"),),
        "valid_until": date(2026, 12, 24),
        "better_reviews": 1,
        "worse_reviews": 2,
        "release_digest": b"\x01" * 32,
        "calibration_digest": b"\x02" * 32,
        "policy_digest": b"\x03" * 32,
        "profile": "us",
        "profile_digest": b"\x04" * 32,
        "features_digest": b"\x05" * 32,
        "code_digest": b"\x06" * 32,
        "decided_at": datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        "journal_position": 2**40,
        "clipped_fields": ("income",),
        "offered_minor": 250_000,
    }
    return LimitDecision.model_validate({**table, **changes})


def decision_to_wire(decision: LimitDecision) -> decisions.LimitDecision:
    """Return the message that gives a decision."""
    plain = decision.model_dump(exclude=set(_NOT_PLAIN))
    return decisions.LimitDecision(
        **plain,
        outcome=OUTCOMES[decision.outcome],
        change=CHANGES[decision.change],
        segment=SEGMENTS[decision.segment],
        valid_until=decision.valid_until.isoformat(),
        principal_reasons=[
            decisions.PrincipalReason(**{**why.model_dump(), "source": SOURCES[why.source]})
            for why in decision.principal_reasons
        ],
        reasons=[_reason_to_wire(reason) for reason in decision.reasons],
        decided_at=_time_to_wire(decision.decided_at),
    )


_NOT_PLAIN = (
    *("outcome", "change", "segment", "valid_until", "principal_reasons", "reasons"),
    "decided_at",
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
