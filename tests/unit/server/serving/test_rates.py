"""The bucket grants no row too many, and the guard counts people without knowing them."""

import math
from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from server.serving.rates import Bucket, Limits, Meter, RateLimitError, SubjectGuard

KEY = bytes(range(32))


def _limits(rate: float = 1.0, burst: int = 10, per_subject: int = 2, window_s: int = 60) -> Limits:
    return Limits(
        rows_per_second=rate,
        burst=burst,
        per_subject=per_subject,
        per_subject_window_s=window_s,
    )


def _refusal(meter: Meter, rows: int, subjects: tuple[str, ...], now_s: float) -> RateLimitError:
    with pytest.raises(RateLimitError) as caught:
        meter.spend(rows, subjects, now_s=now_s)
    return caught.value


def _count(guard: SubjectGuard, subjects: Sequence[str], limits: Limits, now_s: float) -> None:
    guard.count(guard.check(subjects, limits, now_s=now_s), limits, now_s=now_s)


def _meter(limits: Limits | None = None) -> Meter:
    return Meter(limits or _limits(), now_s=0.0, key=KEY)


def test_a_tenant_may_ask_for_its_burst_at_once_and_then_at_its_rate() -> None:
    meter = _meter(_limits(rate=2.0))
    meter.spend(10, (), now_s=0.0)
    assert _refusal(meter, 1, (), 0.25).retry_after_s == 0.25
    _refusal(meter, 1, (), 0.499)
    meter.spend(1, (), now_s=0.5)
    assert _refusal(meter, 10, (), 1.0).retry_after_s == 4.5


def test_who_waits_as_long_as_told_is_answered() -> None:
    meter = _meter(_limits(rate=0.3))
    meter.spend(10, (), now_s=0.0)
    wait_s = _refusal(meter, 7, (), 0.0).retry_after_s
    assert wait_s is not None
    meter.spend(7, (), now_s=math.ceil(wait_s * 1_000) / 1_000)


def test_a_pause_fills_the_bucket_no_higher_than_its_burst() -> None:
    meter = _meter()
    meter.spend(10, (), now_s=1e6)
    _refusal(meter, 1, (), 1e6)


def test_a_request_larger_than_the_burst_is_not_told_to_come_again() -> None:
    refusal = _refusal(_meter(), 11, (), 1e6)
    assert (refusal.retry_after_s, str(refusal)) == (None, "more rows than one request may have")


@pytest.mark.parametrize("now_s", [100.0, 40.0, -1e9])
def test_a_clock_that_stands_still_or_goes_back_grants_nothing(now_s: float) -> None:
    meter = _meter()
    meter.spend(10, ("ann", "ann"), now_s=100.0)
    for at in (now_s, 100.0):
        assert _refusal(meter, 1, (), at).retry_after_s == 1.0
        assert _refusal(meter, 0, ("ann",), at).retry_after_s == 60.0
    meter.spend(1, (), now_s=101.0)
    _refusal(meter, 1, (), 101.0)


def test_nothing_is_spent_when_refused() -> None:
    meter = _meter()
    meter.spend(2, ("ann", "ann"), now_s=0.0)
    _refusal(meter, 8, ("bob", "ann"), 0.0)  # too often about ann
    _refusal(meter, 9, ("bob", "bob"), 0.0)  # too many rows
    meter.spend(8, ("bob", "bob"), now_s=0.0)


def test_what_is_given_back_may_be_spent_again_and_no_more() -> None:
    meter = _meter(_limits(rate=0.001, burst=3))
    meter.spend(2, ("a", "a"), now_s=0.0)
    meter.give_back(1, ("a",), now_s=0.0)
    meter.spend(1, ("a",), now_s=0.0)
    _refusal(meter, 0, ("a",), 0.0)
    meter.give_back(9, ("never asked about",), now_s=0.0)
    assert _refusal(meter, 4, (), 0.0).retry_after_s is None  # the bucket holds its burst again
    meter.spend(3, ("never asked about",) * 2, now_s=0.0)
    _refusal(meter, 1, (), 0.0)


def test_rows_that_would_fill_the_bucket_are_a_bug_of_ours() -> None:
    with pytest.raises(RuntimeError, match="not be negative"):
        _meter().spend(-1, (), now_s=0.0)


def test_a_subject_may_be_asked_about_so_often_in_a_window_that_its_first_question_begins() -> None:
    meter = _meter()
    meter.spend(1, ("ann",), now_s=5.0)
    meter.spend(1, ("ann",), now_s=64.0)
    refusal = _refusal(meter, 1, ("bob", "ann"), 64.5)
    assert refusal.retry_after_s == 0.5
    assert str(refusal) == "too many questions about one applicant; ask again later"
    meter.spend(2, ("ann", "ann"), now_s=65.0)
    assert _refusal(meter, 1, ("ann",), 70.0).retry_after_s == 55.0


