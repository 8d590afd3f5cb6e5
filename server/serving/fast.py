"""The fast core: gRPC's own C-core, driven by one thread through grpcio's private binding.

One thread takes whatever has come, hands it to the desk at once and answers all of it. No other
file touches the binding; the contract test pins what is used here, and for which grpcio.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

# Private, and typed as Any: tests/integration/test_cygrpc_contract.py holds what is used of it.
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from server.serving.calls import (
    GONE,
    INTERNAL,
    MOST_AT_ONCE,
    NO_MESSAGE,
    OVERLOADED,
    UNKNOWN_METHOD,
    Call,
    Desk,
    Reply,
    ask,
    close,
    ending,
    log_unexpected,
    peer_of,
    pull,
)
from server.serving.listening import Listening, address_taken

TESTED_GRPCIO = "1.85.1"

_AWAITED = 128  # new calls that C-core may hand over before it is asked again
_MOST_EVENTS = 512  # handled before the desk gets its turn
_TICK_S = 0.1  # how often an idle server looks whether it shall stop
_LAST_S = 5.0  # for calls that were cancelled at the end of the grace period
_NEVER_S = 1e9  # C-core has a time for "no deadline"
_Operations = tuple[cygrpc.Operation, ...]
_NONE_CAME = cygrpc.CompletionType.queue_timeout


class FastCore:
    """A desk that listens, on one thread of its own."""

    def __init__(self, desk: Desk, listening: Listening) -> None:
        """Listen and answer from now on.

        Raises:
            ConfigError: The address or the credentials cannot be used.
        """
        self._desk = desk
        self._methods = {method.encode(): method for method in desk.methods}
        self._most_calls, self._tell = listening.most_calls, listening.ended
        self._waiting: deque[_Caller] = deque()
        self._held = 0
        self._grace_ends: float | None = None
        self._is_shutting = self._is_over = False
        self._queue = cygrpc.CompletionQueue()
        self._server = cygrpc.Server(listening.options, False)
        self._server.register_completion_queue(self._queue)
        self.port = _bound(self._server, listening)
        self._server.start()
        self._thread = threading.Thread(target=self._run, name="fast core", daemon=True)
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, answer those under way within ``grace_s``, then end."""
        self._grace_ends = time.monotonic() + grace_s
        self._thread.join(grace_s + _LAST_S)

    def _run(self) -> None:
        for _ in range(_AWAITED):
            self._await_call()
        while not self._is_over:
            if self._grace_ends is not None:
                self._wind_down(self._grace_ends)
            self._handle_events(0.0 if self._waiting else time.time() + _TICK_S)
            self._answer_waiting()
        self._server.destroy()
        self._queue.shutdown()

    def _wind_down(self, grace_ends: float) -> None:
        if not self._is_shutting:
            self._is_shutting = True
            self._server.shutdown(self._queue, (self._shut, None))
        elif time.monotonic() > grace_ends:
            self._server.cancel_all_calls()

    def _handle_events(self, deadline: float) -> None:
        for _ in range(_MOST_EVENTS):
            if not self._handle_event(deadline):
                return
            deadline = 0.0

    def _handle_event(self, deadline: float) -> bool:
        # The event ends with this frame: C-core spins while one of a finished call is kept.
        event = self._queue.poll(deadline)
        if event.completion_type == _NONE_CAME:
            return False
        handle, caller = event.tag
        _attempt(handle, caller, event)
        return True

    # What C-core tells. A tag is one of these methods, and the caller it is about.

    def _arrived(self, _: None, event: "cygrpc.RequestCallEvent") -> None:
        if not event.success:
            return  # nobody: the server shuts down
        if not self._is_shutting:
            self._await_call()
        self._held += 1
        caller = _Caller(event, self._methods.get(event.call_details.method, ""))
        caller.start((cygrpc.ReceiveCloseOnServerOperation(0),), self._closed)
        if not caller.method:
            self._finish(caller, UNKNOWN_METHOD)
        elif self._held > self._most_calls:
            self._finish(caller, OVERLOADED)
        else:
            caller.start((cygrpc.ReceiveMessageOperation(0),), self._received)

    def _received(self, caller: "_Caller", event: "cygrpc.BatchOperationEvent") -> None:
        body = event.batch_operations[0].message()
        if body is None:  # cancelled, or too large, as C-core has told it, or never sent
            self._finish(caller, NO_MESSAGE)
        else:
            caller.body = body
            self._waiting.append(caller)

    def _sent(self, caller: "_Caller", event: "cygrpc.BatchOperationEvent") -> None:
        if event.success and not caller.is_gone:
            self._send_next(caller)
        else:
            close(caller.messages)

    def _ended(self, caller: "_Caller", event: "cygrpc.BatchOperationEvent") -> None:
        """Do nothing: the last bytes are on their way, and ``_closed`` counts the call off."""

    def _closed(self, caller: "_Caller", event: "cygrpc.BatchOperationEvent") -> None:
        self._held -= 1
        caller.is_gone = event.batch_operations[0].cancelled()
        ended_s = caller.ended_s or time.monotonic()
        self._tell(caller.method, caller.end, ended_s - caller.arrived_s)

    def _shut(self, _: None, event: "cygrpc.ServerShutdownEvent") -> None:
        self._is_over = True

    # What C-core is told. Operations own memory, so that each batch needs new ones: one that is
    # in two batches is freed twice.

    def _await_call(self) -> None:
        self._server.request_call(self._queue, self._queue, (self._arrived, None))

    def _answer_waiting(self) -> None:
        callers, now = self._next_callers(), time.time()
        replies = ask(self._desk, [caller.asks(now) for caller in callers])
        for caller, reply in zip(callers, replies, strict=True):
            _attempt(self._reply, caller, reply)

    def _next_callers(self) -> list["_Caller"]:
        callers: list[_Caller] = []
        while self._waiting and len(callers) < MOST_AT_ONCE:
            caller = self._waiting.popleft()
            if not caller.is_gone:
                callers.append(caller)
        return callers

    def _reply(self, caller: "_Caller", reply: Reply) -> None:
        if isinstance(reply.messages, tuple) and len(reply.messages) <= 1:
            self._finish(caller, reply)
        else:
            caller.messages, caller.reply = iter(reply.messages), reply
            self._send_next(caller)

    def _send_next(self, caller: "_Caller") -> None:
        message = pull(caller.messages, caller.reply)
        if isinstance(message, Reply):
            self._finish(caller, message)
        else:
            send = cygrpc.SendMessageOperation(message, 0)
            caller.start((*caller.greeting(), send), self._sent)

    def _finish(self, caller: "_Caller", reply: Reply) -> None:
        code, message, trailing = ending(reply)
        sends = [cygrpc.SendMessageOperation(message, 0) for message in reply.messages]
        end = cygrpc.SendStatusFromServerOperation(trailing, code, message, 0)
        caller.start((*caller.greeting(), *sends, end), self._ended)
        caller.end, caller.ended_s = reply, time.monotonic()


