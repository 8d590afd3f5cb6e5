"""The log as it grows: looks for new checkpoints, wakes who waits, keeps what went wrong."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from protocols.errors import ScoringError
from server.ledger.reader import LogReader

_LOG = logging.getLogger(__name__)


class Feed:
    """One reader for all callers, refreshed in the event loop's own thread."""

    def __init__(self, reader: LogReader, *, poll_s: float) -> None:
        """Begin with a reader that has read the log once."""
        self._reader, self._poll_s = reader, poll_s
        self._error: Exception | None = None
        self._news = asyncio.Event()
        self._is_closed = False

    @property
    def reader(self) -> LogReader:
        """The log.

        Raises:
            Exception: What the last look at the log raised; from a log that fails nothing is
                given, not even what was true before.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        return self._reader

    @property
    def is_closed(self) -> bool:
        """Whether the server is about to stop."""
        return self._is_closed

    async def run(self, tell: Callable[[bool], Awaitable[None]]) -> None:
        """Look for new checkpoints until closed; ``tell`` hears whether the log is well."""
        while not self._is_closed:
            await asyncio.sleep(self._poll_s)
            before = self._error
            if self._look() or self._error is not before:
                self._wake()
            if (self._error is None) != (before is None):
                await tell(self._error is None)

    async def wait(self, note: str, *, timeout_s: float) -> None:
        """Wait until the log has another note than ``note``, fails, or closes; or so long."""
        if self._is_closed or self._error is not None or self._reader.note != note:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_s)

    def close(self) -> None:
        """End every wait; there is no more to come."""
        self._is_closed = True
        self._wake()

    def _look(self) -> bool:
        try:
            is_new = self._reader.refresh()
        except Exception as err:  # told to every caller, by the server's edge
            if type(err) is not type(self._error):
                said = str(err) if isinstance(err, ScoringError) else ""
                facts = {"error": type(err).__name__, "reason": said}
                _LOG.error("the log cannot be served", extra=facts)
            self._error = err
            return False
        self._error = None
        return is_new

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
