"""An answer becomes text: lines for people, JSON for scripts."""

import json
from datetime import date

from protocols.contracts.decisions import LimitDecision, Offer
from protocols.contracts.money import money_text
from protocols.contracts.scores import Reason, ScoreAnswer


def answer_lines(answer: ScoreAnswer | LimitDecision) -> str:
    """Return an answer as a person reads it."""
    limit = _limit_lines(answer) if isinstance(answer, LimitDecision) else []
    risk = f"probability of default {answer.p_default:.2%}, {answer.points} points"
    reasons = [_reason_line(reason) for reason in answer.reasons]
    cost = ["points lost against the average borrower:", *reasons] if reasons else []
    source = f"request {answer.request_id}, release {answer.release_digest.hex()}"
    return "\n".join([*limit, risk, *cost, source])


def answer_json(answer: ScoreAnswer | LimitDecision) -> str:
    """Return an answer as JSON: digests in hexadecimal, times and days in ISO 8601."""
    plain = answer.model_dump()
    for name, value in plain.items():
        if isinstance(value, bytes):
            plain[name] = value.hex()
        elif isinstance(value, date):
            plain[name] = value.isoformat()
    return json.dumps(plain, indent=2, ensure_ascii=False)


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
