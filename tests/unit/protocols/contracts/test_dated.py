"""Rules about one thing follow one another day by day, or the file that holds them is refused."""

import pytest
from pydantic import ValidationError

from protocols.contracts.dated import Dated, Span, check_series, held_on

SOURCE = "a law, section 1"
ALWAYS = Span("2020-01-01", None, "the profile")


def _rule(name: str, since: str, until: str | None = None) -> Dated:
    return Dated.model_validate({"id": name, "from": since, "until": until, "source": SOURCE})


def test_a_rule_holds_from_its_first_day_until_the_day_of_its_end() -> None:
    rule = _rule("a", "2020-02-29", "2021-01-01")
    days = ["2020-02-28", "2020-02-29", "2020-12-31", "2021-01-01"]
    assert [rule.holds_on(day) for day in days] == [False, True, True, False]
    assert _rule("b", "2020-02-29").holds_on("9999-12-31")
    assert held_on([rule, _rule("b", "2020-03-01")], "2020-02-29") == [rule]


@pytest.mark.parametrize("day", ["2021-02-29", "2021-2-9", "20210209", "2021-W06-2", "", "soon"])
def test_only_a_day_of_the_calendar_in_its_one_form_is_a_day(day: str) -> None:
    with pytest.raises(ValidationError, match="expected a day in quotes, as YYYY-MM-DD"):
        _rule("a", day)


@pytest.mark.parametrize("until", ["2020-01-01", "2019-12-31"])
def test_a_rule_ends_after_it_begins(until: str) -> None:
    with pytest.raises(ValidationError, match="a: until must be after from"):
        _rule("a", "2020-01-01", until)


def test_a_rule_says_where_it_stands() -> None:
    table = {"id": "a", "from": "2020-01-01"}
    with pytest.raises(ValidationError, match="source"):
        Dated.model_validate(table)
    with pytest.raises(ValidationError, match="source"):
        Dated.model_validate({**table, "source": "a law"})  # too short to be found by


def test_two_rules_on_one_day_are_refused() -> None:
    rules = [_rule("b", "2020-06-01"), _rule("a", "2020-01-01", "2020-06-02")]
    with pytest.raises(ValueError, match="caps: a and b both hold on 2020-06-01"):
        check_series("caps", rules)
    with pytest.raises(ValueError, match="caps: a and b both hold on 2020-06-01"):
        check_series("caps", [_rule("a", "2020-01-01"), rules[0]])


def test_a_day_without_a_rule_between_two_is_refused() -> None:
    rules = [_rule("b", "2020-06-01"), _rule("a", "2020-01-01", "2020-05-31")]
    said = "caps: nothing holds from 2020-05-31 until 2020-06-01, after a and before b"
    with pytest.raises(ValueError, match=said):
        check_series("caps", rules)


def test_rules_that_meet_are_a_series_in_any_order() -> None:
    rules = [_rule("b", "2020-06-01"), _rule("a", "2020-01-01", "2020-06-01")]
    check_series("caps", rules, covers=ALWAYS)
    check_series("caps", [_rule("a", "2020-01-01", "2020-06-01")])  # it may end
    check_series("caps", [])


def test_days_that_must_be_covered_are() -> None:
    with pytest.raises(ValueError, match="data: the profile needs a rule from 2020-01-01 on"):
        check_series("data", [], covers=ALWAYS)
    said = "data: nothing holds from 2020-01-01 until 2020-01-02, before a; the profile"
    with pytest.raises(ValueError, match=said):
        check_series("data", [_rule("a", "2020-01-02")], covers=ALWAYS)
    ending = [_rule("a", "2020-01-01", "2030-01-01")]
    with pytest.raises(ValueError, match="data: nothing holds from 2030-01-01 on, after a"):
        check_series("data", ending, covers=ALWAYS)
    check_series("data", ending, covers=Span("2020-01-01", "2030-01-01", "a cap"))
    with pytest.raises(ValueError, match="data: nothing holds from 2030-01-01 on, after a"):
        check_series("data", ending, covers=Span("2020-01-01", "2030-01-02", "a cap"))
