"""A real server over TLS shows a log that another process writes, and nothing that is false."""

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from grpc_health.v1.health_pb2_grpc import HealthStub  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from clients.auditor.cli import main as audit_main
from clients.auditor.remote import RemoteLog, RemoteLogError, open_channel
from protocols.errors import ConfigError, InclusionError
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint, sign_checkpoint
from protocols.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from protocols.ledger.tiles import tile_files, tile_path
from protocols.ledger.tree import Tree
from protocols.wire import audit_v1_pb2 as wire
from protocols.wire.audit_v1_pb2_grpc import AuditServiceStub
from server.audit_service.main import AuditSettings, RunningAudit, serve_log, start_server
from server.audit_service.service import AUDIT
from server.certificates import Certificates, make_certificates
from server.ledger.log import Log, export_log
from server.ledger.store import SqliteLogStore
from tests.adversarial.ledger.honest import charter_toml, key_for, trained

ROOT = Path(__file__).parents[2]
KEY = LogKey("test/log", key_for("log").public_key().public_bytes_raw())
_T = TypeVar("_T")


@pytest.fixture(scope="module")
def tls() -> Certificates:
    return make_certificates("127.0.0.1")


@pytest.fixture
def folder(tmp_path: Path, tls: Certificates) -> Path:
    (tmp_path / "server.crt").write_bytes(tls.server)
    (tmp_path / "server.key").write_bytes(tls.server_key)
    (tmp_path / "ca.crt").write_bytes(tls.authority)
    return tmp_path


def _log(folder: Path) -> Log:
    return Log(SqliteLogStore(folder / "log.sqlite"), key=key_for("log"), origin=KEY.origin)


def _leaves(first: int, stop: int) -> list[bytes]:
    return [b'{"entry":%d}' % number for number in range(first, stop)]


def _settings(folder: Path, *, heartbeat_s: float = 10.0, most_watchers: int = 4) -> AuditSettings:
    return AuditSettings(
        log_path=folder / "log.sqlite",
        certificate_path=folder / "server.crt",
        key_path=folder / "server.key",
        port=0,
        poll_s=0.02,
        heartbeat_s=heartbeat_s,
        most_watchers=most_watchers,
    )


def _channel(folder: Path, running: RunningAudit) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials((folder / "ca.crt").read_bytes())
    return grpc.aio.secure_channel(f"127.0.0.1:{running.port}", credentials)


@contextlib.asynccontextmanager
async def _running(folder: Path, **settings: int | float) -> AsyncIterator[RunningAudit]:
    running = await start_server(KEY, _settings(folder, **settings))  # type: ignore[arg-type]
    try:
        yield running
    finally:
        await running.stop(0)


def _asked(
    folder: Path, question: Callable[[AuditServiceStub], Awaitable[_T]], **settings: int | float
) -> _T:
    async def ask() -> _T:
        async with (
            _running(folder, **settings) as running,
            _channel(folder, running) as channel,
        ):
            return await asyncio.wait_for(question(AuditServiceStub(channel)), 20)

    return asyncio.run(ask())


