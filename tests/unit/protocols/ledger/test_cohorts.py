"""Within a run a cohort only shrinks, and not too often."""

from protocols.ledger.cohorts import Cohorts

A, AB, AC, ABC, ABCD = (tuple(text) for text in ("a", "ab", "ac", "abc", "abcd"))


def _said(*cohorts: tuple[str, ...], most_changes: int = 9) -> list[int]:
    """Return how many errors each cohort in turn brings."""
    seen = Cohorts(most_changes=most_changes)
    return [len(list(seen.take(cohort))) for cohort in cohorts]


def test_a_cohort_that_stays_or_shrinks_is_no_error() -> None:
    assert _said(ABCD, ABCD, ABC, AB, AB, A) == [0] * 6


def test_a_partner_that_left_may_not_come_back() -> None:
    assert _said(ABC, AB, ABC) == [0, 0, 1]


def test_a_partner_that_was_never_there_may_not_join() -> None:
    assert _said(AB, AC) == [0, 1]


def test_changes_are_counted_and_repeated_cohorts_are_none() -> None:
    assert _said(ABCD, ABC, ABC, AB, A, most_changes=2) == [0, 0, 0, 0, 1]
    assert _said(ABC, ABC, AB, most_changes=0) == [0, 0, 1]


def test_growing_is_a_change_too() -> None:
    assert _said(ABC, AB, ABC, most_changes=1) == [0, 0, 2]


def test_it_is_known_who_left_and_with_whom() -> None:
    seen = Cohorts(most_changes=9)
    for cohort in (ABCD, ABCD, AB, A):
        list(seen.take(cohort))
    assert seen.changes == (("c", "d"), ("b",))


def test_before_any_order_nobody_left() -> None:
    assert Cohorts(most_changes=0).changes == ()
