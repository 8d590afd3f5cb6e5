"""The auditor's client against coordinators that lie, withhold, or never end."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from clients.auditor import remote
from clients.auditor.remote import RemoteLog, RemoteLogError, open_channel
from protocols.errors import CheckpointError, ConfigError, LogSizeError
from protocols.ledger.checkpoint import Checkpoint, sign_checkpoint
from protocols.wire import audit_v1_pb2 as wire
from protocols.wire.audit_v1_pb2_grpc import (
    AuditServiceServicer,
    add_AuditServiceServicer_to_server,
)
from tests.adversarial.ledger.honest import key_for


def _note(size: int) -> str:
    return sign_checkpoint(Checkpoint("test/log", size, bytes(32)), key_for("log"))


class _Coordinator(AuditServiceServicer):
    """Says whatever a test wants, page by page."""

    def __init__(
        self,
        note: str = "",
        pages: Sequence[Sequence[bytes]] = (),
        batches: Sequence[wire.WatchEntriesResponse] = (),
    ) -> None:
        self.note, self.pages, self.batches = note, list(pages), batches
        self.asked: list[tuple[int, int]] = []

    def GetCheckpoint(
        self, request: wire.GetCheckpointRequest, context: grpc.ServicerContext
    ) -> wire.GetCheckpointResponse:
        return wire.GetCheckpointResponse(checkpoint=self.note)

    def ListEntries(
        self, request: wire.ListEntriesRequest, context: grpc.ServicerContext
    ) -> wire.ListEntriesResponse:
        self.asked.append((request.first, request.most_entries))
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        if len(self.asked) > 40:  # so that a client who never gives up does not hang the test
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "asked too often")
        return wire.ListEntriesResponse(entries=page)

    def WatchEntries(
        self, request: wire.WatchEntriesRequest, context: grpc.ServicerContext
    ) -> Iterator[wire.WatchEntriesResponse]:
        yield from self.batches
        context.abort(grpc.StatusCode.DATA_LOSS, "the log is broken")


@contextmanager
def _asked(coordinator: _Coordinator) -> Iterator[RemoteLog]:
    server = grpc.server(ThreadPoolExecutor(2))
    add_AuditServiceServicer_to_server(coordinator, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield RemoteLog(channel, timeout_s=10)
    server.stop(0).wait()


def test_leaves_are_asked_for_page_by_page_up_to_the_checkpoint() -> None:
    coordinator = _Coordinator(_note(5), [[b"c"], [b"d", b"e"]])
    with _asked(coordinator) as log:
        assert log.fetch(2) == (_note(5), [b"c", b"d", b"e"])
    assert coordinator.asked == [(2, 3), (3, 2)]


@pytest.mark.parametrize("pages", [[[]], [[b"a"], []], [[b"a", b"b", b"c", b"d"]]])
def test_fewer_or_more_leaves_than_the_checkpoint_says_are_refused(
    pages: list[list[bytes]],
) -> None:
    with _asked(_Coordinator(_note(3), pages)) as log, pytest.raises(LogSizeError):
        log.fetch()


def test_a_log_that_went_back_is_refused() -> None:
    with (
        _asked(_Coordinator(_note(3))) as log,
        pytest.raises(LogSizeError, match="from 4 to 3"),
    ):
        log.fetch(4)


@pytest.mark.parametrize("page", [[b"x" * 1_000], [b""] * 5])
def test_a_log_that_never_ends_is_given_up(
    page: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MOST_BYTES", 10_000)
    coordinator = _Coordinator(_note(10**15), [page])
    with _asked(coordinator) as log, pytest.raises(RemoteLogError, match="larger than 10000"):
        log.fetch()


@pytest.mark.parametrize(
    "note",
    [
        "",
        "test/log\n3\n",
        _note(3).replace("\n3\n", "\n-3\n"),
        _note(3).replace("\n3\n", "\n²\n"),
        _note(3).replace("\n3\n", "\n" + "9" * 17 + "\n"),
        "one line\n\n" + _note(3).split("\n\n")[1],
    ],
)
def test_a_checkpoint_without_a_size_is_refused(note: str) -> None:
    with _asked(_Coordinator(note)) as log, pytest.raises(CheckpointError):
        log.fetch()


def test_a_watch_with_a_gap_is_refused_after_what_was_right() -> None:
    batches = [
        wire.WatchEntriesResponse(first=1, entries=[b"b"], checkpoint="note 2"),
        wire.WatchEntriesResponse(first=2, entries=[], checkpoint="note 2 again"),
        wire.WatchEntriesResponse(first=3, entries=[b"d"], checkpoint="note 4"),
    ]
    with _asked(_Coordinator(batches=batches)) as log:
        watch = log.watch(1)
        assert [next(watch), next(watch)] == [("note 2", [b"b"]), ("note 2 again", [])]
        with pytest.raises(LogSizeError, match="expected entry 2, was sent entry 3"):
            next(watch)


def test_a_refusal_is_told_in_the_coordinators_words() -> None:
    with (
        _asked(_Coordinator()) as log,
        pytest.raises(RemoteLogError, match="DATA_LOSS: the log is broken"),
    ):
        next(log.watch())


def test_a_ca_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ca\.crt: absent"):
        open_channel("127.0.0.1:1", ca=tmp_path / "ca.crt")
