"""Streams of answers that are under way, so many of each tenant at most.

Whoever asks for a stream and does not read it keeps a place among all calls and the memory of its
questions. So one tenant may not take all of them.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from server.serving.calls import close
from server.serving.rates import RateLimitError

MOST_STREAMS = 16  # of one tenant, at each process
_RETRY_S = 1.0


class Streams:
    """Counts the streams of each tenant that have not ended; used by the desk's thread."""

    def __init__(self) -> None:
        """Count none yet."""
        self._open: Counter[str] = Counter()

    def begin(self, tenant: str, messages: Iterator[bytes]) -> "Stream":
        """Return the messages, as one of a tenant's streams until they end or are closed.

        Raises:
            RateLimitError: The tenant has too many.
        """
        if self._open[tenant] >= MOST_STREAMS:
            raise RateLimitError("too many streams; read those first", retry_after_s=_RETRY_S)
        self._open[tenant] += 1

        def ended() -> None:
            self._open[tenant] -= 1

        return Stream(messages, ended)


class Stream:
    """Messages that tell once when they end."""

    def __init__(self, messages: Iterator[bytes], ended: Callable[[], None]) -> None:
        """Give the same messages."""
        self._messages, self._ended = messages, ended
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        """Return the messages."""
        return self

    def __next__(self) -> bytes:
        """Return the next one."""
        try:
            return next(self._messages)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End before the last message, if they have not ended."""
        if not self._is_over:
            self._is_over = True
            close(self._messages)
            self._ended()
