"""On every day from a profile's first on, its rules are there, and they are those in force."""

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from protocols.contracts.regulation import SEGMENTS, RateCapRule, RegulatoryProfile
from server.decisions.regulation import load_profiles, rules_on
from tests.unit.protocols.contracts.profiles import line_cap, profile_table

SHIPPED = load_profiles()
names = st.sampled_from(sorted(SHIPPED))
days = st.dates(min_value=date(2015, 1, 1), max_value=date(2045, 12, 31))
spans = st.lists(
    st.tuples(st.integers(0, 12), st.none() | st.integers(0, 12)), min_size=1, max_size=4
)


@settings(max_examples=1_000, deadline=None)
@given(names, days)
def test_a_shipped_profile_answers_for_every_day_from_its_first(name: str, day: date) -> None:
    profile = SHIPPED[name]
    text = max(day.isoformat(), profile.valid_from)
    rules = rules_on(profile, date.fromisoformat(text))
    assert all(rules.notice(segment).holds_on(text) for segment in SEGMENTS)
    assert rules.review.holds_on(text)
    assert not rules.barred_groups & rules.consent_groups
    held = {rule.id for _, rule in profile.rules() if rule.holds_on(text)}
    caps = (*rules.line_caps.values(), *rules.rate_caps.values())
    assert {cap.id for cap in caps} <= held
    assert all(cap.since.isoformat() <= text for cap in caps)
    in_force = [cap for cap in (*profile.line_caps, *profile.rate_caps) if cap.holds_on(text)]
    assert len(caps) == sum(len(cap.segments) for cap in in_force)
    for rate in (cap for cap in profile.rate_caps if cap.holds_on(text)):
        percent = _percent(rate, profile, text)
        assert all(rules.rate_caps[segment].annual * 100 == percent for segment in rate.segments)


def _percent(cap: RateCapRule, profile: RegulatoryProfile, day: str) -> Decimal:
    if cap.of is None:
        return Decimal(cap.percent or 0)
    values = (value for one in profile.references if one.name == cap.of for value in one.values)
    (value,) = (value for value in values if value.holds_on(day))
    return Decimal(cap.multiple or 0) * Decimal(value.percent)


def _day(number: int) -> str:
    return f"2020-01-{number + 1:02d}"


@settings(max_examples=500, deadline=None)
@given(spans)
def test_of_any_caps_only_those_load_that_leave_no_day_in_doubt(
    drawn: list[tuple[int, int | None]],
) -> None:
    caps = [
        line_cap(f"cap-{place}", _day(since), **({} if until is None else {"until": _day(until)}))
        for place, (since, until) in enumerate(drawn)
    ]
    holding = [
        [since <= day and (until is None or day < until) for since, until in drawn]
        for day in range(14)
    ]
    counts = [sum(held) for held in holding]
    first, last = min(since for since, _ in drawn), max(since for since, _ in drawn)
    backwards = any(until is not None and until <= since for since, until in drawn)
    certain = not backwards and max(counts) <= 1 and all(counts[first : last + 1])
    try:
        profile = RegulatoryProfile.model_validate(profile_table(line_caps=caps))
    except ValidationError:
        assert not certain
        return
    assert certain
    for day, held in enumerate(holding):
        cap = rules_on(profile, date(2020, 1, day + 1)).line_caps.get(("CONSUMER", "CNY"))
        assert (None if cap is None else cap.id) == (
            f"cap-{held.index(True)}" if any(held) else None
        )
