"""The public core: a desk behind ``grpc.aio``, by grpcio's public interface alone.

The event loop takes calls in and hands replies out; one worker thread gives the desk all that
waits at once. So a desk sees what it would see behind the fast core, more slowly.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import grpc

from server.serving.calls import (
    GONE,
    MOST_AT_ONCE,
    OVERLOADED,
    Call,
    Desk,
    Reply,
    ask,
    close,
    ending,
    peer_of,
    pull,
)
from server.serving.listening import Listening, bind

_LAST_S = 5.0  # for calls that were cancelled at the end of the grace period
# The loop takes calls in one by one. Where several come at once it pays to wait for more of them:
# without, a drain held 5 of 64 and an answer cost two thirds more of the processor.
_GATHER_S = 0.001
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_T = TypeVar("_T")


class PublicCore:
    """A desk that listens, on an event loop and a worker of its own."""

    def __init__(self, desk: Desk, listening: Listening) -> None:
        """Listen and answer from now on.

        Raises:
            ConfigError: The address or the credentials cannot be used.
        """
        self._desk = desk
        self._most_calls, self._tell = listening.most_calls, listening.ended
        self._waiting: deque[_Caller] = deque()
        self._held = 0
        self._is_draining = self._is_busy = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="public core's desk")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="public core", daemon=True)
        self._thread.start()
        try:
            self._server, self.port = self._do(self._listen(listening))
        except BaseException:
            self._end()
            raise

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, answer those under way within ``grace_s``, then end."""
        if self._thread.is_alive():
            self._do(self._server.stop(grace_s))
            self._end()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LAST_S)
        self._worker.shutdown(wait=False)

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, listening: Listening) -> tuple[grpc.aio.Server, int]:
        server = grpc.aio.server(options=listening.options)
        server.add_generic_rpc_handlers((_Methods(self._desk, self._unary, self._stream),))
        place = (listening.host, listening.port)
        port = bind(server, *place, credentials=listening.credentials)
        await server.start()
        return server, port

    async def _unary(self, caller: "_Caller") -> bytes:
        with self._held_call(caller):
            reply = await self._reply(caller)
            await _conclude(caller, reply)
            (message,) = reply.messages
            return message

    async def _stream(self, caller: "_Caller") -> None:
        with self._held_call(caller):
            reply = await self._reply(caller)
            messages = iter(reply.messages)
            try:
                while isinstance(message := await self._on_worker(pull, messages, reply), bytes):
                    await caller.context.write(message)
            finally:
                self._worker.submit(close, messages)
            await _conclude(caller, message)

    @contextmanager
    def _held_call(self, caller: "_Caller") -> Iterator[None]:
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._tell(caller.method, caller.given, time.monotonic() - caller.arrived_s)

    async def _on_worker(self, step: Callable[..., _T], *arguments: object) -> _T:
        return await self._loop.run_in_executor(self._worker, step, *arguments)

    async def _reply(self, caller: "_Caller") -> Reply:
        if self._held > self._most_calls:
            return OVERLOADED
        self._waiting.append(caller)
        if not self._is_draining:
            self._drain_soon()
        return await caller.reply

    def _drain_soon(self) -> None:
        self._is_draining = bool(self._waiting)
        if self._is_draining:
            self._worker.submit(self._drain)

    def _drain(self) -> None:  # on the worker's thread
        if self._is_busy:
            time.sleep(_GATHER_S)
        callers: list[_Caller] = []
        while self._waiting and len(callers) < MOST_AT_ONCE:
            caller = self._waiting.popleft()
            if not caller.reply.done():
                callers.append(caller)
        self._is_busy = len(callers) > 1
        replies = ask(self._desk, [caller.asks() for caller in callers])
        self._loop.call_soon_threadsafe(self._settle, callers, replies)

    def _settle(self, callers: Sequence["_Caller"], replies: Sequence[Reply]) -> None:
        for caller, reply in zip(callers, replies, strict=True):
            if not caller.reply.done():
                caller.reply.set_result(reply)
            elif not isinstance(reply.messages, tuple):  # who asked has gone
                self._worker.submit(close, iter(reply.messages))
        self._drain_soon()


class _Caller:
    """One call, from its arrival to its end; the worker must not touch its context."""

    def __init__(self, method: str, body: bytes, context: "_Context") -> None:
        known, waits_s = context.auth_context(), context.time_remaining()
        peer = peer_of(known.get("peer_dns", ()), known.get("peer_uri", ()))
        metadata = tuple(context.invocation_metadata() or ())
        self.method, self.arrived_s, self.given = method, time.monotonic(), GONE
        self._call = Call(method, body, peer, metadata, arrived_s=self.arrived_s)
        self._deadline = None if waits_s is None else time.monotonic() + waits_s
        self.context = context
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def asks(self) -> Call:
        """Return the call as a desk knows it."""
        if self._deadline is None:
            return self._call
        return self._call._replace(deadline_s=self._deadline - time.monotonic())


class _Methods(grpc.GenericRpcHandler):
    """Finds a method's handler by its name."""

    def __init__(self, desk: Desk, unary: "_Unary", stream: "_Stream") -> None:
        self._handlers = {
            method: _stream_handler(method, stream)
            if method in desk.streams
            else _unary_handler(method, unary)
            for method in desk.methods
        }

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        """Return the handler, or None for a method that there is not."""
        return self._handlers.get(handler_call_details.method)


# grpc's classes are generic for the type checker only.
_Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
_Unary = Callable[[_Caller], Awaitable[bytes]]
_Stream = Callable[[_Caller], Awaitable[None]]


def _unary_handler(method: str, unary: _Unary) -> "grpc.RpcMethodHandler[bytes, bytes]":
    async def answer(body: bytes, context: _Context) -> bytes:
        return await unary(_Caller(method, body, context))

    return grpc.unary_unary_rpc_method_handler(answer)


def _stream_handler(method: str, stream: _Stream) -> "grpc.RpcMethodHandler[bytes, bytes]":
    async def answer(body: bytes, context: _Context) -> None:
        await stream(_Caller(method, body, context))

    return grpc.unary_stream_rpc_method_handler(answer)


async def _conclude(caller: _Caller, reply: Reply) -> None:
    caller.given = reply
    code, message, trailing = ending(reply)
    if code:
        await caller.context.abort(_CODES[code], message, trailing)
    elif trailing:
        caller.context.set_trailing_metadata(trailing)
