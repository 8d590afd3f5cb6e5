"""A question for a limit: what may be used of it, on which day, and whether it may be asked."""

import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from protocols.contracts.applicants import Applicant, RequestError
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.money import MAX_MINOR
from protocols.contracts.regulation import RegulatoryProfile
from protocols.decision_errors import (
    ConsentError,
    DataNotPermittedError,
    ProfileDateError,
    RateCapError,
)
from protocols.wire import decisions_v1_pb2 as decisions
from server.journal.record import Draft, Key
from server.serving.attempts import Refusal
from server.serving.limit_question import LimitQuestion, Weighing
from server.serving.questions import drafts_of
from server.serving.reader import Reader
from server.serving.rulebooks import Rulebook, always
from tests.unit.protocols.contracts.profiles import data_rule, profile_table
from tests.unit.server.serving.grouped import FRESH, asked, grouped_release, packed, rulebook
from tests.unit.server.serving.world import POLICY_TOML, applicant, policy_table

READER = Reader(grouped_release())
NOON = datetime(2026, 11, 27, 17, tzinfo=UTC)  # in New York
STALE = {"bureau": "2026-10-27", "social": "2026-11-27"}  # one day too old


def _drafts(
    *requests: LimitRequest, by: Rulebook | None = None, at: datetime = NOON
) -> Sequence[Draft | Refusal]:
    questions = [
        LimitQuestion("platform", request, always(by or rulebook())) for request in requests
    ]
    return drafts_of(questions, by=READER, at=at)


def _decision(
    request: LimitRequest, *, by: Rulebook | None = None, at: datetime = NOON
) -> decisions.LimitDecision:
    (draft,) = _drafts(request, by=by, at=at)
    assert isinstance(draft, Draft), draft
    return decisions.DecideLimitResponse.FromString(draft.answer(1)).decision


def _refusal(request: LimitRequest, **rest: object) -> Refusal:
    (refusal,) = _drafts(request, **rest)
    assert not isinstance(refusal, Draft)
    return refusal


def _faults(request: LimitRequest, **rest: object) -> list[tuple[str, str]]:
    refusal = _refusal(request, **rest)
    assert isinstance(refusal, RequestError)
    return [(item.field, item.rule) for item in refusal.violations]


def _changed(**consumer: object) -> Rulebook:
    table = policy_table()
    consumers = {**table["segments"]["CONSUMER"], **consumer}
    return rulebook(segments={"CONSUMER": consumers})


def _law(*, freshness: bool = False, **data: object) -> Rulebook:
    """Return a policy under a law that says this of data, and nothing else."""
    says = {"barred_groups": [], "consent_groups": [], "needs_consent": False, **data}
    profile = RegulatoryProfile.model_validate(profile_table(data=[data_rule(**says)]))
    return Rulebook((rulebook() if freshness else rulebook(freshness=[])).policy, profile)


def _of_applicant(without: Sequence[str] = ()) -> Applicant:
    """Return the applicant without some fields."""
    full = applicant()
    return Applicant(
        numbers={name: value for name, value in full.numbers.items() if name not in without},
        categories={name: it for name, it in full.categories.items() if name not in without},
    )


def _same(one: decisions.LimitDecision, other: decisions.LimitDecision) -> bool:
    """Return whether two decisions say the same, whatever each was asked."""
    for message in (one, other):
        for name in ("decision_id", "request_id", "features_digest"):
            message.ClearField(name)
    return one == other


def test_a_draft_is_stored_under_its_tenant_method_and_request_id() -> None:
    (draft,) = _drafts(asked())
    assert isinstance(draft, Draft)
    assert draft.key == Key("platform", "DecideLimit", "request-1")
    assert (draft.body_digest, draft.answered_at) == (asked().body_digest, NOON)
    message = decisions.DecideLimitResponse.FromString(draft.answer(7)).decision
    assert (message.decision_id, message.journal_position) == (draft.answer_id, 7)
    assert message.features_digest == draft.body_digest
    assert message.calibration_digest == READER.calibration_digest


def test_each_question_of_a_drain_is_decided_or_refused_by_itself() -> None:
    requests = [asked(), asked(currency="EUR"), asked(request_id="request-2")]
    kinds = [isinstance(item, Draft) for item in _drafts(*requests)]
    assert kinds == [True, False, True]


MISSING = ["utilisation", "inquiries", "term"]  # all of bureau


