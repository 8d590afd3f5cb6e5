"""A desk for the tests of the transports, its callers, and a process that serves it.

``python -m tests.integration.desk fast`` serves it on loopback, prints the port, and stops at
SIGTERM; the tests kill that process and look at its memory.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from protocols.stopping import stop_signals
from server.serving.calls import Call, Desk, Reply
from server.serving.fast import FastCore
from server.serving.listening import Listening, Transport
from server.serving.public import PublicCore

CORES: dict[str, Callable[[Desk, Listening], Transport]] = {
    "fast": FastCore,
    "public": PublicCore,
}
Channel: TypeAlias = grpc.Channel
CHUNK = bytes(64 * 1024)
PROMISED = 10_000  # chunks of a long stream that nobody bounds
MOST_CALLS = 300  # of the process: if it lost count of aborted calls, it would soon refuse all
_SERVICE = "/fedscore.test.Desk/"


def path(method: str) -> str:
    """Return a method's full name."""
    return _SERVICE + method


class SmallDesk:
    """Answers in the ways that a transport has to carry, and remembers what it saw.

    Attributes:
        gate, second: ``Gate`` and ``Second`` wait for theirs, so that a test knows the desk to be
            busy.
        drains: How many calls came at once, each time.
        bodies: What came.
        threads: Who asked.
        sent: How many messages of long streams were asked for.
        closed: Set once a long stream was closed.
    """

    streams = frozenset(map(path, ("Break", "Count", "Long", "Pair", "Spoiled")))
    methods = streams | frozenset(
        path(method)
        for method in (
            *("Echo", "Fail", "Gate", "Junk", "Lose", "Parse"),
            *("Refuse", "Second", "Sleep", "Tell", "Wrong"),
        )
    )

    def __init__(self) -> None:
        self.gate, self.second, self.closed = Gate(), Gate(), threading.Event()
        self.drains: list[int] = []
        self.bodies: list[bytes] = []
        self.threads: set[int] = set()
        self.sent = 0

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        """Answer a drain."""
        self.drains.append(len(calls))
        self.bodies += [call.body for call in calls]
        self.threads.add(threading.get_ident())
        replies = [self._one(call.method.removeprefix(_SERVICE), call) for call in calls]
        return [reply for reply in replies if reply is not None]

    def _one(self, method: str, call: Call) -> Reply | None:
        answers: dict[str, Callable[[Call], Reply | None]] = {
            "Echo": lambda call: Reply((call.body,)),
            "Tell": _tell,
            "Refuse": lambda _: Reply((), refusal(), (("why", "because"), ("raw-bin", b"\0\xff"))),
            "Fail": _fail,
            "Gate": self.gate.passed,
            "Second": self.second.passed,
            "Spoiled": lambda _: Reply(_Long(self, 3, chunk=1.5)),  # type: ignore[arg-type]
            "Wrong": lambda _: Reply((1.5,)),  # type: ignore[arg-type]  # on purpose
            "Sleep": _sleep,
            "Lose": lambda _: None,
            "Junk": lambda _: Reply((b"",), None, (("Not a key\n", "x"),)),
            "Parse": _parse,
            "Count": lambda call: Reply(iter([b"%d" % n for n in range(int(call.body))])),
            "Pair": lambda call: Reply((call.body, call.body), refusal()),
            "Break": lambda _: Reply(_breaking()),
            "Long": lambda call: Reply(_Long(self, int(call.body or PROMISED))),
        }
        return answers[method](call)


class Gate:
    """Holds the desk until it is opened; ``entered`` says that it does."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def passed(self, call: Call) -> Reply:
        """Answer once the gate is open."""
        self.entered.set()
        self.opened.wait(20)
        return Reply((call.body,))


class _Long:
    """Many chunks; no generator, which Python would close unasked."""

    def __init__(self, desk: SmallDesk, count: int, *, chunk: bytes = CHUNK) -> None:
        self._desk, self._left, self._chunk = desk, count, chunk

    def __iter__(self) -> "_Long":
        return self

    def __next__(self) -> bytes:
        if not self._left:
            raise StopIteration
        self._left -= 1
        self._desk.sent += 1
        return self._chunk

    def close(self) -> None:
        self._desk.closed.set()


def refusal() -> Status:
    """Return a status with a detail."""
    bad = BadRequest(field_violations=[BadRequest.FieldViolation(field="income")])
    detail = AnyMessage()
    detail.Pack(bad)
    return Status(code=grpc.StatusCode.FAILED_PRECONDITION.value[0], message="no", details=[detail])


def _tell(call: Call) -> Reply:
    metadata = [(key, repr(value)) for key, value in call.metadata]
    waits = {"deadline_s": call.deadline_s, "arrived_s": call.arrived_s}
    told = {"names": call.peer.names, "metadata": metadata, **waits}
    return Reply((json.dumps(told).encode(),), None, (("plain", "v"), ("raw-bin", b"\0\xff")))


def _fail(call: Call) -> Reply:
    raise ValueError(call.body)


def _sleep(call: Call) -> Reply:
    time.sleep(float(call.body))
    return Reply((call.body,))


def _parse(call: Call) -> Reply:
    try:
        return Reply((Status.FromString(call.body).SerializeToString(),))
    except Exception:
        return Reply((), Status(code=grpc.StatusCode.INVALID_ARGUMENT.value[0], message="junk"))


def _breaking() -> Iterator[bytes]:
    yield b"first"
    raise ValueError("a secret")


def unary(
    channel: Channel, method: str, name: str = ""
) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """Return what calls a method with bytes as they are."""
    return channel.unary_unary(name or path(method))


def ask(channel: Channel, method: str, body: bytes = b"") -> bytes:
    """Call a method and return its answer."""
    return unary(channel, method)(body, timeout=20)


def stream(channel: Channel, method: str, body: bytes = b"") -> "grpc.CallIterator[bytes]":
    """Call a method that answers with a stream."""
    call: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(path(method))
    return call(body, timeout=20)


@contextmanager
def plain_channel(port: int) -> Iterator[Channel]:
    """Open a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield channel


def main() -> None:
    """Serve until SIGTERM, then let calls under way end."""
    with stop_signals() as told:
        transport = CORES[sys.argv[1]](SmallDesk(), Listening(most_calls=MOST_CALLS))
        sys.stdout.write(f"{transport.port}\n")
        sys.stdout.flush()
        told.get()
        transport.stop(10)


if __name__ == "__main__":
    main()
