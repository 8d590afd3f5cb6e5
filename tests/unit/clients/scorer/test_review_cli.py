"""The officer's command says in one line why not, and ends with the status of that."""

import subprocess
import sys
from pathlib import Path

import pytest

from clients.scorer.review_cli import main

ROOT = Path(__file__).parents[4]
NOWHERE = ["--address", "127.0.0.1:1", "--insecure-loopback", "--timeout-s", "0.3"]


def test_no_server_is_exit_status_five(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", *NOWHERE]) == 5
    assert capsys.readouterr().err.startswith("fedscore-review: no answer from the server")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["show"],
        ["uphold", "d-1", "--note", "why"],
        ["uphold", "d-1", "--version", "1"],
        ["overturn", "d-1", "--version", "1", "--note", "why"],
        ["claim", "d-1", "--note", "why"],
    ],
)
def test_words_that_are_missing_or_unknown_are_exit_status_two(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2


def test_a_version_that_cannot_be_is_exit_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["uphold", "d-1", "--version", "0", "--note", "why", *NOWHERE]) == 2
    assert "expected_version" in capsys.readouterr().err


def test_without_the_extra_the_command_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['grpc'] = None;"
        " from clients.scorer.review_cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, "list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'needs grpc; pip install "fedscore[server]"' in done.stderr