@pytest.mark.parametrize("form", [packed, lambda named: named], ids=["packed", "named"])
@pytest.mark.parametrize(
    ("observed", "why"), [(STALE, "STALE"), ({}, "STALE"), (FRESH, "NOT_PERMITTED")]
)
def test_what_may_not_be_used_counts_as_missing_and_never_as_what_it_was(
    form: Callable[[Applicant], object], observed: dict[str, str], why: str
) -> None:
    by = _law(consent_groups=["bureau"]) if why == "NOT_PERMITTED" else rulebook()
    given, bare = form(_of_applicant()), form(_of_applicant(without=MISSING))
    decision = _decision(asked(features=given, observed=observed), by=by)
    assert [(item.group, item.why) for item in decision.withheld] == [("bureau", why)]
    assert {reason.is_missing for reason in decision.reasons if reason.field in MISSING} <= {True}
    assert decision.p_default != _decision(asked(features=given)).p_default
    assert _same(decision, _decision(asked(features=bare, observed=observed), by=by))


def test_packed_and_named_values_get_the_same_decision() -> None:
    named = _decision(asked(observed=STALE))
    assert _same(named, _decision(asked(features=packed(applicant()), observed=STALE)))


def test_to_refuse_consent_changes_the_route_and_fails_nothing() -> None:
    by = _law(consent_groups=["bureau", "social"])
    consent = {"groups": ["social"], "granted_on": "2026-11-27", "expires_on": "2026-11-28"}
    withheld = [item.group for item in _decision(asked(consents=[consent]), by=by).withheld]
    assert withheld == ["bureau"]
    assert [item.group for item in _decision(asked(), by=by).withheld] == ["bureau", "social"]


def test_a_value_of_a_barred_group_refuses_the_question_and_none_of_it_does_not() -> None:
    by = _law(barred_groups=["social"])
    assert isinstance(_refusal(asked(), by=by), DataNotPermittedError)
    assert isinstance(_refusal(asked(features=packed(applicant())), by=by), DataNotPermittedError)
    bare = _of_applicant(without=["home"])
    assert _decision(asked(features=bare), by=by).withheld == []
    assert _decision(asked(features=packed(bare)), by=by).withheld == []


def test_a_barred_value_is_refused_even_where_it_is_stale_or_not_consented_to() -> None:
    by = _law(barred_groups=["bureau"])
    assert isinstance(_refusal(asked(observed={}), by=by), DataNotPermittedError)


def test_the_law_may_need_a_consent_at_all() -> None:
    by = _law(needs_consent=True)
    assert isinstance(_refusal(asked(), by=by), ConsentError)


THIN = {
    "group": "bureau",
    "fewest_known": 2,
    "ladder": [{"months_on_book": 0, "limit_minor": 200_000}],
}


@pytest.mark.parametrize(
    ("without", "observed", "is_thin"),
    [
        ([], FRESH, False),
        (["term", "income", "home"], FRESH, False),
        (["utilisation", "term"], FRESH, True),
        ([], STALE, True),
    ],
)
def test_a_file_is_thin_by_what_may_be_used_of_it(
    without: list[str], observed: dict[str, str], is_thin: bool
) -> None:
    request = asked(features=_of_applicant(without), observed=observed)
    decision = _decision(request, by=_changed(thin_file=THIN))
    assert ("THIN_FILE" in [cap.name for cap in decision.components]) == is_thin


