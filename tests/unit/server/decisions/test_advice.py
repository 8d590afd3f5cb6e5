"""Advice is about what a person can change, is the least of it, and keeps its word."""

from dataclasses import replace

import pytest

from protocols.contracts.applicants import PackedApplicant
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.explanations import Advice, AdviceKind
from protocols.contracts.facts import Rule
from protocols.contracts.limit_policy import Freshness, PlanTerms
from protocols.contracts.regulation import RegulatoryProfile
from server.decisions.advice import is_better
from server.decisions.money_remedies import money_remedies
from server.decisions.pipeline import Outlook
from server.decisions.replaying import Came
from server.serving.again import Basis
from tests.unit.server.decisions.advised import (
    READER,
    basis,
    came,
    explained,
    followed,
    with_number,
)
from tests.unit.server.decisions.cases import example_policy
from tests.unit.server.serving.monotone import borrower

GOOD = {
    "numbers": {
        **{"income": 120_000.0, "utilisation": 0.1, "inquiries": 1.0},
        **{"savings": 50_000.0, "debt": 0.0},
    },
    "categories": {"home": "own"},
}
RICH = {
    "monthly_income_minor": 2_000_000,
    "monthly_obligations_minor": 0,
    "exposure_elsewhere_minor": 0,
    "facts": {"days_past_due": 0},
}


def _good(**circumstances: object) -> LimitRequest:
    return borrower(features=GOOD, circumstances={**RICH, **circumstances})


def _kinds(request: LimitRequest) -> list[AdviceKind]:
    return [one.kind for one in explained(request).advice]


def _of_kind(request: LimitRequest, kind: AdviceKind) -> Advice:
    (found,) = (one for one in explained(request).advice if one.kind == kind)
    return found


CASES = {
    "much drawn": borrower(),
    "nothing verified": _good(monthly_income_minor=None, monthly_obligations_minor=None),
    "little income": _good(monthly_income_minor=200_000),
    "much owed": _good(monthly_income_minor=500_000, monthly_obligations_minor=150_000),
    "much elsewhere": _good(exposure_elsewhere_minor=7_512_300),
    "late": _good(facts={"days_past_due": 45}),
    "too risky": borrower(
        features={
            "numbers": {"income": 52_000.0, "utilisation": 1.3, "inquiries": 9.0},
            "categories": {"home": "own"},
        }
    ),
    "for a person to confirm": _good().model_copy(update={"requested_amount_minor": 3_801_000}),
    "too little asked": _good().model_copy(update={"requested_amount_minor": 90_000}),
    "no whole steps": _good().model_copy(update={"requested_amount_minor": 1_001_000}),
}


@pytest.mark.parametrize("name", CASES)
def test_who_does_what_it_says_gets_what_it_says(name: str) -> None:
    request = CASES[name]
    then = came(request)
    for advice in explained(request).advice:
        after = came(followed(request, advice))
        assert after == Came(advice.outcome, advice.limit_minor), advice.kind
        assert is_better(after, then)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("much drawn", "FACT"),
        ("much drawn", "FIELD"),
        ("nothing verified", "VERIFY_INCOME_AND_OBLIGATIONS"),
        ("little income", "VERIFY_INCOME"),
        ("much owed", "LOWER_OBLIGATIONS"),
        ("much elsewhere", "LOWER_EXPOSURE"),
        ("late", "FACT"),
        ("too risky", "FIELD"),
        ("for a person to confirm", "ASK_AMOUNT"),
        ("too little asked", "ASK_AMOUNT"),
        ("no whole steps", "ASK_AMOUNT"),
    ],
)
def test_each_reason_that_a_person_can_change_has_its_advice(name: str, kind: AdviceKind) -> None:
    assert kind in _kinds(CASES[name])


@pytest.mark.parametrize(
    ("name", "kind", "field"),
    [
        ("little income", "VERIFY_INCOME", "monthly_income_minor"),
        ("much owed", "LOWER_OBLIGATIONS", "monthly_obligations_minor"),
        ("much elsewhere", "LOWER_EXPOSURE", "exposure_elsewhere_minor"),
    ],
)
def test_a_step_less_of_money_would_not_help(name: str, kind: AdviceKind, field: str) -> None:
    request, step = CASES[name], example_policy().terms.step_minor
    advice = _of_kind(request, kind)
    assert advice.amount_minor % step == 0
    less = advice.model_copy(update={"amount_minor": advice.amount_minor - step})
    asked = followed(request, less)
    before = dict(request.circumstances)
    changed = {name for name, value in asked.circumstances if value != before[name]}
    assert changed <= {field}
    assert not is_better(came(asked), came(request))


def test_the_first_step_that_helps_is_found_wherever_it_is() -> None:
    by, step = basis(), example_policy().terms.step_minor
    for first in range(1, 14):

        def tried(asked: LimitRequest, first: int = first) -> Outlook:
            owed = asked.circumstances.monthly_obligations_minor or 0
            return Outlook("DECLINE", 0, int(owed <= (20 - first) * step))

        request = _good(monthly_obligations_minor=20 * step)
        found = {one.kind: one for one in money_remedies(request, by.policy, tried)}
        assert found["LOWER_OBLIGATIONS"].amount_minor == first * step
        assert set(found) == {"LOWER_OBLIGATIONS"}


