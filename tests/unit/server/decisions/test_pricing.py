"""Plans on offer: each with its cost, none above what the law allows on the day."""

from datetime import date
from decimal import Decimal

import pytest

from protocols.contracts.limit_policy import LimitPolicy
from protocols.decision_errors import RateCapError
from server.decisions.annual_cost import annual_cost
from server.decisions.pricing import PricedOffer, Wanted, offers, priced
from server.decisions.regulation import RateCap
from server.decisions.repayment import LoanTerms, plan_of
from tests.unit.server.decisions.cases import example_policy

DAY = date(2026, 1, 15)
NO_FEES = {
    "upfront_share": "0",
    "upfront_minor": 0,
    "monthly_share": "0",
    "monthly_minor": 0,
}


def _policy(*plans: tuple[str, list[int]], **fees: object) -> LimitPolicy:
    table = [{"method": method, "day_count": "ACT/365F", "months": most} for method, most in plans]
    for plan in table:
        if plan["method"] in ("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL"):
            plan["day_count"] = "30/360"
    return example_policy({"plans": table, "fees": NO_FEES | fees})


def _wanted(**changes: object) -> Wanted:
    wanted = Wanted(1_200_000, "0.12", None, DAY, None)
    return wanted._replace(**changes)


def _cap(annual: Decimal, basis: str = "NOMINAL_X12") -> RateCap:
    return RateCap("cap-24", basis, annual, "EVERY_BORROWER", date(2025, 10, 1), "a law")


def _terms(found: tuple[PricedOffer, ...]) -> list[tuple[str, int]]:
    return [(offer.method, offer.months) for offer in found]


INSTALMENTS = _policy(("EQUAL_INSTALMENT", [12]))


def test_an_offer_says_what_is_paid_first_and_last_and_in_all() -> None:
    # The project's survey of 2026-11-23, d3: 12,000 at 1 % a month over 12 months is 1,066.19
    # eleven times and 1,066.14, with 794.23 of interest; its effective cost is 12.68 %.
    (offer,) = offers(_wanted(), INSTALMENTS, None)
    assert offer == PricedOffer(
        method="EQUAL_INSTALMENT",
        months=12,
        first_minor=106_619,
        last_minor=106_614,
        interest_minor=79_423,
        fees_minor=0,
        costs=(("NOMINAL_X12", Decimal("12.00")), ("EFFECTIVE", Decimal("12.68"))),
    )


def test_fees_are_in_the_instalments_and_in_the_cost() -> None:
    # As above, 10,000 with 300 taken at once: 888.49 a month, 17.8254 nominal, 19.3563 effective.
    policy = _policy(("EQUAL_INSTALMENT", [12]), upfront_minor=30_000)
    (offer,) = offers(_wanted(limit_minor=1_000_000), policy, None)
    assert (offer.first_minor, offer.fees_minor) == (88_849, 30_000)
    assert offer.costs == (("NOMINAL_X12", Decimal("17.83")), ("EFFECTIVE", Decimal("19.36")))


def test_the_law_s_basis_comes_first_and_none_twice() -> None:
    (offer,) = offers(_wanted(), INSTALMENTS, _cap(Decimal(1), "REGZ_ACTUARIAL"))
    assert [basis for basis, _ in offer.costs] == ["REGZ_ACTUARIAL", "NOMINAL_X12", "EFFECTIVE"]
    (offer,) = offers(_wanted(), INSTALMENTS, _cap(Decimal(1), "EFFECTIVE"))
    assert [basis for basis, _ in offer.costs] == ["EFFECTIVE", "NOMINAL_X12"]


def test_every_plan_is_on_offer_over_every_term_in_the_policy_s_order() -> None:
    policy = _policy(("EQUAL_PRINCIPAL", [24, 12]), ("BULLET", [6]))
    assert _terms(offers(_wanted(), policy, None)) == [
        *(("EQUAL_PRINCIPAL", 24), ("EQUAL_PRINCIPAL", 12), ("BULLET", 6))
    ]


