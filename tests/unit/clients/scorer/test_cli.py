"""The command prints an answer, or one line that says what to do, and the exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clients.scorer.cli import main

ROOT = Path(__file__).parents[4]
NEEDS_FILE = "with --decision needs FILE, the request as it was asked"
REQUEST = {"requested_amount_minor": 700_000, "currency": "USD", "features": {"income": 41_234}}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "applicant.json"
    path.write_text(json.dumps(REQUEST), encoding="utf-8")
    return str(path)


def _without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # None in sys.modules is how Python itself marks a module as not there.
    program = (
        f"import sys; sys.modules[{module!r}] = None;"
        " from clients.scorer.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_no_server_is_exit_status_five(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main([file, "--address", "127.0.0.1:1", "--insecure-loopback", "--timeout-s", "0.3"]) == 5
    )
    assert "asking again with the same id is safe" in capsys.readouterr().err


def test_a_wrong_request_is_exit_status_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.json").write_text('{"features": {"income": 41234}}', encoding="utf-8")
    assert main([str(tmp_path / "wrong.json"), "--insecure-loopback"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("fedscore-score: requested_amount_minor: Field required")
    assert captured.out == ""


def test_plain_text_to_another_machine_is_exit_status_two(file: str) -> None:
    assert main([file, "--address", "192.0.2.1:50051", "--insecure-loopback"]) == 2


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ([], "a file or --decision is needed"),
        (["FILE", "--decision", "d1"], "--decision takes FILE only with --explain or --replay"),
        (["--decision", "d1", "--replay"], f"--replay {NEEDS_FILE}"),
        (["--decision", "d1", "--explain", "en"], f"--explain {NEEDS_FILE}"),
        (["--decision", "d1", "--score-only"], "--decision excludes --score-only"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    words: list[str], rule: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [file if word == "FILE" else word for word in words]
    assert main([*given, "--insecure-loopback"]) == 2
    assert rule in capsys.readouterr().err


def test_unknown_arguments_are_exit_status_two(file: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main([file, "--insecure"])
    assert caught.value.code == 2


@pytest.mark.parametrize("module", ["grpc", "pydantic"])
def test_without_the_extra_the_command_says_what_to_install(file: str, module: str) -> None:
    done = _without(module, file)
    assert done.returncode == 2
    assert f'needs {module}; pip install "fedscore[server]"' in done.stderr


def test_help_needs_no_extra() -> None:
    done = _without("grpc", "--help")
    assert done.returncode == 0
    assert "--insecure-loopback" in done.stdout


def test_help_says_that_to_explain_and_to_replay_first_decide() -> None:
    said = " ".join(_without("grpc", "--help").stdout.split())
    decided = "without --decision the request is first decided"
    first = f"{decided}: that decision is stored, and its offer counts"
    assert f"in this language; {first}" in said
    assert f"what drifted; {first}" in said
