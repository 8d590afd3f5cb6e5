"""The live page's watcher follows a log that a real coordinator shows over TLS."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clients.auditor.page.source import RemoteSource
from clients.auditor.page.state import Watcher
from clients.auditor.pricing import Pricing
from clients.auditor.remote import RemoteLog, open_channel
from protocols.ledger.audit import Audit
from protocols.ledger.checkpoint import LogKey
from protocols.ledger.export import export_files
from protocols.ledger.verify import verify_log
from server.audit_service.main import AuditSettings, RunningAudit, start_server
from server.certificates import make_certificates
from server.ledger.log import Log
from server.ledger.store import SqliteLogStore
from tests.adversarial.ledger.honest import World, key_for, trained

KEY = LogKey("test/log", key_for("log").public_key().public_bytes_raw())


@dataclass
class Shown:
    """A log that is shown until ``stop``."""

    running: RunningAudit
    loop: asyncio.AbstractEventLoop
    is_stopped: bool = False

    def stop(self) -> None:
        """Show it no longer."""
        if not self.is_stopped:
            asyncio.run_coroutine_threadsafe(self.running.stop(0), self.loop).result(20)
        self.is_stopped = True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the coordinator's TLS files."""
    made = make_certificates("127.0.0.1")
    (tmp_path / "server.crt").write_bytes(made.server)
    (tmp_path / "server.key").write_bytes(made.server_key)
    (tmp_path / "ca.crt").write_bytes(made.authority)
    return tmp_path


@pytest.fixture
def log(folder: Path) -> Log:
    """Return the coordinator's log, with the charter alone."""
    log = Log(SqliteLogStore(folder / "log.sqlite"), key=key_for("log"), origin=KEY.origin)
    log.append(trained().leaves[:1])
    return log


@pytest.fixture
def shown(folder: Path, log: Log) -> Iterator[Shown]:
    """Show the log, in a thread of its own."""
    settings = AuditSettings(
        log_path=folder / "log.sqlite",
        certificate_path=folder / "server.crt",
        key_path=folder / "server.key",
        port=0,
        poll_s=0.02,
        heartbeat_s=10.0,
        most_watchers=4,
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = asyncio.run_coroutine_threadsafe(start_server(KEY, settings), loop).result(20)
    shown = Shown(running, loop)
    yield shown
    shown.stop()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_it_follows_a_log_that_grows_and_says_when_it_is_gone(
    folder: Path, log: Log, shown: Shown
) -> None:
    world = trained()
    channel = open_channel(f"127.0.0.1:{shown.running.port}", ca=folder / "ca.crt")
    watcher = Watcher(
        RemoteSource(RemoteLog(channel, timeout_s=5.0)),
        terms=world.terms,
        signatures=world.signatures,
        price=lambda audit: Pricing(delta="", partners=(), population=(), disagreements=()),
        clock=lambda: datetime.now(UTC),
        settle_s=0.0,
    )
    with channel:
        for size in (1, 20, len(world.leaves)):
            if size > log.size:
                log.append(world.leaves[log.size : size])
            _look_until(watcher, size)
            assert watcher.snapshot().audit == _unwitnessed(world, size)
        assert world.witnessed
        log.keep_witnessed(world.witnessed)
        for _ in range(200):
            watcher.look()
            if watcher.snapshot().audit == world.audit():
                break
        shown.stop()
        watcher.look()
    assert "UNAVAILABLE" in watcher.snapshot().problem
    assert watcher.snapshot().lost_since is not None
    assert watcher.snapshot().audit == world.audit()


def _unwitnessed(world: World, size: int) -> Audit:
    """Return the audit of the log's beginning, before any witness has seen it."""
    leaves = world.leaves[:size]
    files = export_files(note=world.note(leaves, size), witnessed=None, leaves=leaves)
    return verify_log(world.terms, signatures=world.signatures, files=dict(files))


def _look_until(watcher: Watcher, size: int) -> None:
    for _ in range(200):
        watcher.look()
        audit = watcher.snapshot().audit
        if audit is not None and audit.size == size:
            return
    raise AssertionError(watcher.snapshot().problem)