def test_who_asks_for_a_term_is_offered_that_term() -> None:
    policy = _policy(("EQUAL_PRINCIPAL", [24, 12]), ("BULLET", [6, 12]))
    found = offers(_wanted(months=12), policy, None)
    assert _terms(found) == [("EQUAL_PRINCIPAL", 12), ("BULLET", 12)]
    assert offers(_wanted(months=36), policy, None) == ()


@pytest.mark.parametrize("method", ["BULLET", "INTEREST_FIRST", "DAILY_INTEREST"])
def test_what_is_repaid_at_its_end_is_no_longer_than_the_law_allows(method: str) -> None:
    policy = _policy((method, [11, 12, 13]), ("EQUAL_INSTALMENT", [13]))
    found = offers(_wanted(bullet_months=12), policy, None)
    assert _terms(found) == [(method, 11), (method, 12), ("EQUAL_INSTALMENT", 13)]


@pytest.mark.parametrize("method", ["EQUAL_INSTALMENT", "EQUAL_PRINCIPAL"])
def test_what_is_repaid_in_parts_may_be_longer(method: str) -> None:
    assert _terms(offers(_wanted(bullet_months=12), _policy((method, [13])), None)) == [
        (method, 13)
    ]


def _exact_cost() -> Decimal:
    terms = LoanTerms(
        principal_minor=1_200_000,
        annual_rate=Decimal("0.12"),
        method="EQUAL_INSTALMENT",
        day_count="30/360",
        months=12,
        drawn_on=DAY,
        first_due_on=None,
        fees=INSTALMENTS.fees,
    )
    return annual_cost(plan_of(terms), "NOMINAL_X12")


def test_a_plan_may_cost_as_much_as_the_law_allows_and_no_hair_more() -> None:
    cost = _exact_cost()
    assert len(offers(_wanted(), INSTALMENTS, _cap(cost))) == 1
    with pytest.raises(RateCapError):  # although both are 12.00 % with two decimals
        offers(_wanted(), INSTALMENTS, _cap(cost - Decimal("1e-15")))


def test_only_plans_above_the_law_s_cap_are_left_out() -> None:
    # A fee at once weighs more on a short loan.
    policy = _policy(("EQUAL_INSTALMENT", [6, 12]), upfront_share="0.03")
    assert _terms(offers(_wanted(), policy, _cap(Decimal("0.2")))) == [("EQUAL_INSTALMENT", 12)]


def test_a_policy_whose_every_plan_is_above_the_cap_offers_nothing_and_says_which_cap() -> None:
    expected = "every plan costs more than rate cap cap-24 of 2025-10-01 allows"
    for _ in range(2):  # what was found before is known the second time
        with pytest.raises(RateCapError, match=f"^{expected}$"):
            offers(_wanted(), INSTALMENTS, _cap(Decimal("0.11")))


def test_no_plan_over_the_term_is_no_fault_of_the_law_s() -> None:
    assert offers(_wanted(months=6), INSTALMENTS, _cap(Decimal("0.01"))) == ()


def test_the_same_is_priced_once_and_whatever_differs_anew() -> None:
    priced.cache_clear()
    two = _policy(("EQUAL_INSTALMENT", [12]), upfront_minor=1)
    for wanted, policy, cap in [
        (_wanted(), INSTALMENTS, None),
        (_wanted(), _policy(("EQUAL_INSTALMENT", [12])), None),
        (_wanted(), two, None),
        (_wanted(), INSTALMENTS, _cap(Decimal("0.2"))),
        (_wanted(), INSTALMENTS, _cap(Decimal("0.3"))),
        (_wanted(today=date(2026, 1, 16)), INSTALMENTS, None),
        (_wanted(limit_minor=1_202_500), INSTALMENTS, None),
        (_wanted(annual_rate="0.13"), INSTALMENTS, None),
        (_wanted(months=12), INSTALMENTS, None),
        (_wanted(bullet_months=12), INSTALMENTS, None),
    ]:
        offers(wanted, policy, cap)
    assert (priced.cache_info().hits, priced.cache_info().misses) == (1, 9)
