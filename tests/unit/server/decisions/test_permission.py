"""What may be used: nothing barred, nothing without consent, nothing too old."""

import dataclasses
from datetime import date, timedelta

import pytest

from protocols.contracts.decisions import Consent
from protocols.contracts.features import Group
from protocols.decision_errors import ConsentError, DataNotPermittedError
from server.decisions.permission import Withheld, withheld_groups
from server.decisions.regulation import Rules, load_profiles, rules_on
from tests.unit.server.decisions.cases import TODAY, asked, example_policy

LAW = rules_on(load_profiles()["us"], TODAY)  # bars nothing and asks for no consent
FRESH = [
    {"group": "bureau", "most_days": 30, "is_required": True},
    {"group": "application", "most_days": 0, "is_required": False},
]


def _law(**changes: object) -> Rules:
    return dataclasses.replace(LAW, **changes)


def _withheld(
    *given: Group,
    rules: Rules = LAW,
    today: date = TODAY,
    freshness: object = (),
    **request: object,
) -> tuple[Withheld, ...]:
    policy = example_policy({"freshness": freshness})
    return withheld_groups(asked(**request), given, policy=policy, rules=rules, today=today)


def _consent(*groups: Group, granted: date = TODAY, days: int = 1) -> Consent:
    return Consent(groups=groups, granted_on=granted, expires_on=granted + timedelta(days=days))


def test_where_nobody_asks_for_anything_all_may_be_used() -> None:
    assert _withheld("social", "bureau") == ()


def test_a_value_of_a_barred_group_refuses_the_whole_question() -> None:
    eu = rules_on(load_profiles()["eu-ccd2"], TODAY)
    consents = [_consent("social", "transaction", "consumption")]
    with pytest.raises(DataNotPermittedError, match=r"^profile eu-ccd2 bars data of group social$"):
        _withheld("application", "social", rules=eu, consents=consents)
    assert _withheld("application", rules=eu, consents=consents) == ()


def test_of_several_barred_groups_the_same_one_is_always_named() -> None:
    law = _law(barred_groups=frozenset({"social", "bureau", "transaction"}))
    with pytest.raises(DataNotPermittedError, match=r"group bureau$"):
        _withheld("social", "bureau", rules=law)


def test_without_consent_to_a_group_its_values_are_withheld() -> None:
    law = _law(consent_groups=frozenset({"transaction", "bureau"}))
    assert _withheld(rules=law) == (
        Withheld("bureau", "NOT_PERMITTED", False),
        Withheld("transaction", "NOT_PERMITTED", False),
    )
    assert _withheld(rules=law, consents=[_consent("transaction")]) == (
        Withheld("bureau", "NOT_PERMITTED", False),
    )
    both = [_consent("bureau"), _consent("transaction", "social")]
    assert _withheld(rules=law, consents=both) == ()


def test_a_consent_counts_from_its_first_day_to_the_one_before_its_last() -> None:
    law = _law(consent_groups=frozenset({"bureau"}))
    consents = [_consent("bureau", granted=TODAY, days=10)]
    counted = [
        not _withheld(rules=law, consents=consents, today=TODAY + timedelta(days=days))
        for days in (-1, 0, 9, 10)
    ]
    assert counted == [False, True, True, False]


def test_where_the_law_needs_a_consent_none_that_counts_refuses_the_question() -> None:
    cn = rules_on(load_profiles()["cn-bank"], TODAY)
    with pytest.raises(ConsentError) as caught:
        _withheld(rules=cn)
    assert str(caught.value) == (
        "profile cn-bank needs the borrower's consent to use bureau, consumption, social, "
        "transaction, and none counts on this day"
    )
    with pytest.raises(ConsentError):
        _withheld(rules=cn, consents=[_consent("bureau", granted=TODAY - timedelta(days=1))])
    named = [item.group for item in _withheld(rules=cn, consents=[_consent("bureau")])]
    assert named == ["consumption", "social", "transaction"]


@pytest.mark.parametrize(
    ("days_ago", "withheld"), [(-1, True), (0, False), (30, False), (31, True)]
)
def test_values_are_fresh_for_so_many_days_and_none_comes_from_the_future(
    days_ago: int, withheld: bool
) -> None:
    observed = {"bureau": TODAY - timedelta(days=days_ago)}
    found = _withheld(freshness=FRESH[:1], observed=observed)
    assert found == ((Withheld("bureau", "STALE", True),) if withheld else ())


def test_values_of_no_known_age_are_stale() -> None:
    assert _withheld(freshness=FRESH, observed={"social": TODAY}) == (
        Withheld("application", "STALE", False),
        Withheld("bureau", "STALE", True),
    )


def test_a_group_that_may_not_be_used_is_told_once_and_its_age_does_not_matter() -> None:
    law = _law(consent_groups=frozenset({"bureau"}))
    assert _withheld(rules=law, freshness=FRESH[:1]) == (Withheld("bureau", "NOT_PERMITTED", True),)
