"""Whatever is asked, and whenever: no bucket and no guard grants more than its rules say."""

from fractions import Fraction
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from server.serving.rates import Limits, Meter, RateLimitError

WINDOW_S = 8
TOLERANCE = Fraction(1, 10**6)  # of a row, for floats

Question = tuple[float, int, list[str]]

# Steps of a clock that may stand still and go back.
steps = st.sampled_from([0.0, 0.0, 0.125, 0.5, 1.0, 3.7, 20.0, -0.5, -6.0])
questions = st.lists(
    st.tuples(steps, st.integers(0, 12), st.lists(st.sampled_from("abc"), max_size=4)),
    max_size=60,
)
limits_drawn = st.builds(
    Limits,
    rows_per_second=st.floats(0.001, 50.0),
    burst=st.integers(1, 20),
    per_subject=st.integers(1, 5),
    per_subject_window_s=st.just(WINDOW_S),
)


def _granted(meter: Meter, asked: list[Question]) -> list[Question]:
    """Return what was granted, each with the latest time that the clock had shown."""
    now_s = latest_s = 0.0
    granted = []
    for step_s, rows, subjects in asked:
        now_s += step_s
        latest_s = max(latest_s, now_s)
        try:
            meter.spend(rows, subjects, now_s=now_s)
        except RateLimitError:
            continue
        granted.append((latest_s, rows, subjects))
    return granted


@settings(deadline=None)
@given(limits_drawn, questions)
def test_no_time_holds_more_than_burst_and_rate_times_its_length(
    limits: Limits, asked: list[Question]
) -> None:
    granted = _granted(Meter(limits, now_s=0.0, key=b"k"), asked)
    rate = Fraction(limits.rows_per_second)
    for first, (began_s, _, _) in enumerate(granted):
        rows = 0
        for ended_s, more, _ in granted[first:]:
            rows += more
            passed = Fraction(ended_s) - Fraction(began_s)
            assert rows <= limits.burst + rate * passed + TOLERANCE


@settings(deadline=None)
@given(limits_drawn, questions)
def test_no_stretch_of_a_windows_length_holds_more_than_twice_its_questions(
    limits: Limits, asked: list[Question]
) -> None:
    granted = _granted(Meter(limits, now_s=0.0, key=b"k"), asked)
    for began_s, _, _ in granted:
        within = [who for at, _, who in granted if began_s <= at < began_s + WINDOW_S]
        for subject in "abc":
            assert sum(who.count(subject) for who in within) <= 2 * limits.per_subject


@settings(deadline=None)
@given(limits_drawn, questions, questions)
def test_one_meters_questions_change_nothing_for_another(
    limits: Limits, asked: list[Question], others: list[Question]
) -> None:
    alone = _granted(Meter(limits, now_s=0.0, key=b"k"), asked)
    one, other = (Meter(limits, now_s=0.0, key=b"k") for _ in range(2))
    _granted(other, others)
    assert _granted(one, asked) == alone


@settings(deadline=None)
@given(limits_drawn, questions)
def test_what_is_refused_leaves_no_trace(limits: Limits, asked: list[Question]) -> None:
    one = Meter(limits, now_s=0.0, key=b"k")
    granted = _granted(one, asked)
    other = Meter(limits, now_s=0.0, key=b"k")
    for now_s, rows, subjects in granted:
        other.spend(rows, subjects, now_s=now_s)


@settings(deadline=None)
@given(limits_drawn, limits_drawn, questions, questions)
def test_other_limits_never_give_rows_back(
    before: Limits, after: Limits, asked: list[Question], more: list[Question]
) -> None:
    meter = Meter(before, now_s=0.0, key=b"k")
    first = _granted(meter, asked)
    now_s = max(accumulate([0.0, *(step_s for step_s, _, _ in asked)]))
    meter.change(after, now_s=now_s)
    still = [(0.0, rows, subjects) for _, rows, subjects in more]
    second = _granted(meter, [(now_s, 0, []), *still])
    rows = sum(item[1] for item in first + second)
    most = before.burst + Fraction(before.rows_per_second) * Fraction(now_s)
    assert rows <= most + TOLERANCE
