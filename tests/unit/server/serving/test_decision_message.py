"""A decision's message says all that was decided, by what, and nothing else."""

from datetime import UTC, datetime

import pytest

from protocols.contracts.decisions import LimitDecision
from protocols.translate_decisions import decision_from_wire
from protocols.wire import decisions_v1_pb2 as wire
from server.decisions.code import code_digest
from server.decisions.permission import Withheld
from server.decisions.pipeline import Decided
from server.serving.decision_message import Answered, write_decision
from tests.unit.server.decisions.cases import asked, decided, frame, known, line, no_caps

AT = datetime(2026, 11, 27, 17, 0, 0, 123_456, tzinfo=UTC)
WITHHELD = (Withheld("bureau", "STALE", False), Withheld("social", "NOT_PERMITTED", True))
FRAME = frame(no_caps())


def _written(of: Decided, **changes: object) -> LimitDecision:
    request = asked(**changes)
    answered = Answered(
        request, FRAME.policy, FRAME.rules, WITHHELD, request.body_digest, 70_000, AT
    )
    message = wire.LimitDecision(
        decision_id="decision-1",
        p_default=0.5,
        release_digest=bytes(32),
        calibration_digest=bytes(32),
        journal_position=1,
    )
    write_decision(message, of, answered)
    return decision_from_wire(wire.LimitDecision.FromString(message.SerializeToString()))


def test_what_was_decided_is_written() -> None:
    found = decided(asked(line=line(better_reviews=1)), of=FRAME)
    decision = _written(found)
    assert (decision.outcome, decision.change) == ("APPROVE", "INCREASE")
    assert decision.limit_minor == found.limit_minor == 1_500_000
    assert decision.assessed_limit_minor == found.assessed_minor == 1_500_000
    assert (decision.band, decision.annual_rate) == ("A", "0.12")
    assert decision.valid_until == found.valid_until
    assert [(step.name, step.result) for step in decision.steps] == list(found.steps)


def test_each_amount_and_count_is_written_where_it_belongs() -> None:
    counted = decided(
        asked(line=line(outstanding_minor=300_000), requested_amount_minor=2_000_000), of=FRAME
    )._replace(better_reviews=5, worse_reviews=7)
    decision = _written(counted, requested_amount_minor=2_000_000)
    assert (decision.limit_minor, decision.assessed_limit_minor) == (1_000_000, 2_000_000)
    assert (decision.available_minor, decision.requested_amount_minor) == (700_000, 2_000_000)
    assert (decision.better_reviews, decision.worse_reviews) == (5, 7)


def test_every_cap_is_written_and_which_of_them_bind() -> None:
    decision = _written(decided(asked(), 0.15, of=FRAME))
    written = [(one.name, one.limit_minor, one.is_binding) for one in decision.components]
    assert written == [
        ("REQUESTED", 1_500_000, False),
        ("PRODUCT", 4_000_000, False),
        ("RISK_BAND", 1_000_000, True),
    ]


def test_reasons_are_written_in_their_order_in_both_languages() -> None:
    request = asked(circumstances=known(exposure_elsewhere_minor=1_200_000))
    found = decided(request, of=frame(no_caps(obligor_maximum_minor=2_000_000)))
    (reason,) = _written(found).principal_reasons
    assert (reason.code, reason.source, reason.is_changeable) == (
        *("EXPOSURE.ELSEWHERE", "POLICY", True),
    )
    assert reason.sentence == found.whys[0].en
    assert reason.sentence_zh == found.whys[0].zh
    codes = [one.code for one in _written(decided(asked(), 0.15, of=FRAME)).principal_reasons]
    assert codes == ["R.UTILISATION", "R.INCOME"]


def test_offers_are_written_to_the_cent_with_every_cost() -> None:
    found = decided(asked(), of=FRAME)
    written = _written(found).offers
    assert len(written) == len(found.offers) == 6
    for offer, priced in zip(written, found.offers, strict=True):
        assert (offer.method, offer.months) == (priced.method, priced.months)
        assert (offer.first_minor, offer.last_minor) == (priced.first_minor, priced.last_minor)
        assert (offer.interest_minor, offer.fees_minor) == (
            priced.interest_minor,
            priced.fees_minor,
        )
        costs = [(cost.basis, cost.percent) for cost in offer.costs]
        assert costs == [(basis, str(percent)) for basis, percent in priced.costs]
    assert written[0].first_minor != written[0].last_minor
    assert written[0].fees_minor > 0


def test_without_offers_there_is_no_rate() -> None:
    assert _written(decided(asked(), 0.9, of=FRAME)).annual_rate == ""
    waiting = decided(asked(line=line()), 0.9, of=FRAME)
    assert _written(waiting).annual_rate == ""


def test_what_was_asked_and_by_what_it_was_decided_is_written() -> None:
    decision = _written(decided(asked(), of=FRAME))
    assert (decision.request_id, decision.currency) == ("request-1", "USD")
    assert (decision.product, decision.segment) == ("loan", "CONSUMER")
    assert decision.policy_digest == FRAME.policy.digest
    assert (decision.profile, decision.profile_digest) == ("us", FRAME.rules.digest)
    assert decision.features_digest == asked().body_digest
    assert (decision.code_digest, decision.decided_at) == (code_digest(), AT)
    business = _written(decided(asked(), of=FRAME), segment="MICRO_SMALL_BUSINESS")
    assert business.segment == "MICRO_SMALL_BUSINESS"


def test_what_was_withheld_is_written_with_why() -> None:
    withheld = _written(decided(asked(), of=FRAME)).withheld
    assert [(one.group, one.why) for one in withheld] == [
        *(("bureau", "STALE"), ("social", "NOT_PERMITTED"))
    ]


@pytest.mark.parametrize(
    ("outcome", "change"),
    [
        ("APPROVE", "INITIAL"),
        ("COUNTEROFFER", "DECREASE"),
        ("DECLINE", "FREEZE"),
        ("REFER", "UNCHANGED"),
        ("NOT_DECIDED", "UNCHANGED"),
    ],
)
def test_every_outcome_and_change_has_its_number(outcome: str, change: str) -> None:
    with_reasons = decided(asked(), 0.15, of=FRAME)
    found = with_reasons._replace(outcome=outcome, change=change)
    if outcome == "APPROVE":
        found = found._replace(whys=())
    decision = _written(found)
    assert (decision.outcome, decision.change) == (outcome, change)
