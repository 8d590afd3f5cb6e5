"""A quote is the whole plan, to the cent, within the law's cap."""

from datetime import date
from decimal import Decimal

import pytest

from protocols.contracts.applicants import RequestError
from protocols.contracts.money import MAX_MINOR
from protocols.contracts.plans import NO_FEES, CostBasis
from protocols.contracts.quotes import OfferedLoan, Terms
from protocols.decision_errors import RateCapError
from protocols.errors import ContractError
from server.decisions.quoting import offered_terms, plan_quote, settlement_quote, terms_of
from server.decisions.regulation import load_profiles, rules_on
from tests.unit.server.decisions.advised import basis, given
from tests.unit.server.serving.monotone import borrower

DAY = date(2026, 11, 27)
CAP = rules_on(load_profiles()["us"], DAY).rate_cap("CONSUMER")
# Reference d3: 100 at 9.4822 %, 30/360, six months from 2024-01-01: 17.13 each.
LOAN = Terms(
    principal_minor=10_000,
    currency="USD",
    annual_rate="0.094822",
    method="EQUAL_INSTALMENT",
    day_count="30/360",
    months=6,
    drawn_on=date(2024, 1, 1),
    profile="us",
)
INTEREST = [79, 66, 53, 40, 27, 13]
BALANCES = [8_366, 6_719, 5_059, 3_386, 1_700, 0]


def test_rows_are_those_of_the_published_schedule() -> None:
    quote = plan_quote(terms_of(LOAN), currency="USD", cap=None)
    assert [row.total_minor for row in quote.rows] == [1_713] * 6
    assert [row.interest_minor for row in quote.rows] == INTEREST
    assert [row.balance_minor for row in quote.rows] == BALANCES
    assert (quote.interest_minor, quote.fees_minor, quote.paid_minor) == (278, 0, 10_278)
    assert quote.cap is None


def test_the_annual_cost_is_on_every_basis_the_laws_first() -> None:
    quote = plan_quote(terms_of(LOAN), currency="USD", cap=CAP)
    bases: list[CostBasis] = [cost.basis for cost in quote.costs]
    assert bases[0] == "REGZ_ACTUARIAL"
    assert len(set(bases)) == len(bases) == 5
    assert quote.cap is not None
    assert (quote.cap.id, quote.cap.percent) == ("us-mla-36", "36")


def test_a_plan_above_the_cap_is_refused_by_the_caps_name_and_day() -> None:
    dear = LOAN.model_copy(update={"annual_rate": "0.37"})
    with pytest.raises(RateCapError, match="rate cap us-mla-36 of 2016-10-03"):
        plan_quote(terms_of(dear), currency="USD", cap=CAP)
    assert plan_quote(terms_of(dear), currency="USD", cap=None).rows


def test_the_plan_of_an_offer_is_what_was_offered() -> None:
    by = basis()
    decision = given(borrower(), by)
    for offer in decision.offers:
        asked = OfferedLoan(
            decision_id=decision.decision_id, method=offer.method, months=offer.months
        )
        terms = offered_terms(asked, decision, by.policy, DAY)
        quote = plan_quote(terms, currency="USD", cap=CAP)
        assert quote.principal_minor == decision.limit_minor
        assert (quote.rows[0].total_minor, quote.rows[-1].total_minor) == (
            offer.first_minor,
            offer.last_minor,
        )
        assert (quote.interest_minor, quote.fees_minor) == (offer.interest_minor, offer.fees_minor)
        assert set(offer.costs) <= set(quote.costs)
        assert terms.fees == by.policy.fees


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"months": 13}, "offered"),
        ({"method": "BULLET"}, "offered"),
        ({"amount_minor": 1_000_001}, "offered.amount_minor"),
        ({"drawn_on": date(2026, 11, 26)}, "offered.drawn_on"),
        ({"drawn_on": date(2026, 12, 27)}, "offered.drawn_on"),
    ],
)
def test_what_was_not_offered_is_refused_by_field(changes: dict[str, object], field: str) -> None:
    by = basis()
    decision = given(borrower(), by)
    asked = OfferedLoan(decision_id="decision-1", method="EQUAL_INSTALMENT", months=12)
    with pytest.raises(RequestError) as caught:
        offered_terms(asked.model_copy(update=changes), decision, by.policy, DAY)
    assert [one.field for one in caught.value.violations] == [field]


def test_a_part_may_be_drawn_on_the_last_day_of_the_offer() -> None:
    by = basis()
    asked = OfferedLoan(
        decision_id="decision-1",
        method="EQUAL_INSTALMENT",
        months=12,
        amount_minor=500_000,
        drawn_on=date(2026, 12, 26),
    )
    terms = offered_terms(asked, given(borrower(), by), by.policy, DAY)
    assert (terms.principal_minor, terms.drawn_on) == (500_000, date(2026, 12, 26))
    assert terms.annual_rate == Decimal("0.139")


def test_what_ends_a_loan_is_the_balance_and_the_interest_of_its_days() -> None:
    # On the day of the third row: that row, and the balance after it.
    settled = settlement_quote(terms_of(LOAN), date(2024, 4, 1), currency="USD", paid_minor=None)
    assert (settled.principal_minor, settled.interest_minor) == (6_719, 53)
    assert settled.total_minor == 6_719 + 53
    with pytest.raises(ContractError, match="day of the draw"):
        settlement_quote(terms_of(LOAN), date(2023, 1, 1), currency="USD", paid_minor=None)
    assert LOAN.fees == NO_FEES


def test_what_is_more_than_money_can_be_is_refused() -> None:
    most = LOAN.model_copy(update={"principal_minor": MAX_MINOR})
    with pytest.raises(ContractError, match="in all would be more"):
        plan_quote(terms_of(most), currency="USD", cap=None)
    with pytest.raises(ContractError, match="what ends it would be more"):
        settlement_quote(terms_of(most), date(2024, 2, 1), currency="USD", paid_minor=0)
