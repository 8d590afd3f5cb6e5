"""The coordinator's log over gRPC: fetched whole, from an index on, or watched as it grows.

Nothing that arrives is believed here, and nothing need be: ``verify_log`` holds all of it against
the log's key in the charter.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import grpc

from protocols.errors import CheckpointError, ConfigError, LogSizeError, ScoringError
from protocols.ledger.note import parse_note
from protocols.wire import audit_v1_pb2 as audit
from protocols.wire.audit_v1_pb2_grpc import AuditServiceStub

_Reply = TypeVar("_Reply")

MOST_BYTES = 1 << 30  # of one fetch; a server that never ends must not fill this machine
_LEAF_COST = 64  # what an empty leaf takes in memory, at least
_MOST_DIGITS = 16
_OPTIONS = (
    ("grpc.keepalive_time_ms", 60_000),  # a watched server whose machine is gone is noticed
    ("grpc.keepalive_timeout_ms", 20_000),
)


class RemoteLogError(ScoringError):
    """The coordinator does not show its log; whether it is true cannot be told."""

    exit_code = 2


class RemoteLog:
    """One coordinator's log."""

    def __init__(self, channel: grpc.Channel, *, timeout_s: float = 30.0) -> None:
        """Ask over ``channel``, which stays the caller's to close.

        Args:
            channel: To the coordinator; see ``open_channel``.
            timeout_s: Longest wait for one answer; a watch has none.
        """
        self._stub, self._timeout_s = AuditServiceStub(channel), timeout_s

    def fetch(self, since: int = 0) -> tuple[str, list[bytes]]:
        """Return the latest checkpoint, and the leaves under it from ``since`` on.

        Args:
            since: How many leaves are known already.

        Raises:
            CheckpointError: The checkpoint has no size.
            LogSizeError: It is over fewer leaves than ``since``, or than there are.
            RemoteLogError: There is no answer, a refusal, or more than ``MOST_BYTES``.
        """
        request = audit.GetCheckpointRequest()
        note = self._answered(self._stub.GetCheckpoint, request).checkpoint
        size = _size_in(note)
        if size < since:
            raise LogSizeError(f"the log went back from {since} to {size} entries")
        return note, list(self._leaves(since, size))

    def witnessed(self) -> str | None:
        """Return the last checkpoint that a quorum of witnesses has cosigned, if there is one.

        Asked before ``fetch``, it is of no more leaves than are fetched.

        Raises:
            RemoteLogError: There is no answer, or a refusal.
        """
        reply = self._answered(self._stub.GetCheckpoint, audit.GetCheckpointRequest())
        return reply.witnessed or None

    def watch(self, first: int = 0) -> Iterator[tuple[str, list[bytes]]]:
        """Yield checkpoints and new leaves, from ``first`` on, as the log grows.

        A step without leaves says that the coordinator lives, or that witnesses have signed. Ends
        when the coordinator stops; closing the iterator ends the call.

        Raises:
            LogSizeError: Leaves were left out.
            RemoteLogError: There is no answer, or a refusal.
        """
        call = self._stub.WatchEntries(audit.WatchEntriesRequest(first=first))
        try:
            for reply in call:
                if reply.first != first:
                    raise LogSizeError(f"expected entry {first}, was sent entry {reply.first}")
                first += len(reply.entries)
                yield reply.checkpoint, list(reply.entries)
        except grpc.RpcError as err:
            raise _error_of(err) from err
        finally:
            call.cancel()

    def _leaves(self, first: int, size: int) -> Iterator[bytes]:
        left = MOST_BYTES
        while first < size:
            request = audit.ListEntriesRequest(first=first, most_entries=min(size - first, 1024))
            reply = self._answered(self._stub.ListEntries, request)
            if not reply.entries or first + len(reply.entries) > size:
                raise LogSizeError(f"the checkpoint is over {size} entries, {first} were sent")
            yield from reply.entries
            first += len(reply.entries)
            left -= sum(len(leaf) + _LEAF_COST for leaf in reply.entries)
            if left < 0:
                raise RemoteLogError(f"the log is larger than {MOST_BYTES} bytes")

    def _answered(self, call: Callable[..., _Reply], request: object) -> _Reply:
        try:
            return call(request, timeout=self._timeout_s)
        except grpc.RpcError as err:
            raise _error_of(err) from err


def open_channel(address: str, *, ca: Path) -> grpc.Channel:
    """Return a channel over TLS.

    Args:
        address: Host and port; the host must be in the coordinator's certificate.
        ca: The federation's ``ca.crt``, in PEM.

    Raises:
        ConfigError: The file cannot be read.
    """
    try:
        authority = ca.read_bytes()
    except OSError as err:
        raise ConfigError(f"{ca.name}: absent or unreadable") from err
    credentials = grpc.ssl_channel_credentials(root_certificates=authority)
    return grpc.secure_channel(address, credentials, options=_OPTIONS)


def _size_in(note: str) -> int:
    """Return how many leaves a checkpoint says there are; who says so is not looked at."""
    lines = parse_note(note).text.split("\n")
    size = lines[1] if len(lines) > 1 else ""
    if not (size.isascii() and size.isdigit() and len(size) <= _MOST_DIGITS):
        raise CheckpointError("the checkpoint has no size")
    return int(size)


def _error_of(error: grpc.RpcError) -> RemoteLogError:
    assert isinstance(error, grpc.Call)  # so for every call that ends badly
    code, text = error.code(), error.details() or ""
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        # gRPC's own words name addresses and files of its source; our server's are kept.
        text = "no answer; are the address and the CA right?"
    return RemoteLogError(f"{code.name}: {text}")
