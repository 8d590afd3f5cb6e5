"""The methods about what a loan costs: its whole plan, and what ends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from google.protobuf.message import Message

from protocols.contracts.applicants import RequestError, Violation
from protocols.contracts.quotes import Loan, OfferedLoan
from protocols.contracts.regulation import RegulatoryProfile, Segment
from protocols.translate_quotes import (
    plan_quote_to_wire,
    plan_request_from_wire,
    settlement_request_from_wire,
    settlement_to_wire,
)
from protocols.wire import quotes_v1_pb2 as wire
from server.decisions.quoting import offered_terms, plan_quote, settlement_quote, terms_of
from server.decisions.regulation import RateCap, rules_on
from server.decisions.repayment import LoanTerms
from server.serving.access import Tenant
from server.serving.calls import Call, Reply
from server.serving.desk import Method
from server.serving.explanation_methods import Spend
from server.serving.materials import Materials

QUOTES = wire.DESCRIPTOR.services_by_name["QuoteService"].full_name


class _Found(NamedTuple):
    """A loan, and by whose law it is capped."""

    terms: LoanTerms
    currency: str
    segment: Segment
    profile: RegulatoryProfile

    def cap(self, on: date) -> RateCap | None:
        return rules_on(self.profile, on).rate_cap(self.segment)


@dataclass(frozen=True)
class QuoteMethods:
    """What these methods need beside a call. None of them stores anything."""

    materials: Materials
    spend: Spend

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            f"/{QUOTES}/QuotePlan": self.plan,
            f"/{QUOTES}/QuoteEarlySettlement": self.settlement,
        }

    def plan(self, call: Call, tenant: Tenant) -> Reply:
        """Return a loan's whole plan."""
        loan = plan_request_from_wire(call.body)
        found = self._found(loan, tenant)
        cap = found.cap(found.terms.drawn_on)
        return _reply(plan_quote_to_wire(plan_quote(found.terms, currency=found.currency, cap=cap)))

    def settlement(self, call: Call, tenant: Tenant) -> Reply:
        """Return what ends a loan on a day."""
        asked = settlement_request_from_wire(call.body)
        found = self._found(asked.loan, tenant)
        quote = settlement_quote(
            found.terms, asked.on, currency=found.currency, paid_minor=asked.paid_minor
        )
        return _reply(settlement_to_wire(quote))

    def _found(self, loan: Loan, tenant: Tenant) -> _Found:
        materials = self.materials
        if isinstance(loan, OfferedLoan):
            decision = materials.decision(tenant.name, loan.decision_id)
            self.spend(tenant, rows=1, subjects=())
            policy, day = materials.policy_of(decision), materials.day_of(decision)
            terms = offered_terms(loan, decision, policy, day)
            profile = materials.profile_of(decision)
            return _Found(terms, decision.currency, decision.segment, profile)
        self.spend(tenant, rows=1, subjects=())
        named = materials.profiles.get(loan.profile)
        if named is None:
            raise RequestError([Violation("terms.profile", "there is none of that name")])
        return _Found(terms_of(loan), loan.currency, loan.segment, named)


def _reply(message: Message) -> Reply:
    return Reply((message.SerializeToString(),))
