"""Every outcome and every change, with the reasons that really moved it."""

import dataclasses
from datetime import date

import pytest

from protocols.contracts.regulation import Amount
from protocols.decision_errors import RateCapError
from server.decisions.candidates import Known
from server.decisions.permission import Withheld
from server.decisions.pipeline import Case, Decided, Frame, outlook
from server.decisions.reasons import Loss
from server.decisions.regulation import load_profiles, rules_on
from tests.unit.server.decisions.cases import (
    TODAY,
    asked,
    decided,
    example_policy,
    frame,
    known,
    line,
    no_caps,
)

MODEL = ["R.UTILISATION", "R.INCOME"]  # the losses of ``decided``, if no others are said
OVERDUE = {
    "code": "PAYMENT.OVERDUE",
    "fact": "days_past_due",
    "at_least": 30,
    "action": "DECLINE",
    "when_unknown": "PASS",
}
RECORDED = {**OVERDUE, "code": "RECORD.PUBLIC", "fact": "public_records", "action": "REFER"}
WIDE = {"minimum_minor": 100_000, "maximum_minor": 90_000_000, "step_minor": 2_500}
WIDE_BANDS = [
    {"name": "A", "p_default_up_to": "0.5", "limit_minor": 90_000_000, "annual_rate": "0.1"},
    {"name": "B", "p_default_up_to": "1", "limit_minor": 0},
]
STALE = Withheld("bureau", "STALE", False)
FACTS = {"days_past_due": 30, "public_records": 30}


def _codes(found: Decided) -> list[str]:
    return [why.code for why in found.whys]


def _steps(found: Decided) -> dict[str, str]:
    return dict(found.steps)


def _bare(**consumer: object) -> Frame:
    return frame(no_caps(**consumer))


def test_all_that_was_asked_for_is_an_approval_without_reasons() -> None:
    found = decided(asked(), of=_bare())
    assert (found.outcome, found.change) == ("APPROVE", "INITIAL")
    assert found.limit_minor == found.assessed_minor == found.available_minor == 1_500_000
    assert (found.whys, found.binding, found.band.name) == ((), {"REQUESTED"}, "A")
    assert (found.better_reviews, found.worse_reviews) == (0, 0)
    assert len(found.offers) == 6
    assert found.valid_until == date(2026, 12, 27)
    assert found.steps == (
        ("PERMISSION", "ALL"),
        ("RULES", "PASSED"),
        ("BAND", "A"),
        ("CAPS", "REQUESTED"),
        ("LINE", "INITIAL"),
        ("PRICE", "6_PLANS"),
        ("OUTCOME", "APPROVE"),
    )


