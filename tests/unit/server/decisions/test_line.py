"""A line never moves to and fro, and at once where it must."""

from datetime import date, timedelta

import pytest

from protocols.contracts.decisions import MOST_REVIEWS, Line
from protocols.contracts.limit_policy import LineTerms
from server.decisions.line import Assessed, Moved, moved_line
from tests.unit.server.decisions.cases import TODAY, line

TERMS = LineTerms(
    increase_after_days=90,
    increase_after_reviews=2,
    increase_share="0.5",
    decrease_after_reviews=2,
)
LONG_AGO = "2020-01-01"


def _moved(of: Line, limit_minor: int, at_once_minor: int = 4_000_000, **terms: object) -> Moved:
    return moved_line(
        of,
        Assessed(limit_minor, at_once_minor),
        terms=TERMS.model_copy(update=terms),
        step_minor=2_500,
        today=TODAY,
    )


def _waited(days: int, **changes: object) -> Line:
    changed_on = (TODAY - timedelta(days=days)).isoformat()
    return line(changed_on=changed_on, better_reviews=1, **changes)


def test_a_line_that_is_just_what_is_allowed_stays_and_forgets_its_reviews() -> None:
    assert _moved(line(better_reviews=1, worse_reviews=1), 1_000_000) == Moved(
        1_000_000, "UNCHANGED", 0, 0
    )


def test_an_increase_waits_for_the_days_since_the_last_change() -> None:
    assert _moved(_waited(89), 1_200_000) == Moved(1_000_000, "UNCHANGED", 2, 0, "LINE.COOL_DOWN")
    assert _moved(_waited(90), 1_200_000) == Moved(1_200_000, "INCREASE")


def test_a_line_that_will_only_be_changed_waits_too() -> None:
    assert _moved(_waited(-1), 1_200_000).code == "LINE.COOL_DOWN"


def test_an_increase_waits_for_reviews_in_a_row() -> None:
    first = line(worse_reviews=1)
    assert _moved(first, 1_200_000) == Moved(1_000_000, "UNCHANGED", 1, 0, "LINE.REVIEWS")
    assert _moved(line(better_reviews=1), 1_200_000) == Moved(1_200_000, "INCREASE")


def test_time_is_told_before_reviews() -> None:
    young = line(changed_on=TODAY.isoformat())
    assert _moved(young, 1_200_000) == Moved(1_000_000, "UNCHANGED", 1, 0, "LINE.COOL_DOWN")


def test_an_increase_adds_no_more_than_its_share_in_whole_steps() -> None:
    assert _moved(_waited(90), 1_500_000) == Moved(1_500_000, "INCREASE")
    assert _moved(_waited(90), 1_502_500) == Moved(1_500_000, "INCREASE", 0, 0, "LINE.STEP")
    assert _moved(_waited(90), 4_000_000, increase_share="0.0049").limit_minor == 1_002_500


def test_an_increase_smaller_than_a_step_leaves_the_line_and_says_so() -> None:
    assert _moved(_waited(90), 4_000_000, increase_share="0.002") == Moved(
        1_000_000, "UNCHANGED", 2, 0, "LINE.STEP"
    )


def test_a_line_of_no_whole_steps_rises_to_whole_steps_and_never_falls_by_rounding() -> None:
    assert _moved(_waited(90, limit_minor=1_001_000), 4_000_000).limit_minor == 1_500_000
    stays = _moved(_waited(90, limit_minor=1_001_000), 4_000_000, increase_share="0")
    assert (stays.limit_minor, stays.change) == (1_001_000, "UNCHANGED")


def test_a_decrease_that_comes_of_risk_waits_for_reviews_in_a_row() -> None:
    first = _moved(line(better_reviews=1), 500_000)
    assert first == Moved(1_000_000, "UNCHANGED", 0, 1)
    assert _moved(line(worse_reviews=1), 500_000) == Moved(500_000, "DECREASE")
    assert _moved(line(), 500_000, decrease_after_reviews=1) == Moved(500_000, "DECREASE")


def test_a_decrease_that_cannot_wait_does_not() -> None:
    assert _moved(line(), 500_000, 500_000) == Moved(500_000, "DECREASE")
    assert _moved(line(), 0, 0) == Moved(0, "DECREASE")


def test_a_decrease_may_come_at_once_in_part_and_the_rest_goes_on_waiting() -> None:
    part = _moved(line(), 500_000, 700_000)
    assert part == Moved(700_000, "DECREASE", 0, 1)
    after = line(limit_minor=700_000, worse_reviews=part.worse_reviews)
    assert _moved(after, 500_000, 700_000) == Moved(500_000, "DECREASE")


def test_what_cannot_wait_but_is_no_less_than_the_line_moves_nothing() -> None:
    assert _moved(line(), 500_000, 1_000_000) == Moved(1_000_000, "UNCHANGED", 0, 1)


@pytest.mark.parametrize("assessed_minor", [500_000, 1_500_000])
def test_reviews_are_counted_no_further_than_a_request_may_say(assessed_minor: int) -> None:
    many = line(
        better_reviews=MOST_REVIEWS, worse_reviews=MOST_REVIEWS, changed_on=TODAY.isoformat()
    )
    moved = _moved(many, assessed_minor, decrease_after_reviews=MOST_REVIEWS + 1)
    assert {moved.better_reviews, moved.worse_reviews} == {0, MOST_REVIEWS}


def test_a_risk_that_swings_to_and_fro_moves_nothing() -> None:
    now, day = line(changed_on=LONG_AGO), TODAY
    for assessed_minor in (1_500_000, 500_000) * 6:
        moved = moved_line(
            now, Assessed(assessed_minor, 4_000_000), terms=TERMS, step_minor=2_500, today=day
        )
        assert moved.change == "UNCHANGED"
        counts = {"better_reviews": moved.better_reviews, "worse_reviews": moved.worse_reviews}
        now, day = now.model_copy(update=counts), day + timedelta(days=30)
    assert day > date(2027, 11, 1)
