"""When a question is asked again: only where that is safe, and within its one deadline.

Every question is safe to ask again, since the same request id and body get the same answer. What
decides is whether it can help. UNAVAILABLE may: no server, or one that starts or swaps its disk;
and CANCELLED, which a server that stops makes of a call that is just arriving.
RESOURCE_EXHAUSTED may if the server says when (``google.rpc.RetryInfo``); without that it never
will, as for a request that is too large. Anything else is an answer: it would come again.

gRPC's own ``retryPolicy`` is not used: it reads no RetryInfo, gives up after five attempts, and
sees no difference between the two kinds of RESOURCE_EXHAUSTED. A package such as tenacity would
bring the loop, six lines of it, but none of what is here.
"""

import random
import time
from collections.abc import Callable

import grpc

from clients.scorer.failures import Failure, error_of, failure_of

_FIRST_S, _MOST_S = 0.1, 2.0  # the most to wait after the first attempt, and after any
_DOUBLINGS = 10  # beyond them it is _MOST_S for long


class Attempts:
    """The attempts of one question, under one deadline that begins now."""

    def __init__(
        self,
        timeout_s: float,
        *,
        hint: str = "",
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Begin.

        Args:
            timeout_s: For all attempts and the pauses between them.
            hint: What to look at if the server hangs up.
            clock: Seconds that never go back.
            draw: A number in [0, 1), another one each time.
        """
        self._clock, self._draw, self._hint = clock, draw, hint
        self._until_s = clock() + timeout_s
        self._count = 0
        self._before: Failure | None = None

    @property
    def left_s(self) -> float:
        """For how long the next attempt may take."""
        return max(0.0, self._until_s - self._clock())

    def wait_s(self, error: grpc.RpcError) -> float:
        """Return for how long to wait before the next attempt.

        Raises:
            ScoringError: There is none: it would not help, or come too late.
        """
        failure = failure_of(error)
        pause_s = self._pause_s(failure)
        if pause_s is None or pause_s >= self.left_s:
            raise error_of(failure, before=self._before, hint=self._hint) from error
        self._count += 1
        self._before = failure
        return pause_s

    def _pause_s(self, failure: Failure) -> float | None:
        if failure.code is grpc.StatusCode.DEADLINE_EXCEEDED or not failure.may_pass:
            return None
        # Full jitter: clients that a server left at once do not come back at once.
        most_s = min(_MOST_S, _FIRST_S * (1 << min(self._count, _DOUBLINGS)))
        return (failure.retry_after_s or 0.0) + self._draw() * most_s
