"""A signal to stop is taken in whatever moment it comes, and handlers are put back."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from protocols.stopping import STOP_SIGNALS, stop_signals

# Waits again and again, each time for a signal that comes one step of Python's later; at the end
# for none. Where a wait does not return, the alarm ends the process.
STEPS = """
import os, queue, signal, sys, threading
from protocols.stopping import stop_signals

def by_queue(told):
    try:
        told.get(timeout=0.2)
    except queue.Empty:
        pass

def by_event(told):
    event = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: event.set())
    event.wait(0.2)

def is_told(wait, step):
    left = step

    def trace(frame, event, argument):
        nonlocal left
        left -= event == "line"
        if left == 0 and event == "line":
            os.kill(os.getpid(), signal.SIGTERM)
        return trace

    with stop_signals() as told:
        sys.settrace(trace)
        wait(told)
        sys.settrace(None)
    return left <= 0

signal.signal(signal.SIGALRM, lambda *_: os._exit(9))
signal.alarm(5)
step = 1
while is_told(globals()[sys.argv[1]], step):
    step += 1
print(step)
"""


def _steps(wait: str) -> tuple[int, int]:
    words = [sys.executable, "-c", STEPS, wait]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, int(done.stdout or 0)


def test_a_signal_is_taken_in_whatever_moment_it_comes() -> None:
    status, steps = _steps("by_queue")
    assert (status, steps > 2) == (0, True)


def test_an_event_in_place_of_the_queue_would_wait_for_ever() -> None:
    assert _steps("by_event") == (9, 0)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_either_signal_is_told_before_or_while_one_waits(number: int) -> None:
    with stop_signals() as told:
        signal.raise_signal(number)
        assert told.get(timeout=5) == number
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        begun = time.monotonic()
        assert told.get(timeout=20) == number
        assert time.monotonic() - begun < 15


def test_handlers_are_put_back_also_after_an_error() -> None:
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    with pytest.raises(ZeroDivisionError), stop_signals():
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before
