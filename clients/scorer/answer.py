"""An answer becomes text: lines for people, JSON for scripts."""

import json
from datetime import date, datetime

from protocols.contracts.decisions import LimitDecision, Offer
from protocols.contracts.scores import Reason, ScoreAnswer

# ISO 4217: how many digits a minor unit has, where it is not two.
_NO_DIGITS = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
_DIGITS = {
    **dict.fromkeys(_NO_DIGITS, 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


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
    return plain_json(answer.model_dump())


def plain_json(value: object) -> str:
    """Return what contracts hold as JSON: digests in hexadecimal, times and days in ISO 8601."""
    return json.dumps(value, indent=2, default=_plain, ensure_ascii=False)


def money(minor: int, currency: str) -> str:
    """Return an amount as a person reads it."""
    digits = _DIGITS.get(currency, 2)
    whole, rest = divmod(minor, 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{whole:,}{fraction} {currency}"


def _limit_lines(decision: LimitDecision) -> list[str]:
    limit = money(decision.limit_minor, decision.currency)
    requested = money(decision.requested_amount_minor, decision.currency)
    whys = [f"  {reason.code}: {reason.sentence}" for reason in decision.principal_reasons]
    stands = [f"stands until {decision.valid_until}"] if decision.offers else []
    plans = [_offer_line(offer, decision.currency) for offer in decision.offers]
    return [f"{decision.outcome}: {limit} of {requested} requested", *whys, *plans, *stands]


def _offer_line(offer: Offer, currency: str) -> str:
    costs = ", ".join(f"{cost.percent} % {cost.basis}" for cost in offer.costs)
    first, last = (money(minor, currency) for minor in (offer.first_minor, offer.last_minor))
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
