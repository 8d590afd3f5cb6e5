"""Reasons are said in the language asked for, with ranges and exact points, never with values."""

import json
from dataclasses import replace

import pytest

from protocols.contracts.explanations import BucketedValue, ExplainedReason
from server.decisions.explaining import Valued, needed_bucket
from server.serving.materials import buckets_of
from tests.unit.server.decisions.advised import READER, basis, explained, given, with_number
from tests.unit.server.decisions.cases import example_policy
from tests.unit.server.serving.monotone import borrower


def _reason(code: str) -> ExplainedReason:
    (found,) = (one for one in explained(borrower()).reasons if one.code == code)
    return found


def _needed(name: str, value: float) -> str:
    (item,) = (one for one in buckets_of(READER, "en") if one.field.name == name)
    return needed_bucket(Valued(item, value))


def test_a_reason_of_the_model_has_its_ranges_and_the_exact_points() -> None:
    decision = given(borrower(), basis())
    (lost,) = (one for one in decision.reasons if one.field == "savings")
    assert _reason("R.SAVINGS").values == (
        BucketedValue(
            field="savings",
            label="Savings",
            bucket="below 8,000",
            needed_bucket="32,000 to below 40,000",
            points_lost=lost.points_lost,
        ),
    )


def test_in_the_range_that_was_needed_the_reason_is_gone_and_the_risk_is_lower() -> None:
    before = given(borrower(), basis())
    after = given(with_number(borrower(), "savings", 32_000.0), basis())
    assert "R.SAVINGS" in {one.code for one in before.reasons}
    assert "R.SAVINGS" not in {one.code for one in after.reasons}
    assert after.p_default < before.p_default
    assert after.points > before.points


def test_a_reason_of_the_policy_has_the_ranges_of_its_facts() -> None:
    now, over_months = _reason("UTILISATION.HIGH").values
    assert (now.field, now.bucket, now.needed_bucket) == (
        "utilisation_percent",
        "90 and above",
        "60 to below 90",
    )
    # Whatever the six months say: from 90 % on the share is one half.
    assert (over_months.bucket, over_months.needed_bucket) == ("below 80", "")
    assert (now.points_lost, over_months.points_lost) == (0, 0)


def test_a_rule_that_stops_needs_the_range_below_it() -> None:
    facts = {"days_past_due": 45}
    request = borrower(circumstances={"exposure_elsewhere_minor": 0, "facts": facts})
    (reason,) = explained(request).reasons
    (value,) = reason.values
    assert (value.bucket, value.needed_bucket) == ("30 and above", "below 30")


def test_a_better_range_in_which_the_rule_still_stops_is_not_the_one_needed() -> None:
    policy = example_policy()
    first = policy.segments["CONSUMER"].rules[0]
    later = first.model_copy(update={"code": "PAYMENT.RETURNED", "at_least": 60})
    consumer = policy.segments["CONSUMER"].model_copy(update={"rules": (first, later)})
    by = replace(basis(), policy=policy.model_copy(update={"segments": {"CONSUMER": consumer}}))
    known = {"exposure_elsewhere_minor": 0, "facts": {"days_past_due": 70}}
    reasons = {one.code: one for one in explained(borrower(circumstances=known), by).reasons}
    (overdue,), (returned,) = (
        reasons[code].values for code in ("PAYMENT.OVERDUE", "PAYMENT.RETURNED")
    )
    assert (overdue.bucket, overdue.needed_bucket) == ("60 and above", "below 30")
    assert returned.needed_bucket == "30 to below 60"


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("savings", 0.0, "32,000 to below 40,000"),  # the nearest that costs nothing
        ("debt", 64_000.0, "24,000 to below 32,000"),
        ("inquiries", -9.0, "7.5 to below 10"),  # of no number, the one that gives least
        ("inquiries", float("nan"), "7.5 to below 10"),
        ("home", 3.0, "mortgage"),  # another level than those listed
    ],
)
def test_the_needed_range_is_the_nearest_that_costs_nothing(
    name: str, value: float, needed: str
) -> None:
    assert _needed(name, value) == needed


def test_chinese_is_chinese_but_for_names_of_the_contract() -> None:
    explanation = explained(borrower(), language="zh")
    first, second, _ = explanation.reasons
    assert first.sentence == "您的可用授信大部分已被使用。"
    assert first.values[0].label == "其他授信已使用比例（%）"
    assert first.values[0].needed_bucket == "60至90（不含）"
    assert second.sentence == "savings使您失分。"
    assert second.values[0].bucket == "低于8,000"
    assert explanation.caps[0].label == "所申请的金额"
    assert explanation.advice[0].sentence == (
        "若其他授信已使用比例（%）由目前的90及以上变为60至90（不含），"
        "其他条件不变：部分批准，额度15,000.00 USD。"
    )


def test_every_cap_is_named_and_those_that_bound_are_said_to() -> None:
    decision, explanation = given(borrower(), basis()), explained(borrower())
    assert [cap.name for cap in explanation.caps] == [one.name for one in decision.components]
    (bound,) = (cap for cap in explanation.caps if cap.is_binding)
    assert (bound.name, bound.limit_minor) == ("TABLE.UTILISATION.HIGH", 1_000_000)


def test_no_value_of_the_borrower_is_in_an_explanation() -> None:
    secrets = {"utilisation": 0.912345, "savings": 913.57, "debt": 21_431.25, "income": 52_111.5}
    request = borrower()
    for name, value in secrets.items():
        request = with_number(request, name, value)
    said = json.dumps(explained(request).model_dump(exclude={"caps"}))
    assert "bucket" in said
    for value in secrets.values():
        assert str(value) not in said
        assert f"{value:,}" not in said
