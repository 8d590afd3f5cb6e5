"""An answer becomes text: lines for people, JSON for scripts."""

import json
from datetime import date, datetime

from clients.scorer.explained_words import FRAMES, Frame
from protocols.contracts.decisions import Language, LimitDecision, Offer
from protocols.contracts.explanations import (
    BucketedValue,
    ExplainedCap,
    Explanation,
    Replay,
    SimulatedDecision,
    Today,
)
from protocols.contracts.money import money_text
from protocols.contracts.scores import Reason, ScoreAnswer


def answer_lines(answer: ScoreAnswer | LimitDecision) -> str:
    """Return an answer as a person reads it."""
    limit = _limit_lines(answer) if isinstance(answer, LimitDecision) else []
    risk = f"probability of default {answer.p_default:.2%}, {answer.points} points"
    reasons = [_reason_line(reason) for reason in answer.reasons]
    cost = ["points lost against the average borrower:", *reasons] if reasons else []
    clipped = ", ".join(answer.clipped_fields)
    beyond = [f"counted at their bound: {clipped}"] if clipped else []
    source = f"request {answer.request_id}, release {answer.release_digest.hex()}"
    tried = ["tried only, not decided"] if isinstance(answer, SimulatedDecision) else []
    return "\n".join([*tried, *limit, risk, *cost, *beyond, source, *_id_lines(answer)])


def explanation_lines(explanation: Explanation, decision: LimitDecision, language: Language) -> str:
    """Return why a decision is as it is as a person reads it, in one language."""
    frame, currency = FRAMES[language], decision.currency
    limit = money_text(explanation.limit_minor, currency)
    lines = [frame.outcome.format(outcome=frame.outcomes[explanation.outcome], limit=limit)]
    for reason in explanation.reasons:
        said = frame.reason.format(code=reason.code, sentence=reason.sentence)
        lines += [f"  {said}", *(f"    {_value(value, frame)}" for value in reason.values)]
    caps = [
        f"  {money_text(cap.limit_minor, currency):>20}  {_cap(cap, frame)}"
        for cap in explanation.caps
    ]
    lines += [frame.caps, *caps, *_beside(decision, frame)]
    if explanation.advice:
        lines += [frame.advice, *(f"  {one.sentence}" for one in explanation.advice)]
    if explanation.drifts:
        gone = frame.between.join(frame.causes[drift.cause] for drift in explanation.drifts)
        lines.append(frame.no_advice.format(causes=gone))
    return "\n".join([*lines, frame.decision.format(name=decision.decision_id)])


def replay_lines(replay: Replay, decision_id: str) -> str:
    """Return how a decision came out again as a person reads it."""
    lines = [f"{replay.verdict}: {replay.outcome} was decided"]
    lines += [f"  not as it was: {drift.cause}" for drift in replay.drifts]
    if replay.differing_fields:
        lines.append(f"  came out otherwise: {', '.join(replay.differing_fields)}")
    lines += [f"  {_today(one)}" for one in replay.today]
    return "\n".join([*lines, f"decision {decision_id}"])


def answer_json(answer: ScoreAnswer | LimitDecision) -> str:
    """Return an answer as JSON: digests in hexadecimal, times and days in ISO 8601."""
    return plain_json(answer.model_dump())


def inquiry_json(told: Explanation | Replay, decision_id: str) -> str:
    """Return what is told of a decision as JSON, and first which decision it is."""
    return plain_json({"decision_id": decision_id, **told.model_dump()})


def plain_json(value: object) -> str:
    """Return what contracts hold as JSON: digests in hexadecimal, times and days in ISO 8601."""
    return json.dumps(value, indent=2, default=_plain, ensure_ascii=False)


def _today(one: Today) -> str:
    swapped = "everything" if one.swapped is None else one.swapped
    if one.outcome is None:
        return f"with {swapped} of today no answer: {one.refused}"
    other = "otherwise: " if one.is_other else ""
    return f"with {swapped} of today {other}{one.outcome}"


def _value(value: BucketedValue, frame: Frame) -> str:
    said = frame.value.format(label=value.label, bucket=value.bucket)
    needed = frame.needed.format(bucket=value.needed_bucket) if value.needed_bucket else ""
    lost = frame.lost.format(points=value.points_lost) if value.points_lost else ""
    return f"{said}{needed}{lost}"


def _cap(cap: ExplainedCap, frame: Frame) -> str:
    return f"{cap.label}{frame.bound}" if cap.is_binding else cap.label


def _id_lines(answer: ScoreAnswer | LimitDecision) -> list[str]:
    if not isinstance(answer, LimitDecision) or isinstance(answer, SimulatedDecision):
        return []
    return [f"decision {answer.decision_id}"]


def _limit_lines(decision: LimitDecision) -> list[str]:
    limit = money_text(decision.limit_minor, decision.currency)
    requested = money_text(decision.requested_amount_minor, decision.currency)
    whys = [f"  {reason.code}: {reason.sentence}" for reason in decision.principal_reasons]
    stands = [f"stands until {decision.valid_until}"] if decision.offers else []
    plans = [_offer_line(offer, decision.currency) for offer in decision.offers]
    said = f"{decision.outcome}: {limit} of {requested} requested"
    return [said, *whys, *plans, *stands, *_beside(decision, FRAMES["en"])]


def _beside(decision: LimitDecision, frame: Frame) -> list[str]:
    offered = money_text(decision.offered_minor, decision.currency)
    return [frame.beside.format(amount=offered)] if decision.offered_minor else []


def _offer_line(offer: Offer, currency: str) -> str:
    costs = ", ".join(f"{cost.percent} % {cost.basis}" for cost in offer.costs)
    first, last = (money_text(minor, currency) for minor in (offer.first_minor, offer.last_minor))
    due = first if first == last else f"{first} to {last}"
    return f"  {offer.method}, {offer.months} months, {due} each; a year {costs}"


def _reason_line(reason: Reason) -> str:
    missing = " (not given)" if reason.is_missing else ""
    return f"  {reason.points_lost:6.1f}  {reason.code}: {reason.sentence}{missing}"


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"no contract holds a {type(value).__name__}")
