"""The serving process: settings, a started server, and a stop that loses nothing."""

import contextlib
import ipaddress
import logging
import resource
import signal
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import grpc
from pydantic import Field, model_validator

from protocols.contracts.features import Contract
from server.journal.journal import Journal, open_journal
from server.serving.access import Access
from server.serving.desk import ScoringDesk
from server.serving.limit_question import Rulebook
from server.serving.listening import Listening, Transport, tls_credentials
from server.serving.methods import BATCH, Methods
from server.serving.once import Clock, Once
from server.serving.releases import Releases, Served
from server.serving.rulebook_file import read_rulebook
from server.serving.shadow import Shadow
from server.serving.transport import Core, start_transport
from server.watch.watch import Watched, watch

_LOG = logging.getLogger(__name__)
_STOP_GRACE_S = 10.0

FilePath = Annotated[Path, Field(strict=False)]  # text in a TOML file


class ServingSettings(Contract):
    """Where to listen and with which files.

    Attributes:
        host: Address to listen on.
        port: 0 takes a free one.
        journal: Where every answer is stored: a file, created where there is none, or the URL of
            a database.
        policy_path: Limit policy in TOML.
        challenger_policy_path: Another, which decides along and is never answered by.
        certificate_path, key_path: TLS chain and private key in PEM.
        client_ca_path: Callers must show a certificate that this CA signed.
        access_path: Says which names in such certificates may ask what; see ``Access``.
        any_caller: Whoever reaches the port may ask everything, in place of these two.
        insecure_loopback: Plain text instead of TLS; on a loopback address only.
        core: What carries calls; the fast one falls back to the public one where it must.
        is_port_shared: Other processes may listen there too, each with a part of the calls.
        metrics_host, metrics_port: Where Prometheus reads this process's metrics in plain text;
            without a port nothing is counted.
        trace_to: Collector of traces, OTLP over gRPC; without one nothing is traced.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=50051, ge=0, le=65535)
    journal: str
    policy_path: FilePath
    challenger_policy_path: FilePath | None = None
    certificate_path: FilePath | None = None
    key_path: FilePath | None = None
    client_ca_path: FilePath | None = None
    access_path: FilePath | None = None
    any_caller: bool = False
    insecure_loopback: bool = False
    core: Core = "fast"
    is_port_shared: bool = False
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    trace_to: str | None = Field(default=None, pattern=r"^https?://[^/@]+$")

    @model_validator(mode="after")
    def _check_transport(self) -> "ServingSettings":
        files = (self.certificate_path, self.key_path)
        if not self.insecure_loopback:
            if None in files:
                raise ValueError("certificate_path and key_path are needed for TLS")
            return self._checked_callers()
        if any((*files, *self._callers)) or self.any_caller:
            raise ValueError("insecure_loopback and TLS files exclude one another")
        if not _is_loopback(self.host):
            raise ValueError("insecure_loopback needs a loopback address as host")
        return self

    @property
    def _callers(self) -> tuple[Path | None, Path | None]:
        return self.client_ca_path, self.access_path

    def _checked_callers(self) -> "ServingSettings":
        if self.any_caller and any(self._callers):
            raise ValueError("--any-caller excludes --client-ca and --access")
        if not self.any_caller and None in self._callers:
            raise ValueError("needs --access and --client-ca, or --any-caller")
        return self


@dataclass(frozen=True)
class RunningServer:
    """A server that answers on ``port`` until it is stopped."""

    transport: Transport
    shadow: Shadow
    journals: Sequence[Journal]
    watched: Watched

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.transport.port

    def stop(self, grace_s: float = _STOP_GRACE_S) -> None:
        """Refuse new calls, let those under way end, close the journals, send the last spans."""
        self.transport.stop(grace_s)
        self.shadow.close()
        for journal in self.journals:
            journal.close()
        self.watched.stop()


def serve(releases: Releases, settings: ServingSettings) -> None:
    """Answer from the releases in force until SIGTERM or SIGINT; on the main thread.

    Raises:
        ConfigError: A file or the address cannot be used.
        ContractError: The policy breaks a rule, or has another currency than the release.
        JournalError: The journal's database cannot be reached.
    """
    _allow_connections()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    running = start_server(lambda: releases.now, settings)
    champion = releases.now.champion.digest.hex()
    facts = {"port": running.port, "metrics_port": running.watched.metrics_port}
    _LOG.info("serving", extra={**facts, "release_digest": champion})
    stopping.wait()
    _LOG.info("stopping", extra={"port": running.port})
    running.stop()


def _allow_connections() -> None:
    """Take as many open files as the system allows; every connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _utc_now() -> datetime:
    return datetime.now(UTC)


def start_server(
    served: Callable[[], Served], settings: ServingSettings, *, clock: Clock = _utc_now
) -> RunningServer:
    """Return a server that is ready for calls; see ``serve`` for what it raises.

    Args:
        served: Gives the releases in force, which may be others at every call.
        settings: Where and how.
        clock: Says when answers are given.
    """
    currency, path = served().champion.scorecard.contract.currency, settings.access_path
    rulebook = read_rulebook(settings.policy_path, currency=currency)
    challenger = _challenger(settings, currency)
    access = Access.local() if path is None else Access.from_file(path)
    listening = Listening(
        settings.host,
        settings.port,
        credentials=_credentials(settings),
        is_port_shared=settings.is_port_shared,
    )
    with contextlib.ExitStack() as undo:
        journals = [open_journal(settings.journal) for _ in range(2)]  # a shadow keeps none waiting
        for journal in journals:
            undo.callback(journal.close)
        shadow = Shadow(served, journals[1], clock, challenger=challenger)
        undo.callback(shadow.close)
        table = Methods(served, journals[0], rulebook).table()
        watched = _watched(settings, served, shadow, table)
        undo.callback(watched.stop)
        store = watched.store(journals[0])
        once = Once(served, store, clock, offer=shadow.offer, seen=watched.seen)
        desk = watched.desk(ScoringDesk(once, access, table, streams={BATCH}))
        listening = replace(listening, ended=watched.ended)
        transport = start_transport(desk, listening, core=settings.core)
        undo.pop_all()
    return RunningServer(transport, shadow, journals, watched)


def _watched(
    settings: ServingSettings,
    served: Callable[[], Served],
    shadow: Shadow,
    methods: Collection[str],
) -> Watched:
    port = settings.metrics_port
    metrics_at = None if port is None else (settings.metrics_host, port)
    return watch(served, shadow, methods, metrics_at=metrics_at, trace_to=settings.trace_to)


def _challenger(settings: ServingSettings, currency: str) -> Rulebook | None:
    path = settings.challenger_policy_path
    return None if path is None else read_rulebook(path, currency=currency)


def _credentials(settings: ServingSettings) -> grpc.ServerCredentials | None:
    if settings.certificate_path is None or settings.key_path is None:
        return None  # the settings allow this on loopback only
    return tls_credentials(settings.certificate_path, settings.key_path, settings.client_ca_path)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything
