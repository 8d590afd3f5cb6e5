"""A server starts with TLS, or in plain text on loopback by explicit wish; nothing between."""

import resource
from pathlib import Path

import pytest
from pydantic import ValidationError

from protocols.errors import ConfigError, ContractError, FolderError
from server.serving.main import ServingSettings, _allow_connections, start_server
from tests.policies import write_policies
from tests.unit.server.serving.world import (
    POLICY_TOML,
    make_release,
    plain_settings,
    serving,
    tls_settings,
    write_world,
)

FILES = {"journal": "journal.sqlite", "policies_path": "policies"}
TLS = {"certificate_path": "server.pem", "key_path": "server.key"}
CALLERS = {"client_ca_path": "ca.pem", "access_path": "access.toml"}


def test_text_from_a_file_becomes_settings() -> None:
    settings = ServingSettings.model_validate({**FILES, **TLS, **CALLERS, "port": 8443})
    assert (settings.host, settings.port) == ("127.0.0.1", 8443)
    assert settings.key_path == Path("server.key")
    assert not settings.insecure_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1"])
def test_plain_text_is_possible_on_loopback(host: str) -> None:
    settings = ServingSettings.model_validate({**FILES, "host": host, "insecure_loopback": True})
    assert settings.insecure_loopback


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, "needed for TLS"),
        ({"certificate_path": "server.pem"}, "needed for TLS"),
        ({"key_path": "server.key"}, "needed for TLS"),
        ({"insecure_loopback": True, **TLS}, "exclude one another"),
        ({"insecure_loopback": True, "client_ca_path": "ca.pem"}, "exclude one another"),
        ({"insecure_loopback": True, "host": "0.0.0.0"}, "needs a loopback address"),
        ({"insecure_loopback": True, "host": "::"}, "needs a loopback address"),
        ({"insecure_loopback": True, "host": "192.0.2.1"}, "needs a loopback address"),
        ({"insecure_loopback": True, "host": "localhost"}, "needs a loopback address"),
        (TLS, "needs --access and --client-ca"),
        ({**TLS, "client_ca_path": "ca.pem"}, "needs --access and --client-ca"),
        ({**TLS, "access_path": "access.toml"}, "needs --access and --client-ca"),
        ({**TLS, **CALLERS, "any_caller": True}, "--any-caller excludes"),
        ({"insecure_loopback": True, "any_caller": True}, "exclude one another"),
        ({**TLS, "port": 70_000}, "less than or equal to 65535"),
        ({**TLS, "port": "443"}, "valid integer"),
        ({**TLS, "tls": False}, "Extra inputs"),
    ],
)
def test_unsafe_or_unknown_settings_are_refused(changes: dict[str, object], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        ServingSettings.model_validate({**FILES, **changes})


@pytest.mark.parametrize("name", ["server.pem", "server.key", "ca.pem", "access.toml"])
def test_a_tls_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    write_world(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match=f"{name}: cannot be read"):
        _start_and_stop(tls_settings(tmp_path, client_ca=True))


def test_a_key_of_another_certificate_does_not_start(tmp_path: Path) -> None:
    write_world(tmp_path)
    settings = tls_settings(tmp_path).model_copy(update={"key_path": tmp_path / "platform.key"})
    with pytest.raises(ConfigError, match="cannot listen on"):
        _start_and_stop(settings)


def test_a_policy_in_another_currency_than_the_release_does_not_start(tmp_path: Path) -> None:
    write_world(tmp_path)
    write_policies(tmp_path / "policies", POLICY_TOML.replace('"USD"', '"EUR"'))
    with pytest.raises(ContractError, match="currency must be USD"):
        _start_and_stop(plain_settings(tmp_path))


def test_a_challenger_policy_in_another_currency_does_not_start(tmp_path: Path) -> None:
    write_world(tmp_path)
    other = tmp_path / "challenger.toml"
    other.write_text(POLICY_TOML.replace('"USD"', '"EUR"'), encoding="utf-8")
    settings = plain_settings(tmp_path).model_copy(update={"challenger_policy_path": other})
    with pytest.raises(ContractError, match=r"challenger\.toml: currency must be USD"):
        _start_and_stop(settings)
    other.write_text(POLICY_TOML, encoding="utf-8")
    _start_and_stop(settings)


def test_a_policy_book_that_does_not_verify_does_not_start(tmp_path: Path) -> None:
    write_world(tmp_path)
    (policy,) = (tmp_path / "policies" / "policies").iterdir()
    policy.write_bytes(policy.read_bytes() + b"# one more comment\n")
    with pytest.raises(FolderError, match="is not the file that the book names"):
        _start_and_stop(plain_settings(tmp_path))


def test_a_folder_of_policies_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_world(tmp_path)
    settings = plain_settings(tmp_path).model_copy(update={"policies_path": tmp_path / "none"})
    with pytest.raises(ConfigError, match=r"officers\.toml: cannot be read"):
        _start_and_stop(settings)


def test_a_port_that_is_taken_is_said_to_be(tmp_path: Path) -> None:
    write_world(tmp_path)
    running = start_server(serving(make_release()), plain_settings(tmp_path))
    try:
        settings = plain_settings(tmp_path).model_copy(update={"port": running.port})
        with pytest.raises(ConfigError, match="cannot listen on"):
            start_server(serving(make_release()), settings)
    finally:
        running.stop(0)


def _start_and_stop(settings: ServingSettings) -> None:
    start_server(serving(make_release()), settings).stop(0)


def test_as_many_connections_are_taken_as_the_system_allows() -> None:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
    try:
        _allow_connections()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
