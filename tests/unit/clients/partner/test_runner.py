"""What a node refuses before it says a word, and before it reads one."""

from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clients.partner.runner import RunnerSettings, _check_length, run_node
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import ConfigError
from protocols.records import MAX_RECORD_BYTES


def _settings(home: Path, curve: ec.EllipticCurve) -> RunnerSettings:
    key = ec.generate_private_key(curve)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (home / "node.pem").write_bytes(pem)
    return RunnerSettings("127.0.0.1:1", home / "ca.pem", home / "node.pem", home / "state")


def _never(_delivery: Delivery) -> Reply:
    pytest.fail("asked")


def test_a_node_key_on_another_curve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="P-384"):
        run_node(_settings(tmp_path, ec.SECP256R1()), _never)


def test_a_node_key_that_is_no_key_is_refused(tmp_path: Path) -> None:
    settings = _settings(tmp_path, ec.SECP384R1())
    settings.node_key.write_text("not a key")
    with pytest.raises(ConfigError, match="private key"):
        run_node(settings, _never)


@pytest.mark.parametrize("content", [None, "", "not a certificate", "é"])
def test_a_missing_or_broken_ca_file_is_refused(tmp_path: Path, content: str | None) -> None:
    settings = _settings(tmp_path, ec.SECP384R1())
    if content is not None:
        settings.ca_cert.write_text(content)
    with pytest.raises(ConfigError, match="certificate"):
        run_node(settings, _never)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-length": "many"},
        {"content-length": "-1"},
        {"content-length": str(MAX_RECORD_BYTES + 1)},
        {"content-length": "10", "content-encoding": "gzip"},
    ],
)
def test_a_body_of_unknown_or_excessive_size_is_never_read(headers: dict[str, str]) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        _check_length(httpx.Response(200, headers=headers))


def test_a_body_of_known_size_may_be_read() -> None:
    _check_length(httpx.Response(200, headers={"content-length": str(MAX_RECORD_BYTES)}))