class _Caller:
    """One call, from its arrival to its end."""

    def __init__(self, event: "cygrpc.RequestCallEvent", method: str) -> None:
        self.call, self.method, self.arrived_s = event.call, method, time.monotonic()
        self.deadline = event.call_details.deadline  # as time.time(), and far away without one
        self.metadata = event.invocation_metadata
        self.body = b""
        self.messages: Iterator[bytes] = iter(())
        self.reply, self.end, self.ended_s = INTERNAL, GONE, 0.0
        self.is_gone = self.is_greeted = False

    def asks(self, now: float) -> Call:
        """Return the call as a desk knows it."""
        known = cygrpc.auth_context(self.call)
        peer = peer_of(known.get(b"peer_dns", ()), known.get(b"peer_uri", ()))
        deadline_s = None if self.deadline > now + _NEVER_S else self.deadline - now
        return Call(self.method, self.body, peer, self.metadata, deadline_s, self.arrived_s)

    def greeting(self) -> _Operations:
        """Return what must come before anything else, once."""
        if self.is_greeted:
            return ()
        self.is_greeted = True
        return (cygrpc.SendInitialMetadataOperation((), 0),)

    def start(self, operations: _Operations, handle: Callable[..., None]) -> None:
        """Let C-core do ``operations``; it then tells ``handle``."""
        if self.call.start_server_batch(operations, (handle, self)) != cygrpc.CallError.ok:
            raise RuntimeError("C-core does not take these operations")

    def refuse(self) -> None:
        """End the call in whatever state it is."""
        self.end = INTERNAL
        close(self.messages)
        self.call.cancel(cygrpc.StatusCode.internal, "internal error")


def _attempt(step: Callable[..., None], caller: _Caller | None, fact: object) -> None:
    # One call that cannot go on is one call, not the end of the thread that serves all.
    try:
        step(caller, fact)
    except Exception as err:
        log_unexpected(err)
        if caller is not None:
            caller.refuse()


def _bound(server: "cygrpc.Server", listening: Listening) -> int:
    address, credentials = listening.address, listening.credentials
    # Private as well, so the stubs do not know it.
    more = () if credentials is None else (credentials._credentials,)  # type: ignore[attr-defined]
    port: int = server.add_http2_port(address.encode(), *more)
    if not port:
        raise address_taken(address)
    return port