@contextlib.contextmanager
def _background(folder: Path, **settings: int | float) -> Iterator[RunningAudit]:
    # A loop of its own, so that a client that blocks can ask it.
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    started = start_server(KEY, _settings(folder, **settings))  # type: ignore[arg-type]
    running = asyncio.run_coroutine_threadsafe(started, loop).result(timeout=20)
    try:
        yield running
    finally:
        asyncio.run_coroutine_threadsafe(running.stop(5), loop).result(timeout=20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _remote(folder: Path, running: RunningAudit) -> grpc.Channel:
    return open_channel(f"127.0.0.1:{running.port}", ca=folder / "ca.crt")


@contextlib.contextmanager
def _writer(folder: Path, *, count: int) -> Iterator[None]:
    """Let another process append ``count`` entries, a few at a time."""
    command = [sys.executable, "-m", "tests.integration.log_writer"]
    command += [str(folder / "log.sqlite"), str(count)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()


def _latest(note: str) -> Checkpoint:
    return open_checkpoint(note, KEY)


async def _refusal(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def _reason(error: grpc.aio.AioRpcError) -> str:
    status, info = rpc_status.from_call(error), ErrorInfo()
    assert status is not None
    assert status.details[0].Unpack(info)
    return str(info.reason)


def test_every_proof_verifies_under_a_checkpoint_that_was_given(folder: Path) -> None:
    log = _log(folder)
    log.append(_leaves(0, 11))
    leaves = _leaves(0, 11)
    roots = [Tree(map(leaf_hash, leaves[:size])).root for size in range(12)]

    async def ask(stub: AuditServiceStub) -> None:
        given = _latest((await stub.GetCheckpoint(wire.GetCheckpointRequest())).checkpoint)
        assert (given.size, given.root) == (11, roots[11])
        for new in (1, 2, 7, 8, 11):
            for index in range(new):
                request = wire.GetInclusionProofRequest(index=index, tree_size=new)
                path = (await stub.GetInclusionProof(request)).path
                verify_inclusion(leaves[index], index=index, size=new, path=path, root=roots[new])
            for old in range(new + 1):
                asked = wire.GetConsistencyProofRequest(old_size=old, new_size=new)
                path = (await stub.GetConsistencyProof(asked)).path
                verify_consistency(
                    old_size=old,
                    old_root=roots[old],
                    new_size=new,
                    new_root=roots[new],
                    path=path,
                )

    _asked(folder, ask)


def test_every_tile_is_the_file_of_a_log_written_as_tiles(folder: Path) -> None:
    log, leaves = _log(folder), _leaves(0, 700)
    log.append(leaves)
    expected = dict(tile_files(leaves))
    assert len(expected) == 7

    async def ask(stub: AuditServiceStub) -> dict[str, bytes]:
        tiles = {}
        for level, index, width in ((0, 0, 256), (0, 1, 256), (0, 2, 188), (1, 0, 2)):
            members = {"level": level, "index": index, "width": width}
            request = wire.GetTileRequest(kind=wire.TILE_KIND_HASHES, **members)
            tiles[tile_path(level, index, width)] = (await stub.GetTile(request)).tile
            if level == 0:
                request = wire.GetTileRequest(kind=wire.TILE_KIND_ENTRIES, **members)
                tiles[tile_path("entries", index, width)] = (await stub.GetTile(request)).tile
        return tiles

    assert _asked(folder, ask) == expected


def test_entries_come_in_pages_by_number_and_by_size(folder: Path) -> None:
    log, large = _log(folder), b"x" * 60_000
    log.append([*_leaves(0, 4), *[large] * 20])

    async def ask(stub: AuditServiceStub) -> None:
        async def page(**members: int) -> tuple[list[int], int]:
            reply = await stub.ListEntries(wire.ListEntriesRequest(**members))
            return [len(entry) for entry in reply.entries], reply.next

        short = len(_leaves(0, 1)[0])
        assert await page(first=1, most_entries=2) == ([short, short], 3)
        assert await page(first=0, most_bytes=2 * short) == ([short, short], 2)
        assert await page(first=0, most_bytes=2 * short - 1) == ([short], 1)
        assert await page(first=4) == ([60_000] * 16, 20)
        assert await page(first=20) == ([60_000] * 4, 24)
        assert await page(first=5, most_bytes=1) == ([60_000], 6)
        assert await page(first=24) == ([], 24)

    _asked(folder, ask)


def test_a_bundle_that_no_reply_holds_is_refused_and_not_cut(folder: Path) -> None:
    _log(folder).append([b"x" * 60_000] * 17)

    async def ask(stub: AuditServiceStub) -> grpc.aio.AioRpcError:
        request = wire.GetTileRequest(kind=wire.TILE_KIND_ENTRIES, width=17)
        return await _refusal(stub.GetTile(request))

    error = _asked(folder, ask)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert _reason(error) == "TILE_TOO_LARGE"


def test_hostile_questions_are_refused_by_field(folder: Path) -> None:
    _log(folder).append(_leaves(0, 3))
    invalid, beyond = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE

    async def ask(stub: AuditServiceStub) -> None:
        entries, proof = wire.ListEntriesRequest, wire.GetInclusionProofRequest
        hashes = wire.TILE_KIND_HASHES
        for call, code, reason, field in (
            (stub.ListEntries(entries(first=-1)), invalid, "INVALID_REQUEST", "first"),
            (stub.ListEntries(entries(first=4)), beyond, "BEYOND_LOG", "first"),
            (stub.ListEntries(entries(first=2**63 - 1)), beyond, "BEYOND_LOG", "first"),
            (stub.GetInclusionProof(proof()), invalid, "INVALID_REQUEST", "tree_size"),
            (stub.GetInclusionProof(proof(tree_size=4)), beyond, "BEYOND_LOG", "tree_size"),
            (
                stub.GetTile(wire.GetTileRequest(kind=hashes, width=4)),
                grpc.StatusCode.NOT_FOUND,
                "UNKNOWN_TILE",
                "index",
            ),
            (
                stub.GetTile(wire.GetTileRequest(kind=hashes, level=64, width=1)),
                invalid,
                "INVALID_REQUEST",
                "level",
            ),
            (
                stub.GetConsistencyProof(wire.GetConsistencyProofRequest(new_size=4)),
                beyond,
                "BEYOND_LOG",
                "new_size",
            ),
            (
                stub.WatchEntries(wire.WatchEntriesRequest(first=4)).read(),
                beyond,
                "BEYOND_LOG",
                "first",
            ),
        ):
            error = await _refusal(call)
            assert (error.code(), _reason(error)) == (code, reason)
            status, bad = rpc_status.from_call(error), BadRequest()
            assert status is not None
            assert status.details[1].Unpack(bad)
            assert [item.field for item in bad.field_violations] == [field]

    _asked(folder, ask)


def test_bytes_that_are_no_question_and_large_ones_are_refused(folder: Path) -> None:
    _log(folder)

    async def ask() -> None:
        async with _running(folder) as running, _channel(folder, running) as channel:
            for method in ("GetCheckpoint", "GetTile", "ListEntries", "GetInclusionProof"):
                path = f"/{AUDIT}/{method}"
                error = await _refusal(channel.unary_unary(path)(b"\xff\xff"))
                assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
                error = await _refusal(channel.unary_unary(path)(b"\0" * 5_000))
                assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
            stream = channel.unary_stream(f"/{AUDIT}/WatchEntries")
            error = await _refusal(stream(b"\xff\xff").read())
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT

    asyncio.run(ask())


def test_a_watcher_sees_every_entry_of_another_process_once_and_in_order(folder: Path) -> None:
    log, count = _log(folder), 300
    log.append(_leaves(0, 3))

    async def ask(stub: AuditServiceStub) -> None:
        seen: list[bytes] = []
        async for reply in stub.WatchEntries(wire.WatchEntriesRequest(first=1)):
            assert reply.first == 1 + len(seen)
            seen += reply.entries
            given = _latest(reply.checkpoint)
            assert given.size == 1 + len(seen)  # batches this small are never split
            assert given.root == Tree(map(leaf_hash, _leaves(0, given.size))).root
            if given.size == 3 + count:
                break
        assert seen == _leaves(1, 3 + count)

    with _writer(folder, count=count):
        _asked(folder, ask)


def test_answers_hold_together_while_another_process_writes(folder: Path) -> None:
    log, count = _log(folder), 300
    log.append(_leaves(0, 1))

    async def ask(stub: AuditServiceStub) -> None:
        old = _latest((await stub.GetCheckpoint(wire.GetCheckpointRequest())).checkpoint)
        while old.size < count:
            new = _latest((await stub.GetCheckpoint(wire.GetCheckpointRequest())).checkpoint)
            asked = wire.GetConsistencyProofRequest(old_size=old.size, new_size=new.size)
            path = (await stub.GetConsistencyProof(asked)).path
            sizes = {"old_size": old.size, "new_size": new.size}
            verify_consistency(old_root=old.root, new_root=new.root, path=path, **sizes)
            last = wire.GetInclusionProofRequest(index=new.size - 1, tree_size=new.size)
            path = (await stub.GetInclusionProof(last)).path
            listed = await stub.ListEntries(wire.ListEntriesRequest(first=new.size - 1))
            verify_inclusion(
                listed.entries[0], index=new.size - 1, size=new.size, path=path, root=new.root
            )
            old = new

    with _writer(folder, count=count):
        _asked(folder, ask)


def test_a_long_log_is_watched_in_batches_under_one_checkpoint(folder: Path) -> None:
    _log(folder).append(_leaves(0, 3_000))

    async def ask(stub: AuditServiceStub) -> list[tuple[int, int]]:
        batches = []
        async for reply in stub.WatchEntries(wire.WatchEntriesRequest(first=0)):
            assert _latest(reply.checkpoint).size == 3_000
            batches.append((reply.first, len(reply.entries)))
            if reply.first + len(reply.entries) == 3_000:
                break
        return batches

    assert _asked(folder, ask) == [(0, 1024), (1024, 1024), (2048, 952)]


def test_a_silent_log_has_a_heartbeat(folder: Path) -> None:
    _log(folder).append(_leaves(0, 2))

    async def ask(stub: AuditServiceStub) -> None:
        call = stub.WatchEntries(wire.WatchEntriesRequest(first=2))
        for _ in range(3):
            reply = await call.read()
            assert isinstance(reply, wire.WatchEntriesResponse)
            assert (reply.first, list(reply.entries)) == (2, [])
            assert _latest(reply.checkpoint).size == 2

    _asked(folder, ask, heartbeat_s=0.05)


def test_only_so_many_watch_and_one_who_leaves_makes_room(folder: Path) -> None:
    _log(folder).append(_leaves(0, 1))

    async def ask(stub: AuditServiceStub) -> None:
        def watch() -> "grpc.aio.UnaryStreamCall[object, wire.WatchEntriesResponse]":
            return stub.WatchEntries(wire.WatchEntriesRequest())

        calls = [watch(), watch()]
        for call in calls:
            await call.read()
        error = await _refusal(watch().read())
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert _reason(error) == "TOO_MANY_WATCHERS"
        await stub.GetCheckpoint(wire.GetCheckpointRequest())  # others are still answered
        calls[0].cancel()
        until = time.monotonic() + 10
        while True:
            later = watch()
            try:
                await later.read()
                break
            except grpc.aio.AioRpcError:
                assert time.monotonic() < until
                await asyncio.sleep(0.01)

    _asked(folder, ask, most_watchers=2)


def test_a_stop_ends_every_watch_as_done(folder: Path) -> None:
    _log(folder).append(_leaves(0, 1))

    async def ask() -> None:
        running = await start_server(KEY, _settings(folder))
        async with _channel(folder, running) as channel:
            call = AuditServiceStub(channel).WatchEntries(wire.WatchEntriesRequest())
            await call.read()
            await asyncio.wait_for(running.stop(10), 5)
            assert await call.read() is grpc.aio.EOF
            assert await call.code() is grpc.StatusCode.OK

    asyncio.run(ask())


def _tamper(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "log.sqlite") as database:
        database.execute(statement)
    database.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE leaves SET leaf = X'7B7D' WHERE position = 2", "DELETE FROM leaves"]
)
def test_a_server_does_not_start_on_a_tampered_log(folder: Path, statement: str) -> None:
    _log(folder).append(_leaves(0, 5))
    _tamper(folder, statement)
    with pytest.raises(InclusionError):
        asyncio.run(start_server(KEY, _settings(folder)))


def test_a_leaf_that_was_changed_under_a_running_server_is_never_given(folder: Path) -> None:
    _log(folder).append(_leaves(0, 5))

    async def ask(stub: AuditServiceStub) -> None:
        await stub.ListEntries(wire.ListEntriesRequest())
        _tamper(folder, "UPDATE leaves SET leaf = X'7B7D' WHERE position = 2")
        bundle = wire.GetTileRequest(kind=wire.TILE_KIND_ENTRIES, width=5)
        for call in (
            stub.ListEntries(wire.ListEntriesRequest()),
            stub.GetTile(bundle),
            stub.WatchEntries(wire.WatchEntriesRequest()).read(),
        ):
            error = await _refusal(call)
            assert error.code() is grpc.StatusCode.DATA_LOSS
            assert _reason(error) == "VERIFICATION_FAILED"
            assert "entry 2" in str(error.details())

    _asked(folder, ask)


def test_a_log_that_is_no_continuation_is_refused_until_it_is_one_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = _log(folder)
    log.append(_leaves(0, 5))
    honest = log.note
    other = Tree(map(leaf_hash, _leaves(1, 7)))

    async def ask() -> None:
        async with _running(folder) as running, _channel(folder, running) as channel:
            stub, health = AuditServiceStub(channel), HealthStub(channel)
            watching = stub.WatchEntries(wire.WatchEntriesRequest())
            await watching.read()
            forged = Checkpoint(KEY.origin, 6, other.root)
            _publish(folder, sign_checkpoint(forged, key_for("log")))
            # The watcher hears first; then everybody.
            error = await _refusal(watching.read())
            assert error.code() is grpc.StatusCode.DATA_LOSS
            error = await _refusal(stub.GetCheckpoint(wire.GetCheckpointRequest()))
            assert error.code() is grpc.StatusCode.DATA_LOSS
            assert await _health(health) == health_pb2.HealthCheckResponse.NOT_SERVING
            _publish(folder, honest)
            until = time.monotonic() + 10
            while await _health(health) != health_pb2.HealthCheckResponse.SERVING:
                assert time.monotonic() < until
                await asyncio.sleep(0.01)
            assert (await stub.GetCheckpoint(wire.GetCheckpointRequest())).checkpoint == honest

    asyncio.run(asyncio.wait_for(ask(), 20))
    assert [item.message for item in caplog.records if item.levelno >= logging.ERROR] == [
        "the log cannot be served"
    ]


def _publish(folder: Path, note: str) -> None:
    with sqlite3.connect(folder / "log.sqlite") as database:
        database.execute("UPDATE checkpoints SET note = ?", (note,))
    database.close()


async def _health(stub: HealthStub) -> int:
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=AUDIT))
    return int(answer.status)


