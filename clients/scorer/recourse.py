"""Clients by which decisions are contested, reviewed and labelled: a plain one and its twin."""

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from clients.scorer import recourse_calls as calls
from clients.scorer.asking import ask, ask_async
from clients.scorer.calls import Call
from clients.scorer.endpoint import Endpoint
from clients.scorer.retries import Attempts
from protocols.contracts.cases import CaseEvent, CaseFile, CaseSummary
from protocols.contracts.recourse import Step

_Answer = TypeVar("_Answer")


class RecourseClient:
    """Asks one server, from any number of threads; use as a context manager, or close it.

    What a caller may do is a matter of its certificate. A step is asked again within its deadline
    where that may help, and is taken once. Every method raises what ``ScorerClient`` does, and

        StaleCaseError: The case has changed since it was read; has the current version.
        CaseError: The case does not allow the step now.
        ReviewerError: This officer may not decide it.
    """

    def __init__(self, endpoint: Endpoint, *, timeout_s: float = 10.0) -> None:
        """Connect when the first question is asked; see ``ScorerClient``."""
        self._channel = endpoint.channel()
        self._hint, self._timeout_s = endpoint.hint, timeout_s

    def __enter__(self) -> "RecourseClient":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the connection, and every call that is under way."""
        self._channel.close()

    def take(self, step: Step) -> CaseEvent:
        """Take a step, such as ``RequestReview(...)``, and return what was recorded."""
        return self._ask(calls.take(step))

    def get_case(self, decision_id: str) -> CaseFile:
        """Return the case of a decision as it is now; one that nobody contested has no events."""
        return self._ask(calls.get_case(decision_id))

    def list_cases(self) -> Iterator[CaseSummary]:
        """Yield the tenant's cases: those under review first, what is due soonest first."""
        page = self._ask(calls.list_cases(""))
        yield from page.cases
        while page.next_token:
            page = self._ask(calls.list_cases(page.next_token))
            yield from page.cases

    def _ask(self, call: Call[_Answer]) -> _Answer:
        return ask(self._channel, call, Attempts(self._timeout_s, hint=self._hint))


class AsyncRecourseClient:
    """Asks one server from one event loop; what ``RecourseClient`` promises holds here too."""

    def __init__(self, endpoint: Endpoint, *, timeout_s: float = 10.0) -> None:
        """Connect when the first question is asked; on the loop that will ask."""
        self._channel = endpoint.async_channel()
        self._hint, self._timeout_s = endpoint.hint, timeout_s

    async def __aenter__(self) -> "AsyncRecourseClient":
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """End the connection, and every call that is under way."""
        await self._channel.close()

    async def take(self, step: Step) -> CaseEvent:
        """Take a step, such as ``RequestReview(...)``, and return what was recorded."""
        return await self._ask(calls.take(step))

    async def get_case(self, decision_id: str) -> CaseFile:
        """Return the case of a decision as it is now; one that nobody contested has no events."""
        return await self._ask(calls.get_case(decision_id))

    async def list_cases(self) -> AsyncIterator[CaseSummary]:
        """Yield the tenant's cases: those under review first, what is due soonest first."""
        page = await self._ask(calls.list_cases(""))
        for case in page.cases:
            yield case
        while page.next_token:
            page = await self._ask(calls.list_cases(page.next_token))
            for case in page.cases:
                yield case

    async def _ask(self, call: Call[_Answer]) -> _Answer:
        return await ask_async(self._channel, call, Attempts(self._timeout_s, hint=self._hint))
