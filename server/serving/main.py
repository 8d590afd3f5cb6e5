"""The serving process: settings, a started server, and a stop that loses nothing."""

import contextlib
import ipaddress
import logging
import resource
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import grpc
from pydantic import Field, model_validator

from protocols.contracts.features import Contract
from protocols.stopping import stop_signals
from server.journal.journal import Journal, open_journal
from server.policies.following import Policies
from server.receipts.methods import Receipts, open_receipts
from server.serving.access import Access
from server.serving.desk import ScoringDesk
from server.serving.listening import Listening, Transport, tls_credentials
from server.serving.methods import BATCH
from server.serving.once import Clock, Once
from server.serving.releases import Find, Releases, Served, among
from server.serving.rulebook_file import read_rulebook
from server.serving.rulebooks import Rulebook
from server.serving.services import service_table
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
        policies_path: Folder of the policy book, which is followed; see docs/policies.md.
        challenger_policy_path: Another policy, which decides along and is never answered by.
        certificate_path, key_path: TLS chain and private key in PEM.
        client_ca_path: Callers must show a certificate that this CA signed.
        access_path: Says which names in such certificates may ask what; see ``Access``.
        any_caller: Whoever reaches the port may ask everything, in place of these two.
        insecure_loopback: Plain text instead of TLS; on a loopback address only.
        core: What carries calls; the fast one falls back to the public one where it must.
        is_port_shared: Other processes may listen there too, each with a part of the calls.
        metrics_host, metrics_port: Where Prometheus reads this process's metrics in plain text;
            without a port nothing is counted.
        review_due_days: From a review's request to the day by which a person must resolve it.
        trace_to: Collector of traces, OTLP over gRPC; without one nothing is traced.
        receipts: Folder of the decision log, which is kept up with the journal; without one there
            are no receipts.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=50051, ge=0, le=65535)
    journal: str
    policies_path: FilePath
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
    review_due_days: int = Field(default=30, ge=1, le=365)
    trace_to: str | None = Field(default=None, pattern=r"^https?://[^/@]+$")
    receipts: FilePath | None = None

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
    receipts: Receipts | None
    policies: Policies

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.transport.port

    def stop(self, grace_s: float = _STOP_GRACE_S) -> None:
        """Refuse new calls, let those under way end, close all logs, send the last spans."""
        self.transport.stop(grace_s)
        self.policies.close()
        self.shadow.close()
        if self.receipts is not None:
            self.receipts.close()
        for journal in self.journals:
            journal.close()
        self.watched.stop()


def serve(releases: Releases, settings: ServingSettings) -> None:
    """Answer from the releases in force until SIGTERM or SIGINT; on the main thread.

    Raises:
        ConfigError: A file or the address cannot be used.
        ContractError: A policy in force has another currency than the release.
        JournalError: The journal's database cannot be reached.
        VerificationError: The policy book is not what officers signed.
    """
    _allow_connections()
    with stop_signals() as told:
        running = start_server(lambda: releases.now, settings, find=releases.find)
        champion = releases.now.champion.digest.hex()
        facts = {"port": running.port, "metrics_port": running.watched.metrics_port}
        in_force = [digest.hex() for digest in running.policies.book.in_force(_utc_now())]
        what = {"release_digest": champion, "policy_digests": in_force}
        _LOG.info("serving", extra={**facts, **what})
        told.get()
        _LOG.info("stopping", extra={"port": running.port})
        running.stop()


def _allow_connections() -> None:
    """Take as many open files as the system allows; every connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _utc_now() -> datetime:
    return datetime.now(UTC)


def start_server(
    served: Callable[[], Served],
    settings: ServingSettings,
    *,
    clock: Clock = _utc_now,
    find: Find | None = None,
) -> RunningServer:
    """Return a server that is ready for calls; see ``serve`` for what it raises.

    Args:
        served: Gives the releases in force, which may be others at every call.
        settings: Where and how.
        clock: Says when answers are given.
        find: Returns a release, in force or not any more; without it those in force are all.
    """
    access = _access(settings)
    challenger = _challenger(settings, served().champion.scorecard.contract.currency)
    listening = Listening(
        settings.host,
        settings.port,
        credentials=_credentials(settings),
        is_port_shared=settings.is_port_shared,
    )
    currency = served().champion.scorecard.contract.currency
    with contextlib.ExitStack() as undo:
        policies = Policies(settings.policies_path, currency=currency, clock=clock)
        undo.callback(policies.close)
        journals = [open_journal(settings.journal) for _ in range(2)]  # a shadow keeps none waiting
        for journal in journals:
            undo.callback(journal.close)
        shadow = Shadow(served, journals[1], clock, challenger=challenger)
        undo.callback(shadow.close)
        table = service_table(
            served,
            find or (lambda digest: among(served(), digest)),
            journals[0],
            policies,
            clock=clock,
            access=access,
            review_due=timedelta(days=settings.review_due_days),
        )
        receipts = _receipts(settings, journals[0])
        if receipts is not None:
            undo.callback(receipts.close)
            table |= receipts.table()
        watched = _watched(settings, served, shadow, table)
        undo.callback(watched.stop)
        store = watched.store(journals[0])
        once = Once(served, store, clock, offer=shadow.offer, seen=watched.seen)
        desk = watched.desk(ScoringDesk(once, access, table, streams={BATCH}))
        listening = replace(listening, ended=watched.ended)
        transport = start_transport(desk, listening, core=settings.core)
        undo.pop_all()
    return RunningServer(transport, shadow, journals, watched, receipts, policies)


def _receipts(settings: ServingSettings, answers: Journal) -> Receipts | None:
    if settings.receipts is None:
        return None
    return open_receipts(settings.receipts, journal=settings.journal, answers=answers)


def _watched(
    settings: ServingSettings,
    served: Callable[[], Served],
    shadow: Shadow,
    methods: Collection[str],
) -> Watched:
    port = settings.metrics_port
    metrics_at = None if port is None else (settings.metrics_host, port)
    return watch(served, shadow, methods, metrics_at=metrics_at, trace_to=settings.trace_to)


def _access(settings: ServingSettings) -> Access:
    path = settings.access_path
    return Access.local() if path is None else Access.from_file(path)


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
