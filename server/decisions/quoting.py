"""Quotes: a loan's whole plan with its annual cost on every basis, and what ends it on a day."""

from datetime import date
from decimal import Decimal
from typing import get_args

from protocols.contracts.applicants import Violation, raise_any
from protocols.contracts.decisions import AnnualCost, LimitDecision
from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.money import MAX_MINOR
from protocols.contracts.plans import CostBasis
from protocols.contracts.quotes import (
    OfferedLoan,
    PlanQuote,
    QuotedCap,
    QuotedRow,
    SettlementQuote,
    Terms,
)
from protocols.decision_errors import RateCapError
from protocols.errors import ContractError
from server.decisions.annual_cost import annual_costs, percent
from server.decisions.regulation import RateCap
from server.decisions.repayment import LoanTerms, Plan, plan_of
from server.decisions.settlement import settlement_of

_EVERY_BASIS: tuple[CostBasis, ...] = get_args(CostBasis)


def terms_of(asked: Terms) -> LoanTerms:
    """Return the terms of a loan that was described.

    Raises:
        ContractError: They make no sense together.
    """
    return LoanTerms(
        principal_minor=asked.principal_minor,
        annual_rate=Decimal(asked.annual_rate),
        method=asked.method,
        day_count=asked.day_count,
        months=asked.months,
        drawn_on=asked.drawn_on,
        first_due_on=asked.first_due_on,
        fees=asked.fees,
    )


def offered_terms(
    asked: OfferedLoan, decision: LimitDecision, policy: LimitPolicy, day: date
) -> LoanTerms:
    """Return the terms of a plan that a decision offered.

    Args:
        asked: Which plan, how much, and from when.
        decision: That offered it.
        policy: By which it was decided.
        day: The decision's, where the policy counts it.

    Raises:
        RequestError: It was not offered, not so much, or not then.
    """
    amount = asked.amount_minor or decision.limit_minor
    drawn_on = asked.drawn_on or day
    offered = {(offer.method, offer.months) for offer in decision.offers}
    faults = []
    if (asked.method, asked.months) not in offered:
        faults.append(Violation("offered", "the decision offers no such plan"))
    if amount > decision.limit_minor:
        faults.append(Violation("offered.amount_minor", "is above the limit"))
    if not day <= drawn_on < decision.valid_until:
        faults.append(Violation("offered.drawn_on", "the offer does not stand on that day"))
    raise_any(faults)
    counts = {plan.method: plan.day_count for plan in policy.plans if asked.months in plan.months}
    return LoanTerms(
        principal_minor=amount,
        annual_rate=Decimal(decision.annual_rate),
        method=asked.method,
        day_count=counts[asked.method],
        months=asked.months,
        drawn_on=drawn_on,
        first_due_on=None,
        fees=policy.fees,
    )


def plan_quote(terms: LoanTerms, *, currency: str, cap: RateCap | None) -> PlanQuote:
    """Return the whole plan of a loan, with its annual cost on every basis.

    Args:
        terms: The loan's.
        currency: ISO 4217.
        cap: The law's, on the day of the draw.

    Raises:
        ContractError: No plan can be made of the terms, or no single annual cost solves it.
        RateCapError: It costs more than the law allows on that day.

    Source: docs/explanations.md, "Quotes".
    """
    plan = plan_of(terms)
    if plan.paid_minor > MAX_MINOR:
        raise ContractError("principal_minor: what is paid in all would be more than money can be")
    bases = dict.fromkeys(((cap.basis,) if cap else ()) + _EVERY_BASIS)
    costs = {basis: percent(cost) for basis, cost in annual_costs(plan, tuple(bases)).items()}
    if cap is not None and costs[cap.basis] > cap.annual * 100:
        raise RateCapError(f"the plan costs more than rate cap {cap.id} of {cap.since} allows")
    return PlanQuote(
        currency=currency,
        method=terms.method,
        months=terms.months,
        day_count=terms.day_count,
        annual_rate=str(terms.annual_rate),
        drawn_on=terms.drawn_on,
        principal_minor=terms.principal_minor,
        upfront_fee_minor=plan.upfront_fee_minor,
        rows=_rows(plan),
        interest_minor=plan.interest_minor,
        fees_minor=plan.fee_minor,
        paid_minor=plan.paid_minor,
        costs=tuple(AnnualCost(basis=basis, percent=str(costs[basis])) for basis in bases),
        cap=None if cap is None else _cap(cap),
    )


def settlement_quote(
    terms: LoanTerms, on: date, *, currency: str, paid_minor: int | None
) -> SettlementQuote:
    """Return what ends a loan on a day; see ``settlement_of``, also for what it raises."""
    settled = settlement_of(plan_of(terms), on, paid_minor=paid_minor)
    if settled.total_minor > MAX_MINOR:
        raise ContractError("principal_minor: what ends it would be more than money can be")
    return SettlementQuote(
        on=settled.on,
        principal_minor=settled.principal_minor,
        interest_minor=settled.interest_minor,
        fee_minor=settled.fee_minor,
        total_minor=settled.total_minor,
        currency=currency,
    )


def _rows(plan: Plan) -> tuple[QuotedRow, ...]:
    return tuple(
        QuotedRow(
            due_on=row.due_on,
            principal_minor=row.principal_minor,
            interest_minor=row.interest_minor,
            fee_minor=row.fee_minor,
            total_minor=row.total_minor,
            balance_minor=row.balance_minor,
        )
        for row in plan.rows
    )


def _cap(cap: RateCap) -> QuotedCap:
    allowed = (cap.annual * 100).normalize()
    return QuotedCap(
        id=cap.id, basis=cap.basis, percent=f"{allowed:f}", since=cap.since, source=cap.source
    )
