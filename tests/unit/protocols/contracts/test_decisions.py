"""What may be asked of a limit and what may be answered, and when two questions are the same."""

from datetime import date

import pytest
from pydantic import ValidationError

from protocols.contracts.applicants import Applicant, PackedApplicant, request_error
from protocols.contracts.decisions import Circumstances, Consent, LimitRequest, Line
from protocols.contracts.facts import FACT_RANGES
from tests.unit.protocols.answers import make_decision

NAMED = Applicant(
    numbers={"income": 41_234.5678, "utilisation": 0.777123}, categories={"home": "rent"}
)
PACKED = PackedApplicant(
    contract_digest=bytes(range(32)), numbers=(1.5, float("nan"), -0.0), codes=(1, 3)
)
LINE = {"limit_minor": 1_000_000, "outstanding_minor": 5, "changed_on": "2026-01-31"}
CONSENT = {"groups": ["bureau"], "granted_on": "2026-01-01", "expires_on": "2026-12-31"}


def _asked(**changes: object) -> LimitRequest:
    table: dict[str, object] = {
        "request_id": "r",
        "features": NAMED,
        "requested_amount_minor": 700_000,
        "currency": "USD",
    }
    return LimitRequest.model_validate(table | changes)


def _fault(**changes: object) -> str:
    with pytest.raises(ValidationError) as caught:
        _asked(**changes)
    return ".".join(map(str, caught.value.errors()[0]["loc"]))


# As version 0.1.0 computed them before a limit's question could hold more: answers that were
# given then are found again by them.
@pytest.mark.parametrize(
    ("features", "subject", "digest"),
    [
        (NAMED, "", "6fc7bf605a0dfb87bc8625d3a1b2175042aaad4c6ad1f2ddd0dfd82e464fac69"),
        (NAMED, "person-1", "c94b221fcc39215aa2ddf54f994e2340dd66f7fbdda247aeab22ff419f946fc6"),
        (PACKED, "", "abe2ef85e69c2fa952c4cbbe8e4970b904acc80a8de5c587af82e6bb0057585c"),
        (PACKED, "person-1", "01f3a65ea1262b61b874bbd4f28fa971fe7be0f2a85d594f5ff027ff80370a9f"),
    ],
)
def test_a_question_as_it_was_asked_before_keeps_its_digest(
    features: object, subject: str, digest: str
) -> None:
    assert _asked(features=features, subject=subject).body_digest.hex() == digest


def test_what_is_said_by_default_is_not_said() -> None:
    empty = _asked(
        product="",
        segment="CONSUMER",
        months=None,
        circumstances={"facts": {}},
        consents=[],
        observed={},
        line=None,
    )
    assert empty.body_digest == _asked().body_digest
    held = _asked(line={**LINE, "reserved_minor": 0, "worse_reviews": 0})
    assert held.body_digest == _asked(line=LINE).body_digest


def test_the_order_of_counted_decisions_is_nothing() -> None:
    first, other = ({"counted_decisions": ids} for ids in (["d-2", "d-1"], ["d-1", "d-2", "d-1"]))
    one, two = _asked(circumstances=first), _asked(circumstances=other)
    assert one.circumstances.counted_decisions == ("d-1", "d-2")
    assert one.body_digest == two.body_digest


def test_messages_are_in_the_words_of_who_writes_json() -> None:
    with pytest.raises(ValidationError) as caught:
        _asked(circumstances={"counted_decisions": "d-1"})
    (said,) = request_error(caught.value).violations
    assert (said.field, said.rule) == (
        "circumstances.counted_decisions",
        "Input should be a valid list",
    )


MORE: list[dict[str, object]] = [
    {"product": "loan"},
    {"segment": "MICRO_SMALL_BUSINESS"},
    {"months": 12},
    {"months": 24},
    {"circumstances": {"monthly_income_minor": 0}},
    {"circumstances": {"monthly_income_minor": 1}},
    {"circumstances": {"monthly_obligations_minor": 0}},
    {"circumstances": {"exposure_elsewhere_minor": 0}},
    {"circumstances": {"counted_decisions": ["decision-1"]}},
    {"circumstances": {"counted_decisions": ["decision-1", "decision-2"]}},
    {"circumstances": {"facts": {"days_past_due": 0}}},
    {"circumstances": {"facts": {"days_past_due": 1}}},
    {"circumstances": {"facts": {"fraud_flags": 0}}},
    {"consents": [CONSENT]},
    {"consents": [CONSENT, CONSENT]},
    {"consents": [{**CONSENT, "groups": ["social"]}]},
    {"consents": [{**CONSENT, "granted_on": "2026-01-02"}]},
    {"consents": [{**CONSENT, "expires_on": "2026-12-30"}]},
    {"observed": {"bureau": "2026-01-01"}},
    {"observed": {"bureau": "2026-01-02"}},
    {"observed": {"social": "2026-01-01"}},
    {"line": LINE},
    {"line": {**LINE, "limit_minor": 1_000_001}},
    {"line": {**LINE, "outstanding_minor": 6}},
    {"line": {**LINE, "reserved_minor": 1}},
    {"line": {**LINE, "changed_on": "2026-01-30"}},
    {"line": {**LINE, "better_reviews": 1}},
    {"line": {**LINE, "worse_reviews": 1}},
    {"subject": "person-1"},
    {"requested_amount_minor": 700_001},
    {"currency": "EUR"},
]


