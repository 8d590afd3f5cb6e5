"""Signals to stop, which may come in the midst of anything that the main thread does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signals() -> Iterator["SimpleQueue[int]"]:
    """Put SIGTERM and SIGINT into a queue while inside; on the main thread.

    A handler must not set an event: the main thread may just be waiting for it and hold its lock,
    which is then held for ever. A queue of this kind takes what is put at any moment.
    """
    told: SimpleQueue[int] = SimpleQueue()
    before = {
        number: signal.signal(number, lambda number, _: told.put(number)) for number in STOP_SIGNALS
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
