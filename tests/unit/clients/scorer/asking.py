"""Both clients asked in one way, so that a test of one is a test of the other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from clients.scorer.async_client import AsyncScorerClient
from clients.scorer.client import ScorerClient
from clients.scorer.endpoint import Endpoint

# Any: what a method takes and returns, whichever it is.
Ask = Callable[..., Any]


def ask(endpoint: Endpoint, method: str, *arguments: Any, timeout_s: float = 10.0) -> Any:
    """Return what the client answers; a list of what it yields."""
    with ScorerClient(endpoint, timeout_s=timeout_s) as client:
        given = getattr(client, method)(*arguments)
        return list(given) if isinstance(given, Iterator) else given


def ask_async(endpoint: Endpoint, method: str, *arguments: Any, timeout_s: float = 10.0) -> Any:
    """Return the same of the client for an event loop, on one of its own."""

    async def answer() -> Any:
        async with AsyncScorerClient(endpoint, timeout_s=timeout_s) as client:
            given = getattr(client, method)(*arguments)
            if isinstance(given, AsyncIterator):
                return [item async for item in given]
            return await given

    return asyncio.run(answer())


both_clients = pytest.mark.parametrize("ask", [ask, ask_async], ids=["sync", "async"])
