"""Plans and what ends them are quoted, of an offer or of terms, within the law's cap."""

from datetime import date

import pytest

from protocols.contracts.applicants import RequestError
from protocols.contracts.quotes import Loan, OfferedLoan, PlanQuote, SettlementQuote, Terms
from protocols.decision_errors import GoneError, ProfileDateError, RateCapError
from protocols.translate_quotes import (
    SettlementInquiry,
    plan_quote_from_wire,
    plan_request_to_wire,
    settlement_from_wire,
    settlement_request_to_wire,
)
from protocols.wire import quotes_v1_pb2 as wire
from server.journal.errors import UnknownDecisionError
from server.serving.access import Tenant
from tests.unit.server.serving.inquired import DECISION_ID, MINE, OTHERS, Here, call

OFFERED = OfferedLoan(decision_id=DECISION_ID, method="EQUAL_INSTALMENT", months=12)
TERMS = Terms(
    principal_minor=1_200_000,
    currency="CNY",
    annual_rate="0.12",
    method="EQUAL_INSTALMENT",
    day_count="30/360",
    months=12,
    drawn_on=date(2026, 11, 27),
    profile="cn-bank",
)


def _plan(here: Here, loan: Loan, tenant: Tenant = MINE) -> PlanQuote:
    body = plan_request_to_wire(loan).SerializeToString()
    (raw,) = here.quotes().plan(call(body), tenant).messages
    return plan_quote_from_wire(wire.QuotePlanResponse.FromString(raw))


def _settled(here: Here, asked: SettlementInquiry) -> SettlementQuote:
    body = settlement_request_to_wire(asked).SerializeToString()
    (raw,) = here.quotes().settlement(call(body), MINE).messages
    return settlement_from_wire(wire.QuoteEarlySettlementResponse.FromString(raw))


def test_an_offer_is_quoted_row_by_row_with_the_cap_of_its_law() -> None:
    here = Here()
    quote, offer = _plan(here, OFFERED), here.then.offers[0]
    assert (quote.principal_minor, len(quote.rows)) == (here.then.limit_minor, 12)
    assert (quote.interest_minor, quote.fees_minor) == (offer.interest_minor, offer.fees_minor)
    assert quote.cap is not None
    assert quote.cap.id == "us-mla-36"
    assert here.spent == [("platform", 1, ())]


def test_terms_are_quoted_under_the_profile_they_name() -> None:
    # Reference d3: 12,000 at 1 % a month over twelve: 1,066.19 x 11, last 1,066.14.
    quote = _plan(Here(), TERMS)
    assert [row.total_minor for row in quote.rows] == [106_619] * 11 + [106_614]
    assert quote.interest_minor == 79_423
    assert quote.cap is not None
    assert (quote.cap.basis, quote.cap.percent) == ("ALL_IN_COST_CN", "24")
    assert quote.costs[0].basis == "ALL_IN_COST_CN"


def test_terms_above_the_cap_of_the_day_are_refused_and_before_it_not() -> None:
    dear = TERMS.model_copy(update={"annual_rate": "0.60"})
    with pytest.raises(RateCapError, match="cn-bank-facilitated-24 of 2025-10-01"):
        _plan(Here(), dear)
    assert _plan(Here(), dear.model_copy(update={"drawn_on": date(2025, 9, 30)})).cap is None
    with pytest.raises(ProfileDateError):
        _plan(Here(), dear.model_copy(update={"drawn_on": date(2019, 1, 1)}))


def test_the_end_of_a_loan_is_quoted() -> None:
    # Reference d3: the balance after six instalments is 6,179.02.
    settled = _settled(Here(), SettlementInquiry(TERMS, date(2027, 5, 27)))
    assert settled.principal_minor - 617_902 == 106_619 - settled.interest_minor
    whole = _settled(Here(), SettlementInquiry(TERMS, date(2027, 5, 27), paid_minor=0))
    assert whole.total_minor == settled.total_minor + 5 * 106_619


def test_what_is_not_here_is_refused() -> None:
    here = Here()
    with pytest.raises(UnknownDecisionError):
        _plan(here, OFFERED, OTHERS)
    with pytest.raises(RequestError, match=r"terms\.profile"):
        _plan(here, TERMS.model_copy(update={"profile": "mars"}))
    here.policies = []
    with pytest.raises(GoneError, match=r"policy .* is no longer here"):
        _plan(here, OFFERED)
