"""Questions and answers about decisions and loans come over the wire as they went."""

from collections.abc import Callable
from datetime import date

import pytest

from protocols.contracts.applicants import RequestError
from protocols.contracts.decisions import AnnualCost
from protocols.contracts.explanations import (
    Advice,
    BucketedValue,
    Drift,
    ExplainedCap,
    ExplainedReason,
    Explanation,
    Lender,
    Notice,
    NoticeText,
    Replay,
    Today,
)
from protocols.contracts.plans import Fees
from protocols.contracts.quotes import (
    OfferedLoan,
    PlanQuote,
    QuotedCap,
    QuotedRow,
    SettlementQuote,
    Terms,
)
from protocols.errors import ContractError
from protocols.translate_explanations import (
    explanation_from_wire,
    explanation_to_wire,
    notice_from_wire,
    notice_to_wire,
    replay_from_wire,
    replay_to_wire,
    simulated_from_wire,
)
from protocols.translate_inquiries import (
    Inquiry,
    NoticeInquiry,
    Simulation,
    explain_from_wire,
    explain_to_wire,
    simulation_from_wire,
    simulation_to_wire,
)
from protocols.translate_inquiries import notice_from_wire as notice_question_from_wire
from protocols.translate_inquiries import (
    notice_to_wire as notice_question_to_wire,
)
from protocols.translate_inquiries import (
    replay_from_wire as replay_question_from_wire,
)
from protocols.translate_inquiries import (
    replay_to_wire as replay_question_to_wire,
)
from protocols.translate_quotes import (
    SettlementInquiry,
    plan_quote_from_wire,
    plan_quote_to_wire,
    plan_request_from_wire,
    plan_request_to_wire,
    settlement_from_wire,
    settlement_request_from_wire,
    settlement_request_to_wire,
    settlement_to_wire,
)
from protocols.wire import explanations_v1_pb2 as wire
from protocols.wire import quotes_v1_pb2 as quotes
from tests.unit.protocols.answers import decision_to_wire, make_decision
from tests.unit.server.serving.world import limit_request

DAY = date(2026, 11, 27)
DRIFT = Drift(cause="POLICY", then=b"p" * 32, now=b"")
REPLAY = Replay(
    verdict="DRIFT",
    drifts=(DRIFT,),
    differing_fields=("limit_minor",),
    outcome="DECLINE",
    limit_minor=0,
    today=(
        Today(swapped=None, outcome="APPROVE", limit_minor=5, is_other=True),
        Today(swapped="DAY", outcome=None, limit_minor=0, is_other=True, refused="a rule"),
    ),
)
EXPLANATION = Explanation(
    outcome="COUNTEROFFER",
    limit_minor=100_000,
    reasons=(
        ExplainedReason(
            code="R.INCOME",
            source="MODEL",
            sentence="收入较低。",
            is_changeable=True,
            values=(
                BucketedValue(
                    field="income",
                    label="Income",
                    bucket="below 5",
                    needed_bucket="5 and above",
                    points_lost=1.25,
                ),
            ),
        ),
    ),
    caps=(ExplainedCap(name="LAW", label="the law", limit_minor=7, is_binding=True),),
    advice=(
        Advice(
            kind="FACT",
            sentence="Do this.",
            field="days_past_due",
            from_bucket="30 and above",
            to_bucket="below 30",
            outcome="APPROVE",
            limit_minor=9,
        ),
        Advice(
            kind="ASK_TERM",
            sentence="Ask.",
            amount_minor=3,
            months=12,
            outcome="REFER",
            limit_minor=0,
        ),
    ),
    drifts=(DRIFT,),
)
NOTICE = Notice(
    is_owed=True,
    items=(
        NoticeText(name="ACTION_TAKEN", text="一。"),
        NoticeText(name="DISPUTE_RIGHT", text="B"),
    ),
    missing=("REPORT_SOURCE",),
    due_on="2026-12-27",
    retention_months=25,
    profile="us",
    rule="us-notice-consumer",
    source="Regulation B",
)
QUOTE = PlanQuote(
    currency="USD",
    method="BULLET",
    months=3,
    day_count="ACT/ACT",
    annual_rate="0.1",
    drawn_on=DAY,
    principal_minor=1_000,
    upfront_fee_minor=10,
    rows=(
        QuotedRow(
            due_on=date(2027, 2, 27),
            principal_minor=1_000,
            interest_minor=25,
            fee_minor=3,
            total_minor=1_028,
            balance_minor=0,
        ),
    ),
    interest_minor=25,
    fees_minor=13,
    paid_minor=1_038,
    costs=(AnnualCost(basis="EU_APRC", percent="15.91"),),
    cap=QuotedCap(id="cap", basis="EU_APRC", percent="24", since=DAY, source="A law."),
)
OFFERED = OfferedLoan(decision_id="decision-1", method="BULLET", months=3)
TERMS = Terms(
    principal_minor=1_000,
    currency="USD",
    annual_rate="0.1",
    method="BULLET",
    day_count="ACT/ACT",
    months=3,
    drawn_on=DAY,
    first_due_on=date(2026, 12, 1),
    fees=Fees(upfront_share="0.01", upfront_minor=1, monthly_share="0", monthly_minor=2),
    profile="us",
    segment="MICRO_SMALL_BUSINESS",
)


