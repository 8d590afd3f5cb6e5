"""An answer becomes text: lines for people, JSON for scripts."""

import json
from datetime import date, datetime

from protocols.contracts.decisions import LimitDecision, Offer
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
    source = f"request {answer.request_id}, release {answer.release_digest.hex()}"
    tried = ["tried only, not decided"] if isinstance(answer, SimulatedDecision) else []
    return "\n".join([*tried, *limit, risk, *cost, source])


def explanation_lines(explanation: Explanation, currency: str) -> str:
    """Return an explanation as a person reads it."""
    limit = money_text(explanation.limit_minor, currency)
    lines = [f"{explanation.outcome}: {limit}"]
    for reason in explanation.reasons:
        lines.append(f"  {reason.code}: {reason.sentence}")
        lines += [_value_line(value) for value in reason.values]
    caps = [
        f"  {money_text(cap.limit_minor, currency):>20}  {_cap(cap)}" for cap in explanation.caps
    ]
    lines += ["caps, the smallest of which bound:", *caps]
    if explanation.advice:
        lines += ["what would change it:", *(f"  {one.sentence}" for one in explanation.advice)]
    if explanation.drifts:
        gone = ", ".join(drift.cause for drift in explanation.drifts)
        lines.append(f"no advice was sought: not as it was is {gone}")
    return "\n".join(lines)


def replay_lines(replay: Replay) -> str:
    """Return how a decision came out again as a person reads it."""
    lines = [f"{replay.verdict}: {replay.outcome} was decided"]
    lines += [f"  not as it was: {drift.cause}" for drift in replay.drifts]
    if replay.differing_fields:
        lines.append(f"  came out otherwise: {', '.join(replay.differing_fields)}")
    lines += [f"  {_today(one)}" for one in replay.today]
    return "\n".join(lines)


def answer_json(answer: ScoreAnswer | LimitDecision | Explanation) -> str:
    """Return an answer as JSON: digests in hexadecimal, times and days in ISO 8601."""
    return plain_json(answer.model_dump())


def plain_json(value: object) -> str:
    """Return what contracts hold as JSON: digests in hexadecimal, times and days in ISO 8601."""
    return json.dumps(value, indent=2, default=_plain, ensure_ascii=False)


def _today(one: Today) -> str:
    swapped = "everything" if one.swapped is None else one.swapped
    if one.outcome is None:
        return f"with {swapped} of today no answer: {one.refused}"
    other = "otherwise: " if one.is_other else ""
    return f"with {swapped} of today {other}{one.outcome}"


def _value_line(value: BucketedValue) -> str:
    needed = f"; needed: {value.needed_bucket}" if value.needed_bucket else ""
    lost = f" ({value.points_lost:.1f} points)" if value.points_lost else ""
    return f"    {value.label}: {value.bucket}{needed}{lost}"


def _cap(cap: ExplainedCap) -> str:
    return f"{cap.label} (bound)" if cap.is_binding else cap.label


def _limit_lines(decision: LimitDecision) -> list[str]:
    limit = money_text(decision.limit_minor, decision.currency)
    requested = money_text(decision.requested_amount_minor, decision.currency)
    whys = [f"  {reason.code}: {reason.sentence}" for reason in decision.principal_reasons]
    stands = [f"stands until {decision.valid_until}"] if decision.offers else []
    plans = [_offer_line(offer, decision.currency) for offer in decision.offers]
    return [f"{decision.outcome}: {limit} of {requested} requested", *whys, *plans, *stands]


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
