"""A decision as the message that is stored and given."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from protocols.contracts.decisions import LimitRequest
from protocols.contracts.limit_policy import LimitPolicy
from protocols.translate_decisions import CHANGES, OUTCOMES, SEGMENTS, SOURCES
from protocols.wire import decisions_v1_pb2 as wire
from server.decisions.code import code_digest
from server.decisions.permission import Withheld
from server.decisions.pipeline import Decided
from server.decisions.pricing import PricedOffer
from server.decisions.principal import Why
from server.decisions.regulation import Rules
from server.journal.record import to_micros


class Answered(NamedTuple):
    """What a decision answers, and by what.

    Attributes:
        rules: The law's, on the day.
        withheld: Groups whose values counted as missing.
        body_digest: Of the request.
        offered_minor: What other offers to the borrower stood for.
        at: When.
    """

    request: LimitRequest
    policy: LimitPolicy
    rules: Rules
    withheld: Sequence[Withheld]
    body_digest: bytes
    offered_minor: int
    at: datetime


def write_decision(message: wire.LimitDecision, decided: Decided, answered: Answered) -> None:
    """Write a decision into a message that has its id and its score."""
    _write_question(message, answered)
    message.outcome = OUTCOMES[decided.outcome]
    message.change = CHANGES[decided.change]
    message.limit_minor = decided.limit_minor
    message.assessed_limit_minor = decided.assessed_minor
    message.available_minor = decided.available_minor
    message.better_reviews, message.worse_reviews = decided.better_reviews, decided.worse_reviews
    message.valid_until = decided.valid_until.isoformat()
    message.band = decided.band.name
    for cap in decided.caps:
        is_binding = cap.name in decided.binding
        message.components.add(name=cap.name, limit_minor=cap.limit_minor, is_binding=is_binding)
    message.principal_reasons.extend(map(_reason, decided.whys))
    for name, result in decided.steps:
        message.steps.add(name=name, result=result)
    if decided.offers:
        message.annual_rate = decided.band.annual_rate or ""
    message.offers.extend(map(_offer, decided.offers))


def _write_question(message: wire.LimitDecision, answered: Answered) -> None:
    request, policy, rules = answered.request, answered.policy, answered.rules
    message.request_id = request.request_id
    message.requested_amount_minor = request.requested_amount_minor
    message.currency = request.currency
    message.product, message.segment = policy.product, SEGMENTS[request.segment]
    message.policy_digest = policy.digest
    message.profile, message.profile_digest = rules.profile, rules.digest
    message.features_digest = answered.body_digest
    message.offered_minor = answered.offered_minor
    message.code_digest = code_digest()
    message.decided_at.FromMicroseconds(to_micros(answered.at))
    for item in answered.withheld:
        message.withheld.add(group=item.group, why=item.why)


# The same few reasons and offers are given again and again: to copy a message is quick.
@lru_cache(maxsize=1_024)
def _reason(why: Why) -> wire.PrincipalReason:
    return wire.PrincipalReason(
        code=why.code,
        source=SOURCES[why.source],
        sentence=why.en,
        sentence_zh=why.zh,
        is_changeable=why.is_changeable,
    )


@lru_cache(maxsize=16_384)
def _offer(offer: PricedOffer) -> wire.Offer:
    return wire.Offer(
        method=offer.method,
        months=offer.months,
        first_minor=offer.first_minor,
        last_minor=offer.last_minor,
        interest_minor=offer.interest_minor,
        fees_minor=offer.fees_minor,
        costs=[wire.AnnualCost(basis=basis, percent=str(cost)) for basis, cost in offer.costs],
    )