# Days.
@pytest.mark.parametrize(
    ("zone", "last_second"),
    [
        ("America/New_York", datetime(2026, 11, 28, 4, 59, 59, 999_999, tzinfo=UTC)),
        ("Asia/Shanghai", datetime(2026, 11, 27, 15, 59, 59, 999_999, tzinfo=UTC)),
        ("UTC", datetime(2026, 11, 27, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_a_day_ends_with_its_last_second_in_the_policy_s_time_zone(
    zone: str, last_second: datetime
) -> None:
    by = rulebook(time_zone=zone, freshness=[])
    before = _decision(asked(), by=by, at=last_second)
    after = _decision(asked(), by=by, at=last_second + timedelta(microseconds=1))
    assert (before.valid_until, after.valid_until) == ("2026-12-27", "2026-12-28")
    assert before.decided_at.ToDatetime(tzinfo=UTC) == last_second


def test_a_consent_and_the_age_of_values_count_by_that_day_too() -> None:
    by = _law(consent_groups=["social"], freshness=True)
    until = {"groups": ["social"], "granted_on": "2026-11-01", "expires_on": "2026-11-28"}
    request = asked(consents=[until], observed={"bureau": "2026-10-28"})
    last_second = datetime(2026, 11, 28, 4, 59, 59, tzinfo=UTC)
    assert _decision(request, by=by, at=last_second).withheld == []
    after = _decision(request, by=by, at=last_second + timedelta(seconds=1))
    assert [(item.group, item.why) for item in after.withheld] == [
        *(("bureau", "STALE"), ("social", "NOT_PERMITTED"))
    ]


def test_a_day_before_the_profile_s_first_is_refused() -> None:
    first = datetime(2016, 10, 3, 4, tzinfo=UTC)  # midnight in New York
    by = rulebook(freshness=[])
    assert _decision(asked(), by=by, at=first).profile == "us"
    refusal = _refusal(asked(), by=by, at=first - timedelta(microseconds=1))
    assert isinstance(refusal, ProfileDateError)


# What may be asked.
def test_a_currency_that_is_not_the_contract_s_is_refused() -> None:
    assert _faults(asked(currency="EUR")) == [("currency", "must be USD")]


def test_a_currency_that_is_not_the_policy_s_is_refused() -> None:
    assert _faults(asked(), by=rulebook(currency="EUR")) == [
        ("currency", "must be EUR, the policy's")
    ]


def test_a_segment_that_the_policy_does_not_have_is_refused() -> None:
    assert _faults(asked(segment="MICRO_SMALL_BUSINESS")) == [
        ("segment", "the policy has no such borrowers")
    ]


def test_a_term_that_no_plan_has_is_refused() -> None:
    assert _faults(asked(months=13)) == [("months", "the policy has no plan over that term")]
    assert {offer.months for offer in _decision(asked(months=36)).offers} == {36}
    two = [{"method": "BULLET", "day_count": "ACT/365F", "months": [6]}, policy_table()["plans"][0]]
    for months in (6, 12):
        (offer,) = _decision(asked(months=months), by=rulebook(plans=two)).offers
        assert offer.months == months


def test_a_product_that_is_not_the_policy_s_is_refused() -> None:
    assert _faults(asked(product="mortgage")) == [
        ("product", "is none that this server decides on")
    ]
    assert _decision(asked(product="test-loan")).product == "test-loan"


def test_what_is_owed_elsewhere_must_be_said_where_the_policy_caps_it() -> None:
    by = _changed(obligor_maximum_minor=1_000_000)
    assert _faults(asked(), by=by) == [
        ("circumstances.exposure_elsewhere_minor", "the policy needs it")
    ]
    nothing = asked(subject="ann", circumstances={"exposure_elsewhere_minor": 0})
    assert "OBLIGOR" in [cap.name for cap in _decision(nothing, by=by).components]


def test_nobody_in_particular_gets_no_offer_where_offers_are_counted() -> None:
    by = _changed(obligor_maximum_minor=1_000_000)
    nothing = asked(circumstances={"exposure_elsewhere_minor": 0})
    assert _faults(nothing, by=by) == [("subject", "the policy needs it, to count offers together")]
    weighing = Weighing(nothing, by, READER, NOON)  # as a decision of before is made again
    assert weighing.counts_offers


def test_every_fault_is_told_at_once() -> None:
    request = asked(segment="MICRO_SMALL_BUSINESS", months=13, product="mortgage")
    named = [field for field, _ in _faults(request, by=rulebook(currency="EUR"))]
    assert named == ["product", "currency", "segment", "months"]


def test_a_line_whose_money_adds_up_to_more_than_there_is_is_refused() -> None:
    line = {
        "limit_minor": 1,
        "outstanding_minor": MAX_MINOR,
        "reserved_minor": 1,
        "changed_on": "2026-01-01",
    }
    assert _faults(asked(line=line)) == [
        ("line", "outstanding and reserved are more than money can be")
    ]
    assert _decision(asked(line={**line, "reserved_minor": 0})).available_minor == 0


def test_a_price_above_the_law_s_cap_is_refused() -> None:
    bands = tomllib.loads(POLICY_TOML.replace('"0.09"', '"0.4"').replace('"0.18"', '"0.4"'))
    by = _changed(bands=bands["segments"]["CONSUMER"]["bands"])
    refusal = _refusal(asked(), by=by)
    assert isinstance(refusal, RateCapError)
    assert "us-mla-36 of 2016-10-03" in str(refusal)
