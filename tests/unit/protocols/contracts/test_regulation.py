"""A profile is complete and without contradiction on every day, or it does not load."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from protocols.contracts.features import contract_digest, describe
from protocols.contracts.regulation import RegulatoryProfile
from tests.unit.protocols.contracts.profiles import (
    BOTH,
    Table,
    data_rule,
    dated,
    line_cap,
    notice,
    profile_table,
    rate_cap,
    reference,
    review,
    value,
)


def _fault(table: Mapping[str, object]) -> str:
    with pytest.raises(ValidationError) as refused:
        RegulatoryProfile.model_validate(table)
    return describe(refused.value)


def test_the_least_a_profile_says_is_data_notices_and_reviews() -> None:
    profile = RegulatoryProfile.model_validate(profile_table())
    assert [rule.id for _, rule in profile.rules()] == ["data", "notice", "review"]
    for table in ("data", "notices", "reviews"):
        assert "the profile needs a rule from 2020-01-01 on" in _fault(profile_table(**{table: []}))


def test_the_digest_is_of_the_table_as_written() -> None:
    profile = RegulatoryProfile.model_validate(profile_table())
    assert profile.digest == contract_digest(profile_table())
    other = RegulatoryProfile.model_validate(profile_table(data=[data_rule(needs_consent=False)]))
    assert other.digest != profile.digest
    assert profile == RegulatoryProfile.model_validate(profile_table())


@pytest.mark.parametrize("table", ["data", "notices", "reviews", "line_caps", "rate_caps"])
def test_a_key_that_nobody_knows_is_refused(table: str) -> None:
    rule = {
        "data": data_rule(),
        "notices": notice(),
        "reviews": review(),
        "line_caps": line_cap("a"),
        "rate_caps": rate_cap("cap", percent="24"),
    }[table]
    said = f"{table}.0.extra: Extra inputs are not permitted"
    assert said in _fault(profile_table(**{table: [{**rule, "extra": 1}]}))


def test_a_table_that_nobody_knows_is_refused() -> None:
    assert "taxes: Extra inputs" in _fault(profile_table(taxes=[]))


@pytest.mark.parametrize("field", ["jurisdiction", "valid_from", "name", "title_zh", "about"])
def test_what_every_profile_says_is_not_left_out(field: str) -> None:
    table = profile_table()
    del table[field]
    assert f"{field}: Field required" in _fault(table)


@pytest.mark.parametrize(
    ("table", "first", "second"),
    [
        ("data", data_rule(), data_rule("other", "2021-01-01")),
        ("notices", notice(), notice("other", "2021-01-01", segments=["CONSUMER"])),
        ("reviews", review(), review("other", "2021-01-01")),
        ("line_caps", line_cap("a"), line_cap("b", "2021-01-01", segments=BOTH)),
        ("rate_caps", rate_cap("a", percent="24"), rate_cap("b", "2021-01-01", percent="12")),
        (
            "bullets",
            dated("a", segments=BOTH, longest_months=12),
            dated("b", "2021-01-01", segments=["CONSUMER"], longest_months=6),
        ),
        (
            "decrease_notices",
            dated("a", segments=BOTH, days=45, before="DECREASE", lines="OVERDRAFTS"),
            dated("b", "2021-01-01", segments=BOTH, days=3, before="DECREASE", lines="EVERY_LINE"),
        ),
        (
            "cost_statements",
            dated("a", segments=BOTH, basis="EU_APRC", is_signed=True),
            dated("b", "2021-01-01", segments=BOTH, basis="EU_APRC", is_signed=False),
        ),
        (
            "reassessments",
            dated("a", segments=BOTH, every_months=12, tenor_above_months=12),
            dated("b", "2021-01-01", segments=BOTH, every_months=6, tenor_above_months=0),
        ),
    ],
)
def test_of_every_kind_one_rule_holds_on_a_day(table: str, first: Table, second: Table) -> None:
    both = f"{first['id']} and {second['id']} both hold on 2021-01-01"
    assert both in _fault(profile_table(**{table: [first, second]}))
    hole = [{**first, "until": "2020-12-31"}, second]
    assert "nothing holds from 2020-12-31 until 2021-01-01" in _fault(
        profile_table(**{table: hole})
    )
    meeting = [{**first, "until": "2021-01-01"}, second]
    if table == "notices":  # the second is of one segment; the other needs one too
        meeting.append(notice("third", "2021-01-01", segments=["MICRO_SMALL_BUSINESS"]))
    RegulatoryProfile.model_validate(profile_table(**{table: meeting}))


def test_rules_about_different_things_may_hold_on_one_day() -> None:
    lines = [
        line_cap("a"),
        line_cap("b", currency="USD"),
        line_cap("c", segments=["MICRO_SMALL_BUSINESS"]),
    ]
    RegulatoryProfile.model_validate(profile_table(line_caps=lines))
    twice = [line_cap("a", segments=["CONSUMER", "CONSUMER"])]
    assert "a and a both hold" in _fault(profile_table(line_caps=twice))


def test_a_cap_may_begin_late_and_be_repealed() -> None:
    caps = [rate_cap("cap", since="2022-01-01", until="2023-01-01", percent="24")]
    RegulatoryProfile.model_validate(profile_table(rate_caps=caps))


@pytest.mark.parametrize("segment", BOTH)
def test_both_segments_have_a_notice(segment: str) -> None:
    (other,) = (one for one in BOTH if one != segment)
    said = f"notices {segment}: the profile needs a rule from 2020-01-01 on"
    assert said in _fault(profile_table(notices=[notice(segments=[other])]))


def test_what_is_needed_every_day_neither_begins_late_nor_ends() -> None:
    late = _fault(profile_table(data=[data_rule(since="2020-01-02")]))
    assert "data: nothing holds from 2020-01-01 until 2020-01-02, before data" in late
    ended = _fault(profile_table(reviews=[review(until="2030-01-01")]))
    assert "reviews: nothing holds from 2030-01-01 on, after review" in ended
    RegulatoryProfile.model_validate(profile_table(data=[data_rule(since="1999-01-01")]))


def test_ids_and_references_are_named_once() -> None:
    assert "id: named twice: same" in _fault(
        profile_table(data=[data_rule("same")], reviews=[review("same")])
    )
    doubled = [
        reference(value("v", "2020-01-01", "3")),
        reference(value("w", "2020-01-01", "3")),
    ]
    assert "references: named twice: LPR" in _fault(profile_table(references=doubled))


def test_a_group_is_barred_or_needs_consent() -> None:
    said = "data: what is barred cannot be consented to"
    assert said in _fault(profile_table(data=[data_rule(consent_groups=["social"])]))
    assert "data.0.barred_groups.0" in _fault(
        profile_table(data=[data_rule(barred_groups=["gossip"])])
    )


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"percent": "24", "multiple": "4", "of": "LPR"},
        {"percent": "24", "of": "LPR"},
        {"multiple": "4"},
        {"of": "LPR"},
    ],
)
def test_a_rate_cap_is_a_percentage_or_a_multiple_of_something(form: Table) -> None:
    references = [reference(value("v", "2020-01-01", "3"))]
    table = profile_table(rate_caps=[rate_cap("cap", **form)], references=references)
    assert "cap: give percent, or multiple and of" in _fault(table)


@pytest.mark.parametrize("percent", ["0", "-1", "10001", "1e9", "24.0000001", "NaN", "two", 24])
def test_a_rate_is_exact_and_sensible(percent: object) -> None:
    assert "rate_caps.0.percent" in _fault(
        profile_table(rate_caps=[rate_cap("cap", percent=percent)])
    )
    for fine in ("24", "0.000001", "10000", "3.00"):
        RegulatoryProfile.model_validate(profile_table(rate_caps=[rate_cap("cap", percent=fine)]))


def test_a_multiple_needs_a_reference_on_every_day_it_holds() -> None:
    cap = rate_cap("cap", "2021-01-01", multiple="4", of="LPR")
    missing = "references LPR: cap needs a rule from 2021-01-01 on"
    assert missing in _fault(profile_table(rate_caps=[cap]))
    other = [reference(value("v", "2020-01-01", "3"), name="OTHER")]
    assert missing in _fault(profile_table(rate_caps=[cap], references=other))
    late = [reference(value("v", "2021-01-02", "3"))]
    said = "references LPR: nothing holds from 2021-01-01 until 2021-01-02, before v; cap"
    assert said in _fault(profile_table(rate_caps=[cap], references=late))
    ending = [reference(value("v", "2020-01-01", "3", until="2022-01-01"))]
    said = "references LPR: nothing holds from 2022-01-01 on, after v"
    assert said in _fault(profile_table(rate_caps=[cap], references=ending))
    ended = {**cap, "until": "2022-01-01"}
    RegulatoryProfile.model_validate(profile_table(rate_caps=[ended], references=ending))


def test_a_reference_has_one_value_a_day() -> None:
    values = [value("v", "2020-01-01", "3"), value("w", "2021-01-01", "4")]
    said = "references LPR: v and w both hold on 2021-01-01"
    assert said in _fault(profile_table(references=[reference(*values)]))


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        ({"reviewable": []}, "reviewable names outcomes if and only if may_request"),
        ({"may_request": False}, "reviewable names outcomes if and only if may_request"),
        ({"may_request": False, "reviewable": [], "due_days": 3}, "due_days without may_request"),
        (
            {"refer_above": [{"currency": "CNY", "minor": 1}, {"currency": "CNY", "minor": 2}]},
            "refer_above names a currency twice",
        ),
    ],
)
def test_a_review_rule_makes_sense(bent: Table, said: str) -> None:
    assert f"review: {said}" in _fault(profile_table(reviews=[review(**bent)]))


def test_amounts_are_whole_minor_units_above_0() -> None:
    for minor in (0, -1, 1.5, "1"):
        assert "line_caps.0.minor" in _fault(profile_table(line_caps=[line_cap("a", minor=minor)]))
    referring = review(refer_above=[{"currency": "CNY", "minor": 0}])
    assert "reviews.0.refer_above.0.minor" in _fault(profile_table(reviews=[referring]))


def test_a_notice_holds_known_items_and_at_least_one() -> None:
    assert "notices.0.contents" in _fault(profile_table(notices=[notice(contents=[])]))
    assert "notices.0.contents.0" in _fault(profile_table(notices=[notice(contents=["A_SMILE"])]))
