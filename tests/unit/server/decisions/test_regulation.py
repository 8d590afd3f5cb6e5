"""The profiles that are shipped, number by number with its citation; the day each rule begins."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources

import pytest

from protocols.contracts.regulation import RegulatoryProfile, Segment
from protocols.decision_errors import ProfileDateError
from protocols.errors import ContractError
from server.decisions.regulation import (
    PROFILE_NAMES,
    RateCap,
    Rules,
    load_profiles,
    profile_from_text,
    rules_on,
)
from tests.unit.protocols.contracts.profiles import (
    data_rule,
    profile_table,
    rate_cap,
    reference,
    value,
)

PROFILES = load_profiles()
US_TEXT = (resources.files("server.decisions") / "profiles" / "us.toml").read_text("utf-8")
EVERY_NUMBER = {
    # Reference c4, row "CN internet-loan measures 2020": 200k, now 300k CNY; bullet <= 1 year;
    # yearly re-assessment over 1 year. Finding 5: 24 % all-in from 2025-10-01.
    "cn-bank-online-consumer-200k": {"minor": 20_000_000},
    "cn-bank-online-consumer-300k": {"minor": 30_000_000},
    "cn-bank-facilitated-24": {"percent": "24"},
    "cn-bank-bullet-12": {"longest_months": 12},
    "cn-bank-reassessment-12": {"every_months": 12, "tenor_above_months": 12},
    # GB/T 35273-2020, 8.7, recommended: 30 days to answer a person.
    "cn-bank-review-2021": {"due_days": 30},
    "cn-micro-review": {"due_days": 30},
    # NFRA 26 of 2024: CNY 200,000 for consumption, 10,000,000 for business.
    "cn-micro-consumer-200k": {"minor": 20_000_000},
    "cn-micro-business-10m": {"minor": 1_000_000_000},
    # Reference finding 5: stop > 24 % now, new loans <= 4 x one-year LPR by the end of 2027.
    "cn-micro-24": {"percent": "24"},
    "cn-micro-four-times-lpr": {"multiple": "4"},
    # Reference c4, row "CN NFRA 2025-9": one-year LPR 3.00 %, 4 x = 12.00 %; before it 3.10 %.
    "lpr-1y-2024-10-21": {"percent": "3.10"},
    "lpr-1y-2025-05-20": {"percent": "3.00"},
    # Reference c4, row "AI Act (from 2027-12-02)": logs >= 6 months.
    "eu-notice-consumer-2027": {"retention_months": 6},
    "eu-notice-business-2027": {"retention_months": 6},
    # Directive (EU) 2023/2225, art. 24(3): 30 days. GDPR art. 12(3): a month, never below 28 days.
    "eu-overdraft-decrease-30": {"days": 30},
    "eu-review": {"due_days": 28},
    # Reference c4, row "Reg Z; MLA 32 CFR 232.4": 36 % MAPR for covered borrowers.
    "us-mla-36": {"percent": "36"},
    # Reference c4, row "Reg B 1002.9": 30 days, four reasons, 25 months (12 for business).
    "us-notice-consumer": {"within_days": 30, "most_reasons": 4, "retention_months": 25},
    "us-notice-business": {"within_days": 30, "most_reasons": 4, "retention_months": 12},
    # Reference c1, "Increase": 45 days, 12 CFR 1026.9(c)(2)(vi).
    "us-card-decrease-45": {"days": 45},
}
NUMBERS = {
    "minor",
    "percent",
    "multiple",
    "longest_months",
    "every_months",
    "tenor_above_months",
    "due_days",
    "days",
    "within_days",
    "most_reasons",
    "retention_months",
}


def _on(name: str, day: str) -> Rules:
    return rules_on(PROFILES[name], date.fromisoformat(day))


def _annual(name: str, day: str, segment: Segment = "CONSUMER") -> Decimal | None:
    cap = _on(name, day).rate_cap(segment)
    return None if cap is None else cap.annual


def _made(**tables: object) -> RegulatoryProfile:
    return RegulatoryProfile.model_validate(profile_table(**tables))


def test_the_four_profiles_are_shipped() -> None:
    assert tuple(PROFILES) == PROFILE_NAMES == ("cn-bank", "cn-micro-lender", "eu-ccd2", "us")
    assert all(profile.name == name for name, profile in PROFILES.items())
    assert len({profile.digest for profile in PROFILES.values()}) == 4


def test_every_number_in_them_is_one_that_a_source_gives() -> None:
    found: dict[str, Mapping[str, object]] = {}
    for profile in PROFILES.values():
        for _, rule in profile.rules():
            numbers = rule.model_dump(include=NUMBERS, exclude_none=True)
            if numbers:
                found[rule.id] = numbers
    assert found == EVERY_NUMBER


def test_no_number_hides_under_another_name() -> None:
    known = NUMBERS | {"id", "from_day", "until", "source"}
    for profile in PROFILES.values():
        for _, rule in profile.rules():
            rest = rule.model_dump(exclude=known, exclude_none=True)
            assert not any(isinstance(said, int) and said not in (0, 1) for said in rest.values())
            assert rest.get("refer_above", ()) == ()  # no source gives an amount


def test_who_could_not_confirm_says_so() -> None:
    unsure = ("confirm", "as remembered", "as reported", "as summarised", "this profile")
    text = {rule.id: rule.source for p in PROFILES.values() for _, rule in p.rules()}
    for name in ("cn-bank-facilitated-24", "cn-micro-24", "cn-bank-review-2021", "eu-review"):
        assert any(word in text[name] for word in unsure)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("cn-bank", "2020-07-17"),  # CBIRC order 9 of 2020: in force when published
        ("cn-micro-lender", "2025-12-24"),  # reference finding 5
        ("eu-ccd2", "2026-11-20"),  # reference finding 4
        ("us", "2016-10-03"),  # 80 FR 43560: compliance
    ],
)
def test_a_day_before_the_first_has_no_rules(name: str, first: str) -> None:
    assert _on(name, first).profile == name
    before = date.fromisoformat(first) - timedelta(days=1)
    with pytest.raises(ProfileDateError, match=f"profile {name} holds no rules for that date"):
        rules_on(PROFILES[name], before)
    assert issubclass(ProfileDateError, ContractError)


def test_the_line_of_an_online_consumer_rose_in_march_2025() -> None:
    # yicaiglobal.com 2025-03-24: CNY 200,000 to 300,000.
    for day, minor in (("2025-03-23", 20_000_000), ("2025-03-24", 30_000_000)):
        cap = _on("cn-bank", day).line_cap("CONSUMER", "CNY")
        assert cap is not None
        assert cap.minor == minor
        assert cap.since <= date.fromisoformat(day)
    assert _on("cn-bank", "2025-03-24").line_cap("MICRO_SMALL_BUSINESS", "CNY") is None


def test_the_24_percent_of_a_bank_began_on_the_1st_of_october_2025() -> None:
    # NFRA notice 9 of 2025, in force 2025-10-01.
    assert _annual("cn-bank", "2025-09-30") is None
    assert _annual("cn-bank", "2025-10-01") == Decimal("0.24")
    assert _annual("cn-bank", "2025-10-01", "MICRO_SMALL_BUSINESS") == Decimal("0.24")


def test_a_micro_lender_comes_down_to_four_times_the_lpr_when_2027_ends() -> None:
    # Reference c4: one-year LPR 3.00 %, four times it 12.00 %.
    assert _annual("cn-micro-lender", "2027-12-31") == Decimal("0.24")
    cap = _on("cn-micro-lender", "2028-01-01").rate_cap("CONSUMER")
    assert cap is not None
    assert (cap.id, cap.annual) == ("cn-micro-four-times-lpr", Decimal("0.12"))
    assert (cap.basis, cap.binds) == ("ALL_IN_COST_CN", "EVERY_BORROWER")
    assert cap.since == date(2028, 1, 1)
    assert "the one-year loan prime rate" in cap.source
    assert "3.00 %: anews.com.tr" in cap.source


def test_a_statement_of_cost_is_signed_from_august_2026() -> None:
    # Reference finding 5: from 2026-08-01.
    assert "CONSUMER" not in _on("cn-bank", "2026-07-31").cost_statements
    assert _on("cn-bank", "2026-08-01").cost_statements["CONSUMER"].is_signed
    assert not _on("cn-micro-lender", "2026-07-31").cost_statements["CONSUMER"].is_signed
    assert _on("cn-micro-lender", "2026-08-01").cost_statements["CONSUMER"].is_signed


def test_social_data_is_barred_in_the_union_and_needs_consent_in_china() -> None:
    # Reference finding 4: CCD2 bars social-network data; a switch for each jurisdiction.
    union, bank = _on("eu-ccd2", "2026-11-20"), _on("cn-bank", "2026-11-20")
    assert union.barred_groups == {"social"}
    assert "social" not in union.consent_groups
    assert bank.barred_groups == frozenset()
    assert bank.consent_groups == {"bureau", "transaction", "consumption", "social"}
    assert (union.needs_consent, bank.needs_consent) == (False, True)
    united = _on("us", "2026-11-20")
    assert (united.barred_groups, united.consent_groups) == (frozenset(), frozenset())


def test_logs_are_kept_once_the_ai_act_applies() -> None:
    # Reference finding 4: Annex III applies from 2027-12-02.
    for segment in ("CONSUMER", "MICRO_SMALL_BUSINESS"):
        assert _on("eu-ccd2", "2027-12-01").notice(segment).retention_months is None
        assert _on("eu-ccd2", "2027-12-02").notice(segment).retention_months == 6


def test_a_review_by_a_person_may_be_asked_for_since_the_law_on_personal_information() -> None:
    # Personal Information Protection Law, art. 24, in force 2021-11-01.
    assert not _on("cn-bank", "2021-10-31").review.may_request
    assert _on("cn-bank", "2021-11-01").review.may_request
    assert _on("cn-bank", "2021-10-31").review.needs_own_triggers
    assert _on("eu-ccd2", "2026-11-20").review.reviewable == ("DECLINE", "COUNTEROFFER", "DECREASE")
    assert not _on("us", "2026-11-20").review.may_request


def test_a_notice_in_the_united_states_depends_on_the_segment() -> None:
    rules = _on("us", "2026-11-20")
    consumer, business = rules.notice("CONSUMER"), rules.notice("MICRO_SMALL_BUSINESS")
    assert (consumer.retention_months, business.retention_months) == (25, 12)
    assert "CREDIT_SCORE" in consumer.contents  # FCRA 615(a) is about consumers
    assert "CREDIT_SCORE" not in business.contents
    assert rules.decrease_notices["CONSUMER"].before == "OVER_LIMIT_CHARGE"
    assert "MICRO_SMALL_BUSINESS" not in rules.decrease_notices


def test_a_cap_for_covered_borrowers_binds_whoever_may_be_one() -> None:
    rules = _on("us", "2026-11-20")
    cap = rules.rate_cap("CONSUMER")
    assert isinstance(cap, RateCap)
    assert (cap.annual, cap.binds) == (Decimal("0.36"), "COVERED_BORROWERS")
    assert rules.rate_cap("CONSUMER", is_covered=False) is None
    assert rules.rate_cap("MICRO_SMALL_BUSINESS") is None
    everyone = _on("cn-bank", "2026-11-20")
    assert everyone.rate_cap("CONSUMER", is_covered=False) == everyone.rate_cap("CONSUMER")


def test_a_bullet_is_short_where_the_law_says_so() -> None:
    bank = _on("cn-bank", "2026-11-20")
    assert bank.longest_bullet_months("CONSUMER") == 12
    assert bank.longest_bullet_months("MICRO_SMALL_BUSINESS") is None
    assert bank.reassessments["MICRO_SMALL_BUSINESS"].every_months == 12
    assert _on("eu-ccd2", "2026-11-20").longest_bullet_months("CONSUMER") is None


def test_a_cap_in_another_currency_cannot_be_checked() -> None:
    bank = _on("cn-bank", "2026-11-20")
    with pytest.raises(ContractError, match="currency: profile cn-bank caps lines in another one"):
        bank.line_cap("CONSUMER", "USD")
    assert bank.line_cap("MICRO_SMALL_BUSINESS", "USD") is None
    assert _on("us", "2026-11-20").line_cap("CONSUMER", "CNY") is None


def test_a_multiple_follows_its_reference_from_the_day_it_moves() -> None:
    values = [
        value("old", "2020-01-01", "3.1", until="2021-05-20"),
        value("new", "2021-05-20", "3.05"),
    ]
    made = _made(
        rate_caps=[rate_cap("cap", "2021-01-01", multiple="4", of="LPR")],
        references=[reference(*values)],
    )
    before = rules_on(made, date(2021, 5, 19)).rate_cap("CONSUMER")
    after = rules_on(made, date(2021, 5, 20)).rate_cap("CONSUMER")
    assert before is not None
    assert after is not None
    assert (before.annual, before.since) == (Decimal("0.124"), date(2021, 1, 1))
    assert (after.annual, after.since) == (Decimal("0.122"), date(2021, 5, 20))


def test_the_same_profile_and_day_are_looked_up_once() -> None:
    day = date(2026, 11, 20)
    assert rules_on(PROFILES["us"], day) is rules_on(load_profiles()["us"], day)
    assert rules_on(PROFILES["us"], day) is not rules_on(PROFILES["us"], day + timedelta(days=1))
    assert rules_on(PROFILES["us"], day).digest == PROFILES["us"].digest
    looser = _made(data=[data_rule(needs_consent=False)])
    assert rules_on(looser, day).needs_consent != rules_on(_made(), day).needs_consent


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema = ", "profile land: not TOML"),
        ("schema = 1", "profile land: name: Field required"),
        ("schema = 1\nvalid_from = 2020-01-01", "valid_from: Input should be a valid string"),
    ],
)
def test_a_file_that_is_no_profile_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        profile_from_text(text, name="land")


def test_a_profile_calls_itself_by_the_name_of_its_file() -> None:
    with pytest.raises(ContractError, match="profile land: calls itself otherwise"):
        profile_from_text(US_TEXT, name="land")
    assert profile_from_text(US_TEXT, name="us") == PROFILES["us"]