@pytest.mark.parametrize("features", [NAMED, PACKED], ids=["named", "packed"])
def test_whatever_is_asked_beside_is_another_question(features: object) -> None:
    digests = {_asked(features=features, **more).body_digest for more in MORE}
    digests.add(_asked(features=features).body_digest)
    assert len(digests) == len(MORE) + 1


def test_the_order_in_which_facts_are_said_is_no_matter_and_the_request_s_id_neither() -> None:
    facts = {"days_past_due": 1, "fraud_flags": 0}
    turned = dict(reversed(facts.items()))
    one = _asked(circumstances={"facts": facts}, observed={"bureau": "2026-01-01"})
    other = _asked(
        request_id="other", circumstances={"facts": turned}, observed={"bureau": "2026-01-01"}
    )
    assert one.body_digest == other.body_digest


def test_of_every_default_there_is_a_question_that_says_otherwise() -> None:
    first = {"request_id", "features"}
    assert {name for more in MORE for name in more} | first == set(LimitRequest.model_fields)
    for name, kind in (("circumstances", Circumstances), ("line", Line)):
        said = [more[name] for more in MORE if name in more]
        assert {key for one in said for key in one} == set(kind.model_fields)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(
            ({"requested_amount_minor": amount}, "requested_amount_minor")
            for amount in (0, -1, 0.5, 700_000.0, "700000", 2**53, True)
        ),
        *(({"months": months}, "months") for months in (0, -1, 361, 12.0)),
        ({"segment": "STATE"}, "segment"),
        ({"product": "a loan"}, "product"),
        ({"circumstances": {"monthly_income_minor": 0.5}}, "circumstances.monthly_income_minor"),
        ({"circumstances": {"facts": {"shoes": 1}}}, "circumstances.facts.shoes.[key]"),
        ({"circumstances": {"mood": 1}}, "circumstances.mood"),
        ({"consents": [CONSENT] * 21}, "consents"),
        ({"consents": [{**CONSENT, "groups": []}]}, "consents.0.groups"),
        ({"observed": {"bureau": "2026-02-30"}}, "observed.bureau"),
        ({"line": {**LINE, "limit_minor": 0}}, "line.limit_minor"),
        ({"line": {**LINE, "better_reviews": 1_001}}, "line.better_reviews"),
        ({"mood": "good"}, "mood"),
    ],
)
def test_what_makes_no_sense_is_no_question(changes: dict[str, object], field: str) -> None:
    assert _fault(**changes) == field


def test_a_day_is_a_date_or_its_text() -> None:
    days = [
        Consent(groups=("bureau",), granted_on=day, expires_on="2026-12-31").granted_on
        for day in ("2026-01-31", date(2026, 1, 31))
    ]
    assert days == [date(2026, 1, 31)] * 2
    for bad in ("2026-02-30", "soon", "", "31.01.2026", 20260131, None):
        with pytest.raises(ValidationError):
            Consent(groups=("bureau",), granted_on=bad, expires_on="2026-12-31")


def test_every_fact_has_a_range() -> None:
    _asked(circumstances={"facts": dict.fromkeys(FACT_RANGES, 0)})
    assert len(FACT_RANGES) == 11


@pytest.mark.parametrize("outcome", ["COUNTEROFFER", "DECLINE", "REFER", "NOT_DECIDED"])
def test_whatever_is_no_approval_has_a_reason(outcome: str) -> None:
    make_decision(outcome=outcome)
    with pytest.raises(ValidationError, match="an approval has no principal reasons"):
        make_decision(outcome=outcome, principal_reasons=())


def test_an_approval_has_none() -> None:
    make_decision(outcome="APPROVE", principal_reasons=())
    with pytest.raises(ValidationError, match="an approval has no principal reasons"):
        make_decision(outcome="APPROVE")


def test_a_new_limit_is_never_above_the_request_and_an_open_line_may_be() -> None:
    above = {"limit_minor": 1_500_006, "change": "INITIAL"}
    with pytest.raises(ValidationError, match="the limit is above the request"):
        make_decision(**above)
    make_decision(**{**above, "limit_minor": 1_500_005})
    make_decision(**{**above, "change": "UNCHANGED"})


def test_four_reasons_are_the_most() -> None:
    reasons = make_decision().principal_reasons
    make_decision(principal_reasons=reasons * 4)
    with pytest.raises(ValidationError, match="at most 4"):
        make_decision(principal_reasons=reasons * 5)
