"""Any question and any decision cross the wire whole, and equal questions have equal digests."""

from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.contracts.applicants import Applicant, PackedApplicant, digest_of_question
from protocols.contracts.decisions import (
    MOST_REVIEWS,
    Circumstances,
    Consent,
    LimitDecision,
    LimitRequest,
    Line,
)
from protocols.contracts.facts import FACT_RANGES
from protocols.contracts.money import MAX_MINOR
from protocols.ledger.canonical import canonical_json
from protocols.translate_decisions import CHANGES, OUTCOMES, SEGMENTS, SOURCES, decision_from_wire
from protocols.translate_questions import limit_request_from_wire, limit_request_to_wire
from protocols.wire import decisions_v1_pb2 as wire
from tests.unit.protocols.answers import OFFER, WHY, decision_to_wire, make_decision

GROUPS = ("application", "bureau", "transaction", "consumption", "social")
minor = st.integers(0, MAX_MINOR)
positive = st.integers(1, MAX_MINOR)
reviews = st.integers(0, MOST_REVIEWS)
days = st.dates(date(1970, 1, 1), date(9999, 12, 31))
digests = st.binary(min_size=32, max_size=32)
groups = st.sampled_from(GROUPS)
names = st.sampled_from(["A", "loan", "TABLE.UTILISATION.HIGH", "x-1_y.z"])
named = st.builds(
    Applicant,
    numbers=st.dictionaries(st.sampled_from(["income", "use"]), st.floats(allow_nan=False)),
    categories=st.dictionaries(st.sampled_from(["home", "term"]), st.text(max_size=3)),
)
packed = st.builds(
    PackedApplicant,
    contract_digest=digests,
    numbers=st.lists(st.floats(allow_nan=False), max_size=3).map(tuple),
    codes=st.lists(st.integers(0, 9), max_size=3).map(tuple),
)
circumstances = st.builds(
    Circumstances,
    monthly_income_minor=st.none() | minor,
    monthly_obligations_minor=st.none() | minor,
    exposure_elsewhere_minor=st.none() | minor,
    facts=st.dictionaries(st.sampled_from(sorted(FACT_RANGES)), minor, max_size=3),
    counted_decisions=st.lists(st.sampled_from(["d-1", "d-2", "d-3"]), max_size=4).map(tuple),
)
consents = st.builds(
    Consent,
    groups=st.lists(groups, min_size=1, max_size=5).map(tuple),
    granted_on=days,
    expires_on=days,
)
lines = st.builds(
    Line,
    limit_minor=positive,
    outstanding_minor=minor,
    reserved_minor=minor,
    changed_on=days,
    better_reviews=reviews,
    worse_reviews=reviews,
)
questions = st.builds(
    LimitRequest,
    request_id=st.sampled_from(["r", "0:9.-_Z"]),
    features=named | packed,
    requested_amount_minor=positive,
    currency=st.sampled_from(["USD", "CNY"]),
    subject=st.sampled_from(["", "person-1"]),
    product=st.sampled_from(["", "loan"]),
    segment=st.sampled_from(sorted(SEGMENTS)),
    months=st.none() | st.integers(1, 360),
    circumstances=st.just(Circumstances()) | circumstances,
    consents=st.lists(consents, max_size=2).map(tuple),
    observed=st.dictionaries(groups, days, max_size=2),
    line=st.none() | lines,
)


@settings(max_examples=200, deadline=None)
@given(questions)
def test_any_question_crosses_the_wire_whole_and_its_digest_is_of_canonical_json(
    question: LimitRequest,
) -> None:
    raw = limit_request_to_wire(question).SerializeToString()
    parsed = limit_request_from_wire(raw)
    assert parsed == question
    first = {"request_id", "features", "requested_amount_minor", "currency", "subject"}
    more = question.model_dump(mode="json", exclude=first, exclude_defaults=True)
    said = [canonical_json(more).decode()] if more else []
    subject = [question.subject] if question.subject else []
    asked = [question.requested_amount_minor, question.currency, *subject, *said]
    assert parsed.body_digest == digest_of_question("limit", question.features, asked)


@st.composite
def _decisions(draw: st.DrawFn) -> LimitDecision:
    outcome = draw(st.sampled_from(sorted(OUTCOMES)))
    sources = st.sampled_from(sorted(SOURCES))
    whys = st.lists(sources.map(lambda it: WHY.model_copy(update={"source": it})), min_size=1)
    offer = st.fixed_dictionaries(dict.fromkeys(("first_minor", "last_minor", "fees_minor"), minor))
    return make_decision(
        outcome=outcome,
        change=draw(st.sampled_from(sorted(set(CHANGES) - {"INITIAL"}))),
        **draw(st.fixed_dictionaries(dict.fromkeys(_AMOUNTS, minor))),
        **draw(st.fixed_dictionaries(dict.fromkeys(_DIGESTS, digests))),
        requested_amount_minor=draw(positive),
        segment=draw(st.sampled_from(sorted(SEGMENTS))),
        band=draw(names),
        principal_reasons=() if outcome == "APPROVE" else tuple(draw(whys)[:4]),
        offers=tuple(OFFER.model_copy(update=it) for it in draw(st.lists(offer, max_size=2))),
        p_default=draw(st.floats(0, 1)),
        points=draw(st.integers(-(2**53), 2**53)),
        valid_until=draw(days),
        better_reviews=draw(reviews),
        worse_reviews=draw(reviews),
        decided_at=draw(st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC))),
        journal_position=draw(st.integers(1, 2**62)),
        clipped_fields=tuple(draw(st.lists(names, max_size=2))),
    )


_AMOUNTS = ("limit_minor", "assessed_limit_minor", "available_minor", "offered_minor")
_DIGESTS = (
    *("release_digest", "calibration_digest", "policy_digest", "profile_digest"),
    *("features_digest", "code_digest"),
)


@settings(max_examples=150, deadline=None)
@given(_decisions())
def test_any_decision_crosses_the_wire_whole(decision: LimitDecision) -> None:
    raw = decision_to_wire(decision).SerializeToString()
    assert decision_from_wire(wire.LimitDecision.FromString(raw)) == decision


def test_every_field_of_a_message_is_read() -> None:
    message = decision_to_wire(make_decision())
    fields = {field.name for field in wire.LimitDecision.DESCRIPTOR.fields}
    assert {field.name for field, _ in message.ListFields()} == fields
    assert fields == set(LimitDecision.model_fields)
    asked = {field.name for field in wire.DecideLimitRequest.DESCRIPTOR.fields}
    assert asked == set(LimitRequest.model_fields) | {"packed"}
