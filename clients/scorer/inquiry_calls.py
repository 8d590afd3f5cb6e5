"""The calls about decisions and about what loans cost, as ``calls`` has the others."""

from clients.scorer.calls import Call, call_of, parsed
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.explanations import Explanation, Notice, Replay, SimulatedDecision
from protocols.contracts.quotes import Loan, PlanQuote, SettlementQuote
from protocols.translate_explanations import (
    explanation_from_wire,
    notice_from_wire,
    replay_from_wire,
    simulated_from_wire,
)
from protocols.translate_inquiries import (
    Inquiry,
    NoticeInquiry,
    Simulation,
    explain_to_wire,
    notice_to_wire,
    replay_to_wire,
    simulation_to_wire,
)
from protocols.translate_quotes import (
    SettlementInquiry,
    plan_quote_from_wire,
    plan_request_to_wire,
    settlement_from_wire,
    settlement_request_to_wire,
)
from protocols.wire import explanations_v1_pb2 as explanations
from protocols.wire import quotes_v1_pb2 as quotes

_EXPLANATIONS = explanations.DESCRIPTOR.services_by_name["ExplanationService"].full_name
_QUOTES = quotes.DESCRIPTOR.services_by_name["QuoteService"].full_name


def simulate_limit(asked: Simulation) -> Call[SimulatedDecision]:
    """Return the call that tries a request."""
    return call_of(
        f"/{_EXPLANATIONS}/SimulateLimit",
        simulation_to_wire(asked),
        lambda raw: simulated_from_wire(parsed(raw, explanations.SimulateLimitResponse())),
    )


def replay_decision(decision_id: str, request: LimitRequest) -> Call[Replay]:
    """Return the call that has a decision made again."""
    return call_of(
        f"/{_EXPLANATIONS}/ReplayDecision",
        replay_to_wire(decision_id, request),
        lambda raw: replay_from_wire(parsed(raw, explanations.ReplayDecisionResponse())),
    )


def explain_decision(asked: Inquiry) -> Call[Explanation]:
    """Return the call that asks why."""
    return call_of(
        f"/{_EXPLANATIONS}/ExplainDecision",
        explain_to_wire(asked),
        lambda raw: explanation_from_wire(parsed(raw, explanations.ExplainDecisionResponse())),
    )


def get_notice(asked: NoticeInquiry) -> Call[Notice]:
    """Return the call that asks for a notice."""
    return call_of(
        f"/{_EXPLANATIONS}/GetAdverseActionNotice",
        notice_to_wire(asked),
        lambda raw: notice_from_wire(parsed(raw, explanations.GetAdverseActionNoticeResponse())),
    )


def quote_plan(loan: Loan) -> Call[PlanQuote]:
    """Return the call that asks for a plan."""
    return call_of(
        f"/{_QUOTES}/QuotePlan",
        plan_request_to_wire(loan),
        lambda raw: plan_quote_from_wire(parsed(raw, quotes.QuotePlanResponse())),
    )


def quote_early_settlement(asked: SettlementInquiry) -> Call[SettlementQuote]:
    """Return the call that asks what ends a loan."""
    return call_of(
        f"/{_QUOTES}/QuoteEarlySettlement",
        settlement_request_to_wire(asked),
        lambda raw: settlement_from_wire(parsed(raw, quotes.QuoteEarlySettlementResponse())),
    )