def test_answers_come_as_they_went() -> None:
    assert replay_from_wire(replay_to_wire(REPLAY)) == REPLAY
    assert explanation_from_wire(explanation_to_wire(EXPLANATION)) == EXPLANATION
    assert notice_from_wire(notice_to_wire(NOTICE)) == NOTICE
    assert notice_to_wire(NOTICE).text == "一。\n\nB"
    for quote in (QUOTE, QUOTE.model_copy(update={"cap": None})):
        assert plan_quote_from_wire(plan_quote_to_wire(quote)) == quote
    settled = SettlementQuote(
        on=DAY, principal_minor=1, interest_minor=2, fee_minor=3, total_minor=6, currency="USD"
    )
    assert settlement_from_wire(settlement_to_wire(settled)) == settled


def test_questions_come_as_they_went() -> None:
    request = limit_request()
    for tried in (Simulation(request), Simulation(request, "us", DAY, b"p" * 32)):
        assert simulation_from_wire(simulation_to_wire(tried).SerializeToString()) == tried
    asked = Inquiry("decision-1", request, "zh")
    assert explain_from_wire(explain_to_wire(asked).SerializeToString()) == asked
    raw = replay_question_to_wire("decision-1", request).SerializeToString()
    assert replay_question_from_wire(raw) == Inquiry("decision-1", request)
    lender = Lender(name_and_address="Bank\n1 Main Street", contest="Write.")
    notice = NoticeInquiry("decision-1", "zh", lender)
    assert notice_question_from_wire(notice_question_to_wire(notice).SerializeToString()) == notice
    drawn = OFFERED.model_copy(update={"amount_minor": 5, "drawn_on": DAY})
    for loan in (OFFERED, drawn, TERMS):
        assert plan_request_from_wire(plan_request_to_wire(loan).SerializeToString()) == loan
        for paid in (None, 0, 7):
            end = SettlementInquiry(loan, DAY, paid)
            raw = settlement_request_to_wire(end).SerializeToString()
            assert settlement_request_from_wire(raw) == end


def test_a_simulated_decision_is_none_that_was_given() -> None:
    message = wire.SimulateLimitResponse(decision=decision_to_wire(make_decision()))
    with pytest.raises(ContractError, match="decision_id"):
        simulated_from_wire(message)
    message.decision.decision_id, message.decision.journal_position = "", 0
    assert simulated_from_wire(message).limit_minor == make_decision().limit_minor


def _inside(message: wire.ReplayDecisionRequest) -> bytes:
    message.request.circumstances.MergeFromString(b"\xf8\x7f\x01")  # field 2047
    return message.SerializeToString()


@pytest.mark.parametrize(
    ("read", "raw", "field"),
    [
        (simulation_from_wire, b"\xff", "request"),
        (simulation_from_wire, wire.SimulateLimitRequest(on="today"), "on"),
        (simulation_from_wire, wire.SimulateLimitRequest(on="9999-12-31"), "on"),
        (simulation_from_wire, wire.SimulateLimitRequest(on="1969-12-31"), "on"),
        (simulation_from_wire, wire.SimulateLimitRequest(policy_digest=b"x"), "policy_digest"),
        (simulation_from_wire, wire.SimulateLimitRequest(), "request_id"),
        (replay_question_from_wire, wire.ReplayDecisionRequest(), "decision_id"),
        (replay_question_from_wire, _inside(wire.ReplayDecisionRequest()), "request"),
        (
            explain_from_wire,
            wire.ExplainDecisionRequest(decision_id="d", language=7),  # type: ignore[arg-type]
            "language",
        ),
        (
            notice_question_from_wire,
            wire.GetAdverseActionNoticeRequest(
                decision_id="d", lender=wire.Lender(name_and_address="a\0b")
            ),
            "name_and_address",
        ),
        (plan_request_from_wire, quotes.QuotePlanRequest(), "loan"),
        (
            plan_request_from_wire,
            quotes.QuotePlanRequest(
                loan=quotes.Loan(offered=quotes.OfferedLoan(), terms=quotes.Terms())
            ),
            "loan",
        ),
        (
            plan_request_from_wire,
            quotes.QuotePlanRequest(loan=quotes.Loan(terms=quotes.Terms(months=0))),
            "months",
        ),
        (
            settlement_request_from_wire,
            quotes.QuoteEarlySettlementRequest(
                loan=plan_request_to_wire(OFFERED).loan, on="2026-02-30"
            ),
            "on",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_by_field(
    read: Callable[[bytes], object], raw: object, field: str
) -> None:
    body = raw if isinstance(raw, bytes) else raw.SerializeToString()  # type: ignore[attr-defined]
    with pytest.raises(RequestError) as caught:
        read(body)
    assert field in {one.field for one in caught.value.violations}


def test_answers_that_are_none_are_refused() -> None:
    for message in (wire.ReplayDecisionResponse(), wire.ReplayDecisionResponse(verdict=9)):  # type: ignore[arg-type]
        with pytest.raises(ContractError, match="answer: verdict"):
            replay_from_wire(message)
    with pytest.raises(ContractError, match="answer: outcome"):
        explanation_from_wire(wire.ExplainDecisionResponse())
    with pytest.raises(ContractError, match="answer"):
        plan_quote_from_wire(quotes.QuotePlanResponse())
    lying = replay_to_wire(REPLAY)
    lying.verdict = wire.VERDICT_MATCH
    with pytest.raises(ContractError, match="a match has no drift"):
        replay_from_wire(lying)
