"""Each error class of ours leaves the command line with its own status and one line."""

import sys

import pytest

from protocols.console import Still, run_command
from protocols.errors import (
    BudgetExhaustedError,
    CapacityError,
    ConfigError,
    MissingColumnError,
    ReleaseError,
    RoundError,
    ScoringError,
    SignatureError,
    UnreadableDataError,
)

STATUS: dict[type[ScoringError], int] = {
    ConfigError: 2,
    CapacityError: 2,
    MissingColumnError: 2,
    UnreadableDataError: 2,
    SignatureError: 1,
    BudgetExhaustedError: 3,
    RoundError: 4,
    ReleaseError: 5,
}


@pytest.mark.parametrize("kind", STATUS)
def test_an_error_becomes_one_line_and_its_status(
    kind: type[ScoringError], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise kind("what was expected")

    assert run_command(fail, name="fedscore-test") == STATUS[kind]
    shown = capsys.readouterr()
    assert shown.err == f"fedscore-test: {kind.__name__}: what was expected\n"
    assert shown.out == ""


def test_success_is_zero_and_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(lambda: None, name="fedscore-test") == 0
    assert capsys.readouterr().err == ""


def test_a_status_of_the_command_itself_is_kept() -> None:
    with pytest.raises(SystemExit) as left:
        run_command(lambda: sys.exit(7), name="fedscore-test")
    assert left.value.code == 7


def test_a_broken_invariant_is_not_dressed_up_as_one_of_ours() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0, name="fedscore-test")


def test_a_command_says_how_far_it_is_once_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    still = Still("reading loans")
    for second in range(6):
        now[0] = 100.0 + second
        still.at(f"{second} rows")
    assert capsys.readouterr().err == "reading loans: 2 rows ...\nreading loans: 4 rows ...\n"