def test_health_is_serving_and_unknown_for_others(folder: Path) -> None:
    _log(folder)

    async def ask() -> None:
        async with _running(folder) as running, _channel(folder, running) as channel:
            stub = HealthStub(channel)
            assert await _health(stub) == health_pb2.HealthCheckResponse.SERVING
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.Check(health_pb2.HealthCheckRequest(service="other"))
            watched = await stub.Watch(health_pb2.HealthCheckRequest(service=AUDIT)).read()
            assert watched.status == health_pb2.HealthCheckResponse.SERVING

    asyncio.run(ask())


def test_a_missing_log_or_certificate_is_said_before_anything_listens(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no log here yet"):
        asyncio.run(start_server(KEY, _settings(folder)))
    _log(folder)
    (folder / "server.key").unlink()
    with pytest.raises(ConfigError, match=r"server\.key"):
        asyncio.run(start_server(KEY, _settings(folder)))


def test_a_term_signal_stops_the_server(folder: Path) -> None:
    _log(folder)

    async def run() -> None:
        serving = asyncio.create_task(serve_log(KEY, _settings(folder)))
        await asyncio.sleep(0.2)
        assert not serving.done()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(serving, timeout=10)

    asyncio.run(run())


def test_a_client_fetches_the_log_and_then_what_is_new(folder: Path) -> None:
    log = _log(folder)
    log.append(_leaves(0, 2_500))
    with _background(folder) as running, _remote(folder, running) as channel:
        remote = RemoteLog(channel)
        assert remote.fetch() == (log.note, _leaves(0, 2_500))
        assert remote.fetch(2_498) == (log.note, _leaves(2_498, 2_500))
        assert remote.fetch(2_500) == (log.note, [])


def test_a_client_watches_until_the_server_stops(folder: Path) -> None:
    log = _log(folder)
    log.append(_leaves(0, 3))
    with _background(folder) as running:
        channel = _remote(folder, running)
        watch = RemoteLog(channel).watch(1)
        assert next(watch) == (log.note, _leaves(1, 3))
        log.append(_leaves(3, 5))
        assert next(watch) == (log.note, _leaves(3, 5))
        leaving = RemoteLog(channel).watch(5)
        assert next(leaving) == (log.note, [])
        leaving.close()  # type: ignore[attr-defined]  # a generator is what it is
    assert list(watch) == []
    channel.close()


def test_with_another_ca_or_without_tls_there_is_no_answer(folder: Path) -> None:
    _log(folder)
    (folder / "other.crt").write_bytes(make_certificates("127.0.0.1").authority)
    with _background(folder) as running:
        address = f"127.0.0.1:{running.port}"
        for channel in (
            open_channel(address, ca=folder / "other.crt"),
            grpc.insecure_channel(address),
        ):
            with channel:
                with pytest.raises(RemoteLogError, match="UNAVAILABLE: no answer"):
                    RemoteLog(channel).fetch()
                with pytest.raises(RemoteLogError, match="UNAVAILABLE: no answer"):
                    next(RemoteLog(channel).watch())


def test_fetch_writes_what_an_export_is_and_verify_finds_it_true(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, log = trained(), _log(folder)
    log.append(world.leaves)
    assert world.witnessed
    log.keep_witnessed(world.witnessed)
    export_log(log, folder / "exported")
    (folder / "charter.toml").write_text(charter_toml(world.table), encoding="utf-8")
    (folder / "signatures.json").write_bytes(world.signatures)
    out = folder / "deep" / "fetched"
    with _background(folder) as running:
        words = ["--log", f"127.0.0.1:{running.port}", "--ca", str(folder / "ca.crt")]
        assert audit_main(["fetch", *words, "--out", str(out)]) == 0
    assert f"Wrote {log.size} entries" in capsys.readouterr().out
    assert _files(out) == _files(folder / "exported")
    assert audit_main(["verify", str(out), "--charter", str(folder / "charter.toml")]) == 0


def _files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
