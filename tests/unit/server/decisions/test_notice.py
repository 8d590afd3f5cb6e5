"""A notice says what the law of the day lists, from the catalogue, and makes nothing up."""

from datetime import date

import pytest

from protocols.contracts.decisions import LimitDecision
from protocols.contracts.explanations import NOT_SAID, Lender, Notice
from server.decisions.notice import Given, Scale, is_adverse, notice_of
from server.decisions.regulation import load_profiles, rules_on
from tests.unit.protocols.answers import WHY, make_decision

PROFILES = load_profiles()
DAY = date(2026, 11, 27)
LENDER = Lender(
    name_and_address="Bank of Somewhere, 1 Main Street",
    supervisor="The Bureau, 2 Main Street",
    report_source="The Agency, 3 Main Street",
    databases="The register: nothing found",
    contest="write to 1 Main Street",
)
SCALE = Scale(lowest=301, highest=847, factors_zh={"R.INCOME": "收入较低。"})
MISSING = [
    *("CREDITOR_NAME_AND_ADDRESS", "SUPERVISOR_NAME_AND_ADDRESS", "SCORE_RANGE"),
    *("REPORT_SOURCE", "CONTEST_PROCEDURE"),
]


def _decision(**changes: object) -> LimitDecision:
    return make_decision(**{"segment": "CONSUMER", "currency": "USD", **changes})


def _given(
    decision: LimitDecision,
    profile: str = "us",
    lender: Lender = LENDER,
    scale: Scale | None = SCALE,
) -> Given:
    return Given(decision, DAY, rules_on(PROFILES[profile], DAY), lender, scale)


def _items(notice: Notice) -> dict[str, str]:
    return {item.name: item.text for item in notice.items}


def test_every_profile_gets_all_that_it_lists_and_what_is_always_said() -> None:
    always = {
        *("ACTION_TAKEN", "PRINCIPAL_REASONS", "SCORE_SOURCE", "AUTOMATED_PROCESSING"),
        *("HUMAN_REVIEW_RIGHT", "CONTEST_PROCEDURE"),
    }
    for name in PROFILES:
        for segment in ("CONSUMER", "MICRO_SMALL_BUSINESS"):
            given = _given(_decision(segment=segment), name)
            rule = given.rules.notice(given.decision.segment)
            notice = notice_of(given, "en")
            assert set(_items(notice)) == {*rule.contents, *always}
            assert (notice.missing, notice.profile, notice.rule) == ((), name, rule.id)
            assert notice.source == rule.source


def test_what_only_the_lender_can_say_is_named_as_missing_and_never_made_up() -> None:
    notice = notice_of(_given(_decision(), lender=NOT_SAID, scale=None), "en")
    assert list(notice.missing) == MISSING
    assert not set(_items(notice)) & set(MISSING)
    assert "{" not in notice.text


def test_the_text_holds_decision_reasons_score_and_where_they_came_from() -> None:
    decision = _decision()
    items = _items(notice_of(_given(decision), "en"))
    assert items["ACTION_TAKEN"] == (
        "On 2026-11-27, of the 15,000.05 USD that you asked for, 12,000.00 USD was approved."
    )
    assert items["PRINCIPAL_REASONS"] == "The principal reasons for this:\n- Too low."
    assert items["SCORE_KEY_FACTORS"] == "What lowered your score most:\n- Low income."
    assert (
        items["CREDIT_SCORE"] == "Your credit score that was used is 584. A higher score is better."
    )
    assert items["SCORE_RANGE"] == "Scores of this kind range from 301 to 847."
    assert decision.release_digest.hex() in items["SCORE_SOURCE"]
    assert items["CREDITOR_NAME_AND_ADDRESS"] == f"The creditor: {LENDER.name_and_address}"


def test_chinese_says_the_same_in_chinese() -> None:
    items = _items(notice_of(_given(_decision()), "zh"))
    assert items["ACTION_TAKEN"] == "2026-11-27，您申请的15,000.05 USD中批准了12,000.00 USD。"
    assert items["PRINCIPAL_REASONS"] == "主要原因：\n· 过低。"
    assert items["SCORE_KEY_FACTORS"] == "使您评分降低最多的因素：\n· 收入较低。"


@pytest.mark.parametrize(
    ("outcome", "change", "said"),
    [
        ("DECLINE", "INITIAL", "was declined"),
        ("NOT_DECIDED", "INITIAL", "could not be decided"),
        ("DECLINE", "FREEZE", "was frozen"),
        ("COUNTEROFFER", "DECREASE", "was reduced to"),
        ("COUNTEROFFER", "UNCHANGED", "was left at"),
        ("COUNTEROFFER", "INCREASE", "was raised to"),
    ],
)
def test_the_first_item_says_what_was_done(outcome: str, change: str, said: str) -> None:
    notice = notice_of(_given(_decision(outcome=outcome, change=change)), "en")
    assert said in _items(notice)["ACTION_TAKEN"]
    assert notice.text.startswith(_items(notice)["ACTION_TAKEN"])


def test_it_is_due_when_the_law_says() -> None:
    # 12 CFR 1002.9(a)(1): 30 days; 1002.12(b): 25 months. China and the Union name no number.
    notice = notice_of(_given(_decision()), "en")
    assert (notice.due_on, notice.retention_months) == ("2026-12-27", 25)
    for name in ("cn-bank", "eu-ccd2"):
        notice = notice_of(_given(_decision(), name), "en")
        assert (notice.due_on, notice.retention_months) == ("", 0)


def test_a_right_to_review_is_said_to_be_one_only_where_the_law_gives_it() -> None:
    right = "You have the right to have this decision reviewed"
    said = {
        name: _items(notice_of(_given(_decision(), name), "en"))["HUMAN_REVIEW_RIGHT"]
        for name in PROFILES
    }
    assert {name for name, text in said.items() if text.startswith(right)} == {
        *("cn-bank", "cn-micro-lender", "eu-ccd2"),
    }
    assert said["eu-ccd2"].endswith("answered within 28 days.")
    assert said["us"] == "You may ask that this decision is reviewed by a person, and appeal."


def test_at_most_four_reasons_are_given() -> None:
    whys = tuple(WHY.model_copy(update={"sentence": f"Reason {n}."}) for n in range(4))
    items = _items(notice_of(_given(_decision(principal_reasons=whys)), "en"))
    assert items["PRINCIPAL_REASONS"].count("- Reason") == 4


def test_nothing_lowered_the_score_is_not_said_in_an_empty_list() -> None:
    notice = notice_of(_given(_decision(reasons=())), "en")
    assert "SCORE_KEY_FACTORS" not in {*_items(notice), *notice.missing}


def test_no_notice_is_owed_of_an_approval_or_before_a_person_has_decided() -> None:
    approved = _decision(outcome="APPROVE", principal_reasons=())
    referred = _decision(outcome="REFER")
    for decision in (approved, referred):
        assert not is_adverse(decision)
        assert notice_of(_given(decision), "en") == Notice(is_owed=False)


def test_braces_in_what_a_lender_says_are_only_text() -> None:
    lender = LENDER.model_copy(update={"contest": "{release} {nobody}"})
    items = _items(notice_of(_given(_decision(), lender=lender), "en"))
    assert items["CONTEST_PROCEDURE"] == "To ask for a review or to appeal: {release} {nobody}"
