"""The doctor knocks at ports as callers do, and says what it found there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]  # it ships no types
from grpc_health.v1.health import HealthServicer  # type: ignore[import-untyped]
from grpc_health.v1.health_pb2_grpc import (  # type: ignore[import-untyped]
    add_HealthServicer_to_server,
)

from server.callers import issue
from server.certificates import make_certificates
from server.doctor import port_checks
from server.doctor.checks import CHECKS
from server.doctor.report import Finding, Installation, examine
from server.serving.listening import tls_credentials
from tests.unit.server.doctor.installation import change, find_wrong, running, taken, tls


def _found(asked: Installation, name: str = "port") -> Finding:
    (finding,) = [item for item in examine(asked, CHECKS) if item.name == name]
    return finding


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_checks, "_PATIENCE_S", 0.15)


def test_a_port_that_something_else_has_is_found(asked: Installation) -> None:
    with taken(asked.options.port):
        wrong = find_wrong(asked)
    assert list(wrong) == ["port"]
    assert "does not speak TLS" in wrong["port"].found


def test_an_address_of_another_machine_is_found(asked: Installation) -> None:
    wrong = find_wrong(change(asked, host="192.0.2.1"))
    assert "cannot listen on 192.0.2.1" in wrong["port"].found


def test_a_number_that_is_no_port_is_found(asked: Installation) -> None:
    wrong = find_wrong(change(asked, port=65_536, metrics_port=65_536))
    assert list(wrong) == ["options", "port", "metrics port"]


def test_a_server_that_answers_is_healthy_also_with_a_renewed_certificate(
    asked: Installation,
) -> None:
    with running(asked):
        assert "a healthy server" in _found(asked).found
        made = make_certificates("127.0.0.1")
        for path, raw in zip(tls(asked), (made.server, made.server_key), strict=True):
            path.write_bytes(raw)
        assert "a healthy server" in _found(asked).found


def test_where_callers_show_certificates_one_is_shown(guarded: Installation) -> None:
    with running(guarded):
        assert "a healthy server" in _found(guarded).found
        nobody = _found(replace(guarded, certificate=None, key=None))
        assert nobody.is_ok
        assert "say --certificate and --key" in nobody.found


def test_a_caller_that_the_server_does_not_know_is_found(guarded: Installation) -> None:
    home = guarded.config.parent
    certificate, key, _ = issue("stranger.example", out=home, authority=home / "callers")
    with running(guarded):
        stranger = _found(replace(guarded, certificate=certificate, key=key))
    assert not stranger.is_ok
    assert "answers UNAUTHENTICATED" in stranger.found
    assert "access file" in stranger.next_step


def test_a_server_with_another_certificate_is_found(asked: Installation, tmp_path: Path) -> None:
    made = make_certificates("127.0.0.1")
    files = (tmp_path / "other.crt", tmp_path / "other.key")
    for path, raw in zip(files, (made.server, made.server_key), strict=True):
        path.write_bytes(raw)
    with _health(asked, files, health_pb2.HealthCheckResponse.SERVING):
        assert "another certificate" in _found(asked).found


def test_a_server_that_answers_but_does_not_serve_is_found(asked: Installation) -> None:
    with _health(asked, tls(asked), health_pb2.HealthCheckResponse.NOT_SERVING):
        assert "is not serving" in _found(asked).found


def test_a_port_is_shared_by_those_who_share_it_only(asked: Installation) -> None:
    sharing = change(asked, share_port=True)
    with running(sharing):
        assert _found(sharing).is_ok
    with running(asked):
        assert "does not share it" in _found(sharing).found


def test_a_port_of_metrics_that_something_else_has_is_found(asked: Installation) -> None:
    with taken(0) as other:
        asked = change(asked, metrics_port=other.getsockname()[1])
        wrong = find_wrong(asked)
    assert list(wrong) == ["metrics port"]
    assert _found(asked, "metrics port").found.endswith("is free")


def test_metrics_of_a_server_are_known(asked: Installation) -> None:
    with running(change(asked, metrics_port=0)) as server:
        asked = change(asked, metrics_port=server.watched.metrics_port)
        assert "a port of its own" in _found(asked, "metrics port").found


def test_a_collector_that_is_not_there_is_found(asked: Installation) -> None:
    with taken(0) as other:
        asked = change(asked, trace_to=f"http://127.0.0.1:{other.getsockname()[1]}")
        assert find_wrong(asked) == {}
    assert "nobody answers" in find_wrong(asked)["traces"].found


def test_traces_without_their_packages_are_found(
    asked: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_checks, "_TRACING", "opentelemetry.nowhere")
    wrong = find_wrong(change(asked, trace_to="http://127.0.0.1:4317"))
    assert "pip install" in wrong["traces"].found


@contextmanager
def _health(asked: Installation, files: tuple[Path, Path], status: int) -> Iterator[None]:
    health = HealthServicer()
    health.set("", status)
    server = grpc.server(ThreadPoolExecutor(1))
    add_HealthServicer_to_server(health, server)
    server.add_secure_port(f"127.0.0.1:{asked.options.port}", tls_credentials(*files))
    server.start()
    try:
        yield
    finally:
        server.stop(0).wait()
