"""The process that shows the log: settings, a started server, and a stop that ends every watch."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

import grpc

# The health package ships no types.
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from grpc_health.v1.health import aio as health  # type: ignore[import-untyped]
from grpc_health.v1.health_pb2_grpc import (  # type: ignore[import-untyped]
    add_HealthServicer_to_server,
)

from protocols.ledger.checkpoint import LogKey
from server.audit_service.feed import Feed
from server.audit_service.requests import (
    BeyondLogError,
    TileTooLargeError,
    TooManyWatchersError,
    UnknownTileError,
)
from server.audit_service.service import AUDIT, AuditService, audit_handler
from server.ledger.reader import LogReader
from server.ledger.readonly import LogUnavailableError, ReadOnlyLogStore
from server.serving.errors import Codes, ErrorInterceptor
from server.serving.transport import bind, stop_signal, tls_credentials

_LOG = logging.getLogger(__name__)
_STOP_GRACE_S = 5.0
_MOST_CALLS_AT_ONCE = 1_000  # beyond it callers are told RESOURCE_EXHAUSTED
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on this port fails instead of sharing its calls
    ("grpc.max_receive_message_length", 4 * 1024),  # every request is a few numbers
    ("grpc.keepalive_time_ms", 60_000),  # a watcher whose machine is gone frees its place
    ("grpc.keepalive_timeout_ms", 20_000),
)
_CODES: Codes = (
    (UnknownTileError, grpc.StatusCode.NOT_FOUND, "UNKNOWN_TILE"),
    (BeyondLogError, grpc.StatusCode.OUT_OF_RANGE, "BEYOND_LOG"),
    (TileTooLargeError, grpc.StatusCode.RESOURCE_EXHAUSTED, "TILE_TOO_LARGE"),
    (TooManyWatchersError, grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_WATCHERS"),
    (LogUnavailableError, grpc.StatusCode.UNAVAILABLE, "LOG_UNAVAILABLE"),
)


@dataclass(frozen=True)
class AuditSettings:
    """What to show, and where.

    Attributes:
        log_path: The log's SQLite file, which another process writes.
        certificate_path, key_path: TLS chain and private key in PEM.
        host, port: Where to listen; port 0 takes a free one.
        poll_s: How often to look for new entries.
        heartbeat_s: Longest silence of a watched log.
        most_watchers: Streams at once.
    """

    log_path: Path
    certificate_path: Path
    key_path: Path
    host: str = "127.0.0.1"
    port: int = 50052
    poll_s: float = 0.5
    heartbeat_s: float = 15.0
    most_watchers: int = 100


@dataclass(frozen=True)
class RunningAudit:
    """A server that answers on ``port`` until it is stopped."""

    port: int
    server: grpc.aio.Server
    health: health.HealthServicer
    feed: Feed
    polling: "asyncio.Task[None]"
    store: ReadOnlyLogStore

    async def stop(self, grace_s: float = _STOP_GRACE_S) -> None:
        """Refuse new calls, end every watch, then let go of the file."""
        await self.health.enter_graceful_shutdown()
        self.feed.close()
        await self.server.stop(grace_s)
        self.polling.cancel()
        await asyncio.wait([self.polling])
        self.store.close()


async def serve_log(log: LogKey, settings: AuditSettings) -> None:
    """Show the log until SIGTERM or SIGINT.

    Args:
        log: Its name and public key, of the charter; no private key is needed.
        settings: What to show, and where.

    Raises:
        ConfigError: A file or the address cannot be used.
        VerificationError: The log is not what its checkpoint says.
    """
    stopping = stop_signal()
    running = await start_server(log, settings)
    _LOG.info("serving", extra={"port": running.port, "log_origin": log.origin})
    await stopping.wait()
    _LOG.info("stopping", extra={"port": running.port})
    await running.stop()


async def start_server(log: LogKey, settings: AuditSettings) -> RunningAudit:
    """Return a server that is ready for calls; see ``serve_log`` for what it raises."""
    credentials = tls_credentials(settings.certificate_path, settings.key_path)
    with contextlib.ExitStack() as undo:
        store = ReadOnlyLogStore(settings.log_path)
        undo.callback(store.close)
        feed = Feed(LogReader(store, log=log), poll_s=settings.poll_s)
        server, status = _build(feed, settings), health.HealthServicer()
        add_HealthServicer_to_server(status, server)
        port = bind(server, settings.host, settings.port, credentials=credentials)
        await server.start()
        undo.pop_all()

    async def tell(is_well: bool) -> None:
        kinds = health_pb2.HealthCheckResponse
        for name in ("", AUDIT):
            await status.set(name, kinds.SERVING if is_well else kinds.NOT_SERVING)

    await tell(True)
    polling = asyncio.create_task(feed.run(tell))
    return RunningAudit(port, server, status, feed, polling, store)


def _build(feed: Feed, settings: AuditSettings) -> grpc.aio.Server:
    server = grpc.aio.server(
        interceptors=[ErrorInterceptor(_CODES)],
        options=_OPTIONS,
        maximum_concurrent_rpcs=_MOST_CALLS_AT_ONCE,
    )
    service = AuditService(
        feed, heartbeat_s=settings.heartbeat_s, most_watchers=settings.most_watchers
    )
    server.add_generic_rpc_handlers((audit_handler(service),))
    return server
