"""The slope is the second half's, per hour, and only one that is known to be small is flat."""

import math

import pytest

from benchmarks.soak import Sample, Verdict, verdict

RATE = 2_000.0
MOST = 4 * RATE * 3_600 / 2**20  # MiB an hour


def _samples(memory: list[float], *, calls: float = 1.0, refused: int = 0) -> list[Sample]:
    """Return a sample every ten seconds, with so much of the calls that were due."""
    return [
        Sample(
            at_s=10.0 * place,
            written_mib=mib,
            calls=int(calls * RATE * 10 * place),
            refused=refused,
            p50_us=1.0,
            p99_us=2.0,
            journal_mib=1.0,
        )
        for place, mib in enumerate(memory, start=1)
    ]


def _verdict(memory: list[float]) -> Verdict:
    return verdict(_samples(memory), calls_a_second=RATE)


def _rising(mib_an_hour: float, *, restless_mib: float = 0.0) -> list[float]:
    """Return ten minutes that rise evenly, and jump to and fro."""
    return [
        200 + mib_an_hour * place / 360 + restless_mib * math.sin(place**2) for place in range(60)
    ]


def test_a_leak_is_measured_in_mib_an_hour() -> None:
    found = _verdict(_rising(360.0))
    assert found.slope_mib_an_hour == pytest.approx(360.0)
    assert found.low_mib_an_hour == pytest.approx(found.high_mib_an_hour)
    assert not found.is_flat


def test_the_slope_is_the_median_of_all_pairs_with_its_interval() -> None:
    found = _verdict(_rising(10.0, restless_mib=1.0))
    assert found.low_mib_an_hour < found.slope_mib_an_hour < found.high_mib_an_hour
    assert found.low_mib_an_hour < 10.0 < found.high_mib_an_hour


@pytest.mark.parametrize("place", [35, 45, 59])
def test_one_step_is_no_slope_and_shows_in_the_highest_sample(place: int) -> None:
    found = _verdict([200.0] * place + [208.0] * (60 - place))
    assert found.highest_mib == 208.0
    assert found.is_flat is (
        place != 45
    )  # half before it and half after is what a slope looks like


@pytest.mark.parametrize(
    ("part", "restless_mib", "is_flat"),
    [(-1.0, 0.0, True), (0.0, 0.0, True), (0.9, 0.0, True), (1.1, 0.0, False), (0.0, 40.0, False)],
)
def test_flat_is_known_to_be_below_four_bytes_a_call(
    part: float, restless_mib: float, is_flat: bool
) -> None:
    found = _verdict(_rising(part * MOST, restless_mib=restless_mib))
    assert found.most_mib_an_hour == pytest.approx(MOST)
    assert found.is_flat is is_flat


def test_what_fills_in_the_first_half_does_not_count() -> None:
    filling = [100.0 + min(place, 30) for place in range(60)]
    assert _verdict(filling).is_flat


@pytest.mark.parametrize(("calls", "is_held"), [(1.0, True), (0.995, True), (0.98, False)])
def test_a_rate_is_held_if_99_of_100_calls_that_were_due_are_answered(
    calls: float, is_held: bool
) -> None:
    found = verdict(_samples([200.0] * 60, calls=calls), calls_a_second=RATE)
    assert found.is_held is is_held
    assert found.calls_a_second == pytest.approx(calls * RATE)


def test_one_refused_call_is_one_too_many() -> None:
    assert verdict(_samples([200.0] * 60), calls_a_second=RATE).is_answered
    assert not verdict(_samples([200.0] * 60, refused=1), calls_a_second=RATE).is_answered
