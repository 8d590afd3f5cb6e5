"""The serving process: settings, a started server, and a stop that loses nothing."""

import contextlib
import ipaddress
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import grpc

# The health package ships no types.
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from grpc_health.v1.health import aio as health  # type: ignore[import-untyped]
from grpc_health.v1.health_pb2_grpc import (  # type: ignore[import-untyped]
    add_HealthServicer_to_server,
)
from pydantic import Field, model_validator

from model.artifacts import Release
from protocols.contracts.decisions import LimitPolicy
from protocols.contracts.features import Contract, read_toml
from protocols.errors import ContractError
from server.decisions.policy import policy_from_table
from server.journal.journal import open_journal
from server.serving.errors import ErrorInterceptor
from server.serving.service import (
    DECISIONS,
    SCORING,
    Clock,
    LimitDecisionService,
    Reader,
    ScoringService,
    decisions_handler,
    scoring_handler,
)
from server.serving.shared_commits import SharedCommits
from server.serving.transport import bind, stop_signal, tls_credentials

_LOG = logging.getLogger(__name__)
_STOP_GRACE_S = 10.0
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on this port fails instead of sharing its calls
    ("grpc.max_receive_message_length", 256 * 1024),  # 500 fields of the longest names fit
)
_MOST_CALLS_AT_ONCE = 1_000  # beyond it callers are told RESOURCE_EXHAUSTED

FilePath = Annotated[Path, Field(strict=False)]  # text in a TOML file


class ServingSettings(Contract):
    """Where to listen and with which files.

    Attributes:
        host: Address to listen on.
        port: 0 takes a free one.
        journal_path: SQLite file of every answer; created where there is none.
        policy_path: Limit policy in TOML.
        certificate_path, key_path: TLS chain and private key in PEM.
        client_ca_path: With it, callers must show a certificate that this CA signed.
        insecure_loopback: Plain text instead of TLS; on a loopback address only.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=50051, ge=0, le=65535)
    journal_path: FilePath
    policy_path: FilePath
    certificate_path: FilePath | None = None
    key_path: FilePath | None = None
    client_ca_path: FilePath | None = None
    insecure_loopback: bool = False

    @model_validator(mode="after")
    def _check_transport(self) -> "ServingSettings":
        files = (self.certificate_path, self.key_path)
        if not self.insecure_loopback:
            if None in files:
                raise ValueError("certificate_path and key_path are needed for TLS")
            return self
        if any((*files, self.client_ca_path)):
            raise ValueError("insecure_loopback and TLS files exclude one another")
        if not _is_loopback(self.host):
            raise ValueError("insecure_loopback needs a loopback address as host")
        return self


@dataclass(frozen=True)
class RunningServer:
    """A server that answers on ``port`` until it is stopped."""

    port: int
    server: grpc.aio.Server
    health: health.HealthServicer
    commits: SharedCommits

    async def stop(self, grace_s: float = _STOP_GRACE_S) -> None:
        """Refuse new calls, let those under way end, then close the journal."""
        await self.health.enter_graceful_shutdown()
        await self.server.stop(grace_s)
        _close(self.commits)


async def serve(release: Release, settings: ServingSettings) -> None:
    """Answer from a release until SIGTERM or SIGINT.

    Raises:
        ConfigError: A file or the address cannot be used.
        ContractError: The policy breaks a rule, or has another currency than the release.
        ChainError: The journal was tampered with.
    """
    stopping = stop_signal()
    running = await start_server(release, settings)
    _LOG.info("serving", extra={"port": running.port, "release_digest": release.digest.hex()})
    await stopping.wait()
    _LOG.info("stopping", extra={"port": running.port})
    await running.stop()


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def start_server(
    release: Release, settings: ServingSettings, *, clock: Clock = _utc_now
) -> RunningServer:
    """Return a server that is ready for calls; see ``serve`` for what it raises."""
    policy = _load_policy(settings.policy_path, release)
    credentials = _credentials(settings)
    with contextlib.ExitStack() as undo:
        commits = SharedCommits(open_journal(settings.journal_path))
        undo.callback(_close, commits)
        commits.journal.verify()
        server = _build(release, policy, commits, clock)
        status = health.HealthServicer()
        add_HealthServicer_to_server(status, server)
        port = bind(server, settings.host, settings.port, credentials=credentials)
        await server.start()
        undo.pop_all()
    for name in ("", SCORING, DECISIONS):
        await status.set(name, health_pb2.HealthCheckResponse.SERVING)
    return RunningServer(port=port, server=server, health=status, commits=commits)


def _close(commits: SharedCommits) -> None:
    commits.close()
    commits.journal.close()


def _load_policy(path: Path, release: Release) -> LimitPolicy:
    policy = policy_from_table(read_toml(path), where=path.name)
    currency = release.scorecard.contract.currency
    if policy.currency != currency:
        raise ContractError(f"{path.name}: currency must be {currency}, as in the release")
    return policy


def _build(
    release: Release, policy: LimitPolicy, commits: SharedCommits, clock: Clock
) -> grpc.aio.Server:
    server = grpc.aio.server(
        interceptors=[ErrorInterceptor()],
        options=_OPTIONS,
        maximum_concurrent_rpcs=_MOST_CALLS_AT_ONCE,
    )
    reader = Reader(release)
    handlers = (
        scoring_handler(ScoringService(reader, commits, clock)),
        decisions_handler(LimitDecisionService(reader, policy, commits, clock)),
    )
    server.add_generic_rpc_handlers(handlers)
    return server


def _credentials(settings: ServingSettings) -> grpc.ServerCredentials | None:
    if settings.certificate_path is None or settings.key_path is None:
        return None  # the settings allow this on loopback only
    return tls_credentials(settings.certificate_path, settings.key_path, settings.client_ca_path)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything
