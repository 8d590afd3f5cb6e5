"""Calls are due evenly, whatever the server does, and wait from then on."""

import itertools
import socket

import pytest

from benchmarks import steady
from benchmarks.steady import SteadyLoad

RATE = 1_000.0


class Line:
    """A connection on which nothing ever comes back."""

    def __init__(self) -> None:
        self.socket, self.far = socket.socketpair()
        self.due_s: list[float] = []
        self.waits_us: list[float] = []
        self.refusals: list[bytes] = []

    @property
    def in_flight(self) -> int:
        """Return how many were begun."""
        return len(self.due_s)

    def begin(self, body: bytes, *, due_s: float) -> None:
        """Remember when it was due."""
        self.due_s.append(due_s)

    def flush(self) -> None:
        """Send nothing."""

    def close(self) -> None:
        """Close both ends."""
        self.socket.close()
        self.far.close()


class Clock:
    """Goes on a little whenever somebody looks, and not by itself."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def perf_counter(self) -> float:
        """Return a time later than the one before."""
        self.now_s += 0.0002
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(steady, "time", clock)
    return clock


def _begun(lines: list[Line], clock: Clock, *, pause_s: float, seconds: float) -> list[float]:
    """Return when calls were due that were begun after a pause, on all lines together."""
    load = SteadyLoad(lines, itertools.repeat(b""), calls_a_second=RATE)  # type: ignore[arg-type]
    clock.now_s += pause_s
    load.run(seconds)
    for line in lines:
        line.close()
    return sorted(due for line in lines for due in line.due_s)


def test_what_was_due_in_a_pause_waits_from_when_it_was_due(clock: Clock) -> None:
    lines = [Line(), Line()]
    due_s = _begun(lines, clock, pause_s=0.05, seconds=0.05)
    gaps = [second - first for first, second in itertools.pairwise(due_s)]
    assert gaps == pytest.approx([1 / RATE] * len(gaps), abs=1e-6)
    assert len(due_s) == 101  # also the first, and the one that is due as it ends
    assert abs(len(lines[0].due_s) - len(lines[1].due_s)) <= 1


def test_no_more_are_begun_than_a_server_takes(clock: Clock) -> None:
    assert len(_begun([Line(), Line()], clock, pause_s=0.7, seconds=0.01)) == 512


def test_what_a_window_holds_is_in_no_other() -> None:
    line = Line()
    load = SteadyLoad([line], itertools.repeat(b""), calls_a_second=RATE)  # type: ignore[list-item]
    line.waits_us, line.refusals = [1.0, 2.0], [b"refused"]
    assert load.run(0.001) == ([1.0, 2.0], 1)
    assert load.run(0.001) == ([], 0)
    line.close()