def test_the_range_before_the_advised_one_would_not_help() -> None:
    request = CASES["much drawn"]
    (advice,) = (one for one in explained(request).advice if one.field == "utilisation")
    assert advice.from_bucket == "0.75 to below 0.9375"
    assert advice.to_bucket == "0.375 to below 0.5625"
    assert not is_better(came(with_number(request, "utilisation", 0.5625)), came(request))
    assert is_better(came(with_number(request, "utilisation", 0.5624)), came(request))


def test_nothing_is_advised_that_a_person_cannot_change_or_that_goes_against_a_direction() -> None:
    fields = {field.name: field for field in READER.contract.fields}
    for request in CASES.values():
        for advice in explained(request).advice:
            if advice.kind == "FIELD":
                assert fields[advice.field].is_changeable
                assert advice.field not in ("income", "burden", "home")
            assert advice.field not in ("months_on_book", "fraud_flags")


def test_an_approval_has_no_advice_and_none_may_be_all_there_is() -> None:
    approved = explained(_good().model_copy(update={"requested_amount_minor": 1_000_000}))
    assert (approved.outcome, approved.reasons, approved.advice) == ("APPROVE", (), ())
    stopped = explained(_good(facts={"fraud_flags": 1}))
    assert (stopped.outcome, stopped.advice) == ("DECLINE", ())


def test_a_value_that_is_too_old_to_be_used_has_no_advice() -> None:
    fresh = Freshness(group="bureau", most_days=30, is_required=False)
    policy = example_policy().model_copy(update={"freshness": (fresh,)})
    bad = with_number(with_number(borrower(), "utilisation", 1.4), "inquiries", 19.0)
    explanation = explained(bad, replace(basis(), policy=policy))
    advised = {one.field for one in explanation.advice if one.kind == "FIELD"}
    assert advised
    assert not advised & {"utilisation", "inquiries"}
    numbers = {"income": 52_000.0, "savings": 900.0, "debt": 21_000.0}
    never = borrower(features={"numbers": numbers, "categories": {"home": "rent"}})
    assert explained(never).advice == explanation.advice


def test_a_value_that_is_missing_or_stands_for_a_meaning_has_no_advice() -> None:
    numbers = {"income": 52_000.0, "inquiries": -9.0}
    request = borrower(features={"numbers": numbers, "categories": {}})
    advised = {one.field for one in explained(request).advice if one.kind == "FIELD"}
    assert not advised & {"utilisation", "inquiries", "savings", "debt"}


def test_a_term_over_which_there_is_no_plan_has_advice_about_terms_alone() -> None:
    request = _good().model_copy(update={"months": 36, "requested_amount_minor": 1_000_000})
    explanation = explained(request, _short_bullets())
    assert [why.code for why in explanation.reasons] == ["PRODUCT.TERM"]
    assert [(one.kind, one.months) for one in explanation.advice] == [("ASK_TERM", 12)]


def test_what_would_be_given_but_has_no_plan_is_not_advised() -> None:
    request = _good(facts={"days_past_due": 45}).model_copy(update={"months": 36})
    assert explained(request).advice
    explanation = explained(request, _short_bullets())
    assert [why.code for why in explanation.reasons] == ["PAYMENT.OVERDUE"]
    assert explanation.advice == ()


def _short_bullets() -> Basis:
    """Return a policy of interest by days over one year or three, where the law allows one."""
    daily = {"method": "DAILY_INTEREST", "day_count": "ACT/365F", "months": [12, 36]}
    policy = example_policy().model_copy(update={"plans": (PlanTerms.model_validate(daily),)})
    table = basis().profile.model_dump(mode="json", by_alias=True, exclude_unset=True)
    rule = {"id": "short", "from": "2016-10-03", "source": "For this test alone."}
    table["bullets"] = [{**rule, "segments": ["CONSUMER"], "longest_months": 12}]
    return replace(basis(), policy=policy, profile=RegulatoryProfile.model_validate(table))


def test_packed_values_get_the_same_advice() -> None:
    named = borrower()
    numbers = tuple(READER.read(named.features).numbers)
    packed = PackedApplicant(
        contract_digest=READER.packing.contract_digest, numbers=numbers, codes=(1,)
    )
    request = named.model_copy(update={"features": packed})
    assert explained(request).advice == explained(named).advice


def test_a_better_answer_is_nowhere_worse() -> None:
    less, more = Came("COUNTEROFFER", 100), Came("COUNTEROFFER", 200)
    assert is_better(more, less)
    assert not is_better(less, more)
    assert not is_better(less, less)
    assert is_better(Came("APPROVE", 100), less)
    assert not is_better(Came("APPROVE", 99), less)
    assert not is_better(Came("REFER", 0), less)
    assert is_better(Came("REFER", 0), Came("DECLINE", 0))
    assert not is_better(Came(None, 0, "refused"), Came("DECLINE", 0))


def test_what_only_time_changes_is_not_advised_whatever_its_reason() -> None:
    table = {"code": "FILE.THIN", "fact": "months_on_book", "below": 6, "action": "DECLINE"}
    rule = Rule.model_validate(table | {"when_unknown": "PASS"})
    policy = example_policy()
    consumer = policy.segments["CONSUMER"].model_copy(update={"rules": (rule,)})
    by = replace(basis(), policy=policy.model_copy(update={"segments": {"CONSUMER": consumer}}))
    explanation = explained(_good(facts={"months_on_book": 3}), by)
    assert [reason.code for reason in explanation.reasons] == ["FILE.THIN"]
    assert explanation.advice == ()
