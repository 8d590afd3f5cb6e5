"""A part of soak.py: calls begun at a fixed rate, whether or not those before have ended.

A wait counts from when a call was due, not from when it was sent: a server that stands still for a
second shows in every call of that second, not in the few that were under way.
"""

import time
from collections.abc import Iterator, Sequence
from selectors import EVENT_READ, DefaultSelector
from typing import NamedTuple

from benchmarks.wire import Connection

_MOST_IN_FLIGHT = 512  # of all connections; a server refuses beyond 1,000, and means it


class Window(NamedTuple):
    """What happened in some seconds: how long each answered call took, in us, and refusals."""

    waits_us: list[float]
    refused: int


class SteadyLoad:
    """Begins calls one after another, evenly, from its making on. Used by one thread."""

    def __init__(
        self, connections: Sequence[Connection], bodies: Iterator[bytes], *, calls_a_second: float
    ) -> None:
        """Begin with none; ``connections`` stay the caller's to close."""
        self._connections, self._bodies = connections, bodies
        self._gap_s = 1 / calls_a_second
        self._begun_s = time.perf_counter()
        self._count = 0

    def run(self, seconds: float) -> Window:
        """Go on for so long."""
        until_s = time.perf_counter() + seconds
        with DefaultSelector() as selector:
            for connection in self._connections:
                selector.register(connection.socket, EVENT_READ, connection)
            while (now_s := time.perf_counter()) < until_s:
                self._begin_due(now_s)
                for key, _ in selector.select(self._idle_s):
                    _read_all(key.data)
        return self._taken()

    def _begin_due(self, now_s: float) -> None:
        room = _MOST_IN_FLIGHT - sum(one.in_flight for one in self._connections)
        while room > 0 and self._due_s <= now_s:
            connection = self._connections[self._count % len(self._connections)]
            connection.begin(next(self._bodies), due_s=self._due_s)
            self._count, room = self._count + 1, room - 1
        for connection in self._connections:
            connection.flush()

    @property
    def _due_s(self) -> float:
        return self._begun_s + self._count * self._gap_s

    @property
    def _idle_s(self) -> float:
        return max(self._gap_s, self._due_s - time.perf_counter())

    def _taken(self) -> Window:
        waits_us = [wait for one in self._connections for wait in one.waits_us]
        refused = sum(len(one.refusals) for one in self._connections)
        for connection in self._connections:
            connection.waits_us.clear()
            connection.refusals.clear()
        return Window(waits_us, refused)


def _read_all(connection: Connection) -> None:
    connection.read()
    while connection.socket.pending():
        connection.read()
