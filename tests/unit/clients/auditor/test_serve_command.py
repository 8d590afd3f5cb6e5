"""``fedscore-audit serve``: what it refuses, what it prints, and that it serves over TLS."""

import hashlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from clients.auditor import serve_command
from clients.auditor.cli import main
from tests.adversarial.ledger.honest import charter_toml, trained

_WORLD = trained()
_WEB = {"fastapi", "starlette", "uvicorn", "jinja2", "plotly", "pydantic", "grpc", "dp_accounting"}


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Return a folder with charter, signatures and log."""
    (tmp_path / "charter.toml").write_text(charter_toml(_WORLD.table), encoding="utf-8")
    (tmp_path / "signatures.json").write_bytes(_WORLD.signatures)
    (tmp_path / "log").mkdir()
    _WORLD.write(tmp_path / "log")
    return tmp_path


def _arguments(case: Path, *more: str) -> list[str]:
    named = {
        "--log": str(case / "log"),
        "--charter": str(case / "charter.toml"),
        "--home": str(case / "home"),
        "--port": "0",
    }
    return ["serve", *(word for pair in named.items() for word in pair), *more]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--host", "a b"], "--host"),
        (["--port", "70000"], "--port"),
        (["--every", "nan"], "--every"),
        (["--cert", "a.pem"], "--cert and --key"),
        (["--plain-http", "--host", "0.0.0.0"], "loopback"),
        (["--plain-http", "--host", "localhost"], "loopback"),
        (["--log", "nowhere"], "--log"),
        (["--log", "127.0.0.1:1"], "--ca"),
        (["--log", "127.0.0.1:1", "--ca", "absent"], "absent"),
        (["--signatures", "absent"], "absent"),
        (["--cert", "absent", "--key", "absent"], "certificate"),
        (["--plain-http", "--host", "127.255.255.254", "--port", "1"], "cannot listen"),
    ],
)
def test_what_cannot_be_served_is_refused(
    case: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    if said == "cannot listen":  # even root cannot listen twice
        with socket.create_server(("127.255.255.254", 0)) as taken:
            more[-1] = str(taken.getsockname()[1])
            assert main(_arguments(case, *more)) == 2
    else:
        assert main(_arguments(case, *more)) == 2
    assert said in capsys.readouterr().err


def test_absent_signatures_are_said_to_be_expected_beside_the_charter(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case / "signatures.json").unlink()
    assert main(_arguments(case)) == 2
    said = "signatures.json: absent or unreadable; expected beside charter.toml\n"
    assert capsys.readouterr().err == f"fedscore-audit: ConfigError: {said}"


def test_a_home_is_needed_for_what_is_made(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["serve", "--log", str(case / "log"), "--charter", str(case / "charter.toml")]
    assert main(words) == 2
    assert "--home" in capsys.readouterr().err


def test_a_home_that_cannot_be_made_is_refused(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_arguments(case, "--home", str(case / "charter.toml" / "home"))) == 2
    assert "no folder" in capsys.readouterr().err


def test_a_missing_package_names_the_extra(
    case: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "clients.auditor.page.app", None)
    assert main(_arguments(case)) == 2
    assert 'pip install "fedscore[audit]"' in capsys.readouterr().err


def test_what_is_loaded_later_is_looked_for_at_once(
    case: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_command, "_LOADED_LATER", ("there_is_no_such_package",))
    assert main(_arguments(case)) == 2
    assert "there_is_no_such_package is not installed" in capsys.readouterr().err


def test_the_command_line_loads_nothing_of_the_web() -> None:
    code = "import sys, clients.auditor.cli; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in shown.stdout.split()} & _WEB == set()


def test_it_serves_over_tls_with_a_printed_certificate_until_interrupted(case: Path) -> None:
    code = "import sys; from clients.auditor.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *_arguments(case)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        try:
            url = lines[0].split()[1]
            certificate = case / "home" / "page.crt"
            context = ssl.create_default_context(cafile=str(certificate))
            with urllib.request.urlopen(f"{url}login", context=context) as answer:
                assert answer.status == 200
        finally:
            os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
    pem = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    assert hashlib.sha256(pem).hexdigest().upper() in lines[1].replace(":", "")
    token_path = Path(re.split(r"cat ", lines[2])[1].strip())
    assert token_path == case / "home" / serve_command.TOKEN_NAME
    assert token_path.stat().st_mode & 0o777 == 0o600
