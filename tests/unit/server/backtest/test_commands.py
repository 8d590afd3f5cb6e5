"""``fedscore-server policy backtest``: what it prints, writes and returns."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from model.artifacts import Release
from protocols.errors import ReleaseError
from server.backtest import commands
from server.commands import run
from tests.unit.server.batch.world import make_table, write_parquet
from tests.unit.server.serving.world import POLICY_TOML, make_release

Command = Callable[..., int]
SUPPOSING = (
    *("--policy", "a.toml", "--against", "b.toml", "--data", "past.parquet"),
    *("--on", "2026-11-27", "--requested-minor", 500_000),
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with policies a and b, and 50 past applicants without money or days."""
    strict = POLICY_TOML.replace('p_default_up_to = "0.2"', 'p_default_up_to = "0.1"')
    (tmp_path / "a.toml").write_text(strict, encoding="utf-8")
    (tmp_path / "b.toml").write_text(POLICY_TOML, encoding="utf-8")
    write_parquet(tmp_path / "past.parquet", make_table(50))
    return tmp_path


@pytest.fixture
def command(home: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    def opened(config: Path, name: str) -> Release:
        if name not in ("latest", make_release().digest.hex()):
            raise ReleaseError(f"release {name}: not in {config.name}'s")
        return make_release()

    def call(*words: object) -> int:
        monkeypatch.chdir(home)
        monkeypatch.setattr(commands, "open_release", opened)
        line = ["fedscore-server", "policy", "backtest", *SUPPOSING, *words]
        monkeypatch.setattr(sys, "argv", list(map(str, line)))
        try:
            return run()
        except SystemExit as left:
            return int(left.code or 0)

    return call


def test_two_policies_are_compared_and_a_page_is_written(
    command: Command, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = home / "report.html"
    assert command("--out", page) == 0
    said = capsys.readouterr().out
    assert "compared 50 of 50 applicants" in said
    assert "Where no requested_amount_minor is in the file, 5,000.00 USD was asked for." in said
    assert "Backtest" in page.read_text(encoding="utf-8")


def test_programs_are_told_everything_as_json(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = make_release().digest.hex()
    assert command("--json", "--release", digest) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["release"] == digest
    assert not said["is_outcome_known"]
    assert said["compared"] == said["total"]["count"] > 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--on", "soon"), "ConfigError: --on: expected a day"),
        (("--requested-minor", 0), "ConfigError: --requested-minor: expected 1"),
        (("--out", "report.pdf"), "ConfigError: report.pdf: expected a name that ends in .html"),
        (("--policy", "nowhere.toml"), "nowhere.toml"),
        (("--data", "nowhere.parquet"), "ConfigError: nowhere.parquet"),
        (("--release", "00" * 32), "ReleaseError"),
        (("--on", "1970-01-01"), "ContractError: no applicant was decided by both policies"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    words: tuple[object, ...],
    says: str,
    command: Command,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(*words) != 0
    assert says in capsys.readouterr().err


def test_a_policy_under_a_profile_that_there_is_not_is_refused(
    command: Command, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = POLICY_TOML.replace('profile = "us"', 'profile = "moon"')
    (home / "moon.toml").write_text(other, encoding="utf-8")
    assert command("--policy", "moon.toml") == 2
    assert "moon.toml: profile: there is none of that name" in capsys.readouterr().err
