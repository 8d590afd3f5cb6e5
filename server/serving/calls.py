"""What passes between a transport and the desk behind it: calls in, one reply for each out."""

import logging
import traceback
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration

# These two ship no types.
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

MOST_AT_ONCE = 128  # calls a desk is handed at a time

Metadata = tuple[tuple[str, str | bytes], ...]

_LOG = logging.getLogger(__name__)
_RETRY_MS = 100


class Peer(NamedTuple):
    """Who calls: the DNS names and URIs of its certificate; none without client certificates."""

    names: tuple[str, ...]


class Call(NamedTuple):
    """One request as it came.

    Attributes:
        method: Such as ``/fedscore.scoring.v1.ScoringService/Score``.
        body: The message, not parsed.
        peer: Who calls.
        metadata: What the caller sent beside the message; keys of values in bytes end in ``-bin``.
        deadline_s: For how long the caller still waits, or None.
        arrived_s: When it came, as time.monotonic().
    """

    method: str
    body: bytes
    peer: Peer
    metadata: Metadata = ()
    deadline_s: float | None = None
    arrived_s: float = 0.0


class Reply(NamedTuple):
    """What a caller gets.

    Attributes:
        messages: One for a method that answers once. A stream may be an iterator; it is asked for
            its next message when the caller has room for it, on the thread that runs the desk,
            and closed when the caller goes away.
        status: None for OK; an error has no messages.
        trailing: Metadata after the last message.
    """

    messages: Iterable[bytes]
    status: Status | None = None
    trailing: Metadata = ()


class Desk(Protocol):
    """A service that answers many calls at once, so that one commit serves all of them."""

    @property
    def methods(self) -> Collection[str]:
        """The methods that there are; others are UNIMPLEMENTED."""

    @property
    def streams(self) -> Collection[str]:
        """Those of them that answer with any number of messages."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Reply]:
        """Return one reply for each call, in the same order; never raises.

        Always called by the same thread, so never twice at once.
        """


def peer_of(names: Iterable[bytes], uris: Iterable[bytes]) -> Peer:
    """Return the names that TLS has verified; one that is no text matches none that is."""
    return Peer(tuple(name.decode(errors="backslashreplace") for name in (*names, *uris)))


def status_of_code(code: grpc.StatusCode, message: str, details: Sequence[Any] = ()) -> Status:
    """Return a status; details are messages of google.rpc, which ship no types."""
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def overloaded() -> Status:
    """Return what callers beyond the most that may wait are told: try again soon."""
    soon = RetryInfo(retry_delay=Duration(nanos=_RETRY_MS * 1_000_000))
    return status_of_code(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls wait", [soon])


def ending(reply: Reply) -> tuple[int, str, Metadata]:
    """Return a reply's code, message and trailing metadata, a status with its details in it."""
    status = reply.status
    if status is None:
        return 0, "", reply.trailing
    details = ("grpc-status-details-bin", status.SerializeToString())
    return status.code, status.message, (*reply.trailing, details)


def ask(desk: Desk, calls: Sequence[Call]) -> Sequence[Reply]:
    """Return a reply for each call: the desk's, or that it is too late for one.

    If the desk raises or loses count, all that it was asked are told INTERNAL.
    """
    timely = [call for call in calls if not _is_late(call)]
    replies = _answers(desk, timely) if timely else ()
    if len(timely) == len(calls):
        return replies
    given = iter(replies)
    return [LATE if _is_late(call) else next(given) for call in calls]


def pull(messages: Iterator[bytes], reply: Reply) -> bytes | Reply:
    """Return the next message of a reply, or with what it ends."""
    try:
        return next(messages, reply._replace(messages=()))
    except Exception as err:
        log_unexpected(err)
        return INTERNAL


def close(messages: Iterator[bytes]) -> None:
    """Let a stream that nobody reads any more release what it holds."""
    ended = getattr(messages, "close", None)
    if ended is not None:
        try:
            ended()
        except Exception as err:
            log_unexpected(err)


def log_unexpected(error: Exception) -> None:
    """Log where and what kind; the message may hold a value of a request."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    facts = {"kind": type(error).__name__, "function": frame.name, "where": where}
    _LOG.error("unexpected error", extra=facts)


def _is_late(call: Call) -> bool:
    return call.deadline_s is not None and call.deadline_s <= 0


def _answers(desk: Desk, calls: Sequence[Call]) -> Sequence[Reply]:
    try:
        replies = desk.answer(calls)
        if len(replies) != len(calls):
            raise RuntimeError("a desk must return one reply for each call")
    except Exception as err:
        log_unexpected(err)
        return [INTERNAL] * len(calls)
    return replies


# What nobody gets, but who counts calls is told: the caller went away before there was a reply.
GONE = Reply((), status_of_code(grpc.StatusCode.CANCELLED, "the caller went away"))
INTERNAL = Reply((), status_of_code(grpc.StatusCode.INTERNAL, "internal error"))
LATE = Reply((), status_of_code(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline has passed"))
NO_MESSAGE = Reply((), status_of_code(grpc.StatusCode.INVALID_ARGUMENT, "no request came"))
OVERLOADED = Reply((), overloaded())
UNKNOWN_METHOD = Reply((), status_of_code(grpc.StatusCode.UNIMPLEMENTED, "no such method"))