def test_less_than_was_asked_for_is_a_counteroffer() -> None:
    found = decided(asked(), 0.15, of=_bare())
    assert (found.outcome, found.change, found.limit_minor) == (
        "COUNTEROFFER",
        "INITIAL",
        1_000_000,
    )
    assert (_codes(found), found.binding) == (MODEL, {"RISK_BAND"})
    assert {offer.method for offer in found.offers} == {
        *("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "DAILY_INTEREST"),
    }


def test_nothing_is_a_decline_without_offers() -> None:
    found = decided(asked(), 0.21, of=_bare())
    assert (found.outcome, found.change, found.limit_minor) == ("DECLINE", "INITIAL", 0)
    assert (_codes(found), found.offers, found.available_minor) == (MODEL, (), 0)
    assert _steps(found)["PRICE"] == "0_PLANS"


def test_a_probability_at_a_band_s_bound_is_in_the_band() -> None:
    assert [decided(asked(), p, of=_bare()).band.name for p in (0.1, 0.1000001, 0.2, 1.0)] == [
        *("A", "B", "B", "C")
    ]


# Rules.
def test_a_rule_declines_whatever_the_score() -> None:
    request = asked(circumstances=known(facts=FACTS))
    found = decided(request, 0.001, of=_bare(rules=[OVERDUE]))
    assert (found.outcome, found.change, found.limit_minor) == ("DECLINE", "INITIAL", 0)
    assert (_codes(found), found.assessed_minor) == (["PAYMENT.OVERDUE"], 1_500_000)
    assert (_steps(found)["RULES"], found.offers) == ("PAYMENT.OVERDUE", ())


def test_a_rule_that_declines_freezes_a_line_at_once_and_leaves_it() -> None:
    review = asked(
        circumstances=known(facts=FACTS),
        line=line(outstanding_minor=1, better_reviews=3, worse_reviews=2),
    )
    found = decided(review, of=_bare(rules=[OVERDUE]))
    assert (found.outcome, found.change) == ("DECLINE", "FREEZE")
    assert (found.limit_minor, found.available_minor) == (1_000_000, 0)
    assert (found.better_reviews, found.worse_reviews) == (3, 2)


def test_a_rule_refers_what_would_be_given_to_a_person() -> None:
    request = asked(circumstances=known(facts=FACTS))
    found = decided(request, of=_bare(rules=[RECORDED]))
    assert (found.outcome, found.change, found.limit_minor) == ("REFER", "INITIAL", 0)
    assert (found.assessed_minor, found.available_minor) == (1_500_000, 0)
    assert (_codes(found), found.offers) == (["RECORD.PUBLIC"], ())
    assert _steps(found)["RULES"] == "RECORD.PUBLIC"


def test_what_is_not_given_is_nothing_for_a_person_to_confirm() -> None:
    request = asked(circumstances=known(facts=FACTS))
    assert decided(request, 0.5, of=_bare(rules=[RECORDED])).outcome == "DECLINE"
    request = asked(circumstances=known(facts=FACTS), line=line())
    assert decided(request, of=_bare(rules=[RECORDED])).outcome == "COUNTEROFFER"  # it waits


def test_a_rule_that_declines_stands_before_one_that_refers() -> None:
    request = asked(circumstances=known(facts=FACTS))
    found = decided(request, of=_bare(rules=[RECORDED, OVERDUE]))
    assert (found.outcome, _codes(found)) == ("DECLINE", ["PAYMENT.OVERDUE"])
    assert _steps(found)["RULES"] == "PAYMENT.OVERDUE"


def test_an_unknown_fact_may_stop_a_decision_and_is_not_called_bad() -> None:
    rule = {**RECORDED, "when_unknown": "REFER"}
    found = decided(asked(), of=_bare(rules=[rule]))
    assert (found.outcome, _codes(found)) == ("REFER", ["DATA.NOT_KNOWN"])


@pytest.mark.parametrize(("limit_minor", "outcome"), [(1_500_000, "APPROVE"), (1_502_500, "REFER")])
def test_a_limit_above_the_policy_s_is_for_a_person_to_confirm(
    limit_minor: int, outcome: str
) -> None:
    request = asked(requested_amount_minor=limit_minor)
    found = decided(request, of=_bare(refer_above_minor=1_500_000))
    assert found.outcome == outcome
    assert _codes(found) == ([] if outcome == "APPROVE" else ["REVIEW.AMOUNT"])


@pytest.mark.parametrize(
    ("currency", "minor", "codes"),
    [
        ("USD", 1_500_000, []),
        ("USD", 1_499_999, ["REVIEW.LAW"]),
        ("EUR", 1, []),
    ],
)
def test_a_limit_above_the_law_s_is_for_a_person_to_confirm(
    currency: str, minor: int, codes: list[str]
) -> None:
    of = _bare()
    amount = Amount(currency=currency, minor=minor)
    review = of.rules.review.model_copy(update={"refer_above": (amount,)})
    found = decided(asked(), of=of._replace(rules=dataclasses.replace(of.rules, review=review)))
    assert (_codes(found), found.outcome) == (codes, "REFER" if codes else "APPROVE")


def test_a_line_stays_open_while_a_person_looks_at_its_increase() -> None:
    review = asked(line=line(outstanding_minor=300_000, better_reviews=1, worse_reviews=4))
    found = decided(review, of=_bare(refer_above_minor=1_200_000))
    assert (found.outcome, found.change) == ("REFER", "UNCHANGED")
    assert (found.limit_minor, found.available_minor) == (1_000_000, 700_000)
    assert (found.better_reviews, found.worse_reviews) == (1, 4)


# Data that are missing where they are required.
def test_without_what_the_policy_requires_nothing_is_decided() -> None:
    withheld = (STALE._replace(is_required=True), Withheld("social", "NOT_PERMITTED", False))
    found = decided(asked(), withheld=withheld, of=_bare())
    assert (found.outcome, found.change, found.limit_minor) == ("NOT_DECIDED", "INITIAL", 0)
    assert (_codes(found), found.offers, found.available_minor) == (["DATA.STALE"], (), 0)
    review = asked(line=line(outstanding_minor=300_000, worse_reviews=1))
    found = decided(review, withheld=withheld, of=_bare())
    assert (found.outcome, found.change) == ("NOT_DECIDED", "UNCHANGED")
    assert (found.limit_minor, found.available_minor) == (1_000_000, 700_000)
    assert found.worse_reviews == 1


def test_a_rule_that_declines_needs_nothing_that_is_withheld() -> None:
    request = asked(circumstances=known(facts=FACTS))
    withheld = (STALE._replace(is_required=True),)
    found = decided(request, withheld=withheld, of=_bare(rules=[OVERDUE]))
    assert found.outcome == "DECLINE"


def test_a_missing_value_that_cost_points_is_told_as_missing() -> None:
    losses = (Loss(0, 9.0, True), Loss(1, 5.0, False))
    stale = (Withheld("application", "STALE", False),)
    found = decided(asked(), 0.15, losses=losses, withheld=stale, of=_bare())
    assert _codes(found) == ["DATA.STALE", "R.UTILISATION"]


# The price.
def test_no_plan_over_the_term_that_was_asked_for_is_a_decline() -> None:
    daily = [{"method": "DAILY_INTEREST", "day_count": "ACT/365F", "months": [24]}]
    policy = no_caps({"currency": "CNY", "profile": "cn-bank", "plans": daily})
    day = date(2025, 9, 30)  # the bank's rules on bullets hold, its cap on cost does not yet
    assert rules_on(load_profiles()["cn-bank"], day).longest_bullet_months("CONSUMER") == 12
    found = decided(asked(currency="CNY", months=24), of=frame(policy, day))
    assert (found.outcome, found.change, found.limit_minor) == ("DECLINE", "INITIAL", 0)
    assert (_codes(found), found.assessed_minor) == (["PRODUCT.TERM"], 1_500_000)
    found = decided(asked(currency="CNY", months=24, line=line()), of=frame(policy, day))
    assert (found.change, found.limit_minor, found.offers) == ("UNCHANGED", 1_000_000, ())


def test_only_the_term_that_was_asked_for_is_on_offer() -> None:
    found = decided(asked(months=24), of=_bare())
    assert {offer.months for offer in found.offers} == {24}


def test_a_price_that_the_law_does_not_allow_is_an_error_and_no_decision() -> None:
    dear = [band | {"annual_rate": "0.4"} for band in WIDE_BANDS[:1]] + WIDE_BANDS[1:]
    of = _bare(bands=[dear[0] | {"limit_minor": 4_000_000}, dear[1]])
    with pytest.raises(RateCapError, match=r"us-mla-36 of 2016-10-03"):
        decided(asked(), of=of)
    assert decided(asked(), 0.9, of=of).outcome == "DECLINE"


def test_the_price_is_the_band_s_on_the_day_for_the_whole_limit() -> None:
    safe, risky = (decided(asked(), p, of=_bare()) for p in (0.05, 0.15))
    assert (safe.band.annual_rate, risky.band.annual_rate) == ("0.12", "0.18")
    assert risky.offers[0].costs[1][1] > safe.offers[0].costs[1][1]
    assert risky.offers[0].first_minor < safe.offers[0].first_minor  # of a smaller limit


def test_businesses_are_decided_by_their_own_part_of_the_policy() -> None:
    request = asked(
        segment="MICRO_SMALL_BUSINESS", circumstances=known(facts={"months_in_business": 11})
    )
    found = decided(request, of=frame(example_policy()))
    assert (found.outcome, _codes(found)) == ("DECLINE", ["BUSINESS.YOUNG"])


def test_the_same_case_is_decided_the_same_again() -> None:
    request = asked(circumstances=known(facts=FACTS | {"days_past_due": 0}))
    first, second = (decided(request, 0.0712, of=frame(example_policy())) for _ in range(2))
    assert first == second


def test_the_outlook_is_the_decision_before_it_is_priced() -> None:
    review = asked(line=line(), requested_amount_minor=2_000_000)
    for request, p_default in ((asked(), 0.05), (asked(), 0.15), (asked(), 0.5), (review, 0.05)):
        found = decided(request, p_default, of=_bare())
        seen = outlook(Case(request, Known(p_default, 10), (), ()), _bare())
        assert seen == (found.outcome, found.limit_minor, found.assessed_minor)


def test_an_offer_stands_for_the_policy_s_days() -> None:
    policy = no_caps({"valid_days": 1})
    assert decided(asked(), of=frame(policy, TODAY)).valid_until == date(2026, 11, 28)