def test_the_longest_wait_of_several_subjects_is_told() -> None:
    meter = _meter()
    meter.spend(2, ("ann", "ann"), now_s=0.0)
    meter.spend(2, ("bob", "bob"), now_s=10.0)
    assert _refusal(meter, 2, ("bob", "ann"), 20.0).retry_after_s == 50.0
    assert _refusal(meter, 2, ("ann", "bob"), 20.0).retry_after_s == 50.0


def test_more_questions_about_one_than_a_window_holds_are_not_told_to_come_again() -> None:
    refusal = _refusal(_meter(), 3, ("ann", "ann", "ann"), 0.0)
    assert refusal.retry_after_s is None
    assert str(refusal) == "more questions about one applicant than are allowed at once"


def test_beyond_the_most_that_are_remembered_the_oldest_windows_leave_first() -> None:
    limits, guard = _limits(per_subject=1), SubjectGuard(KEY, most=3)
    for now_s, name in enumerate("abcd"):
        _count(guard, (name,), limits, now_s)
    assert len(guard) == 3
    for name in "bcd":
        with pytest.raises(RateLimitError):
            guard.check((name,), limits, now_s=4)
    assert guard.check(("a",), limits, now_s=4)  # forgotten, so counted from zero


def test_a_window_that_begins_again_is_the_youngest() -> None:
    limits, guard = _limits(per_subject=1), SubjectGuard(KEY, most=2)
    for now_s, name in ((0, "a"), (1, "b"), (60.5, "a"), (60.75, "c")):
        _count(guard, (name,), limits, now_s)
    with pytest.raises(RateLimitError):
        guard.check(("a",), limits, now_s=60.75)  # b left, though a came before it


def test_ended_windows_do_not_pile_up() -> None:
    limits, guard = _limits(), SubjectGuard(KEY)
    for number in range(500):
        _count(guard, (str(number),), limits, number)
    assert len(guard) == 60


def test_one_request_about_more_than_are_remembered_keeps_to_the_bound() -> None:
    limits, guard = _limits(), SubjectGuard(KEY, most=5)
    _count(guard, [str(number) for number in range(50)], limits, 0)
    assert len(guard) == 5


@pytest.mark.parametrize("subject", ["Ann Ivory 1980-02-03", "", "\ud800", "\x00"])
def test_a_subject_is_kept_as_a_keyed_hash_only(subject: str) -> None:
    guard, other = SubjectGuard(KEY), SubjectGuard(KEY[::-1])
    (here,), (there,) = (one.check((subject,), _limits(), now_s=0) for one in (guard, other))
    assert here != there
    assert len(here) == 8
    guard.count({here: 1}, _limits(), now_s=0)
    assert list(guard._windows) == [here]
    assert not subject or subject not in repr(vars(guard))


def test_other_limits_leave_what_was_spent_spent() -> None:
    meter = _meter()
    meter.spend(9, ("ann", "ann"), now_s=0.0)
    meter.change(_limits(burst=100, rate=5.0, per_subject=3), now_s=1.0)
    _refusal(meter, 3, (), 1.0)  # 1 was left, and 1 came at the old rate
    meter.spend(2, ("ann",), now_s=1.0)
    _refusal(meter, 0, ("ann",), 1.0)
    meter.spend(5, (), now_s=2.0)


def test_other_limits_under_a_clock_that_goes_back_grant_nothing() -> None:
    meter = _meter()
    meter.spend(10, (), now_s=100.0)
    meter.change(_limits(rate=10.0), now_s=50.0)
    _refusal(meter, 1, (), 100.0)


def test_a_smaller_burst_counts_at_once() -> None:
    bucket = Bucket(_limits(burst=10), now_s=0.0)
    bucket.change(_limits(burst=4), now_s=0.0)
    assert bucket.check(4, now_s=0.0) == 4.0
    bucket.keep(0.0, now_s=0.0)
    with pytest.raises(RateLimitError):
        bucket.check(1, now_s=0.5)


@pytest.mark.parametrize(
    "change",
    [
        {"rows_per_second": 0},
        {"rows_per_second": math.inf},
        {"rows_per_second": math.nan},
        {"rows_per_second": True},
        {"burst": 0},
        {"burst": 1.0},
        {"per_subject": 0},
        {"per_subject_window_s": 0},
    ],
)
def test_limits_that_are_none_do_not_load(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate({"rows_per_second": 1, "burst": 1, **change})
