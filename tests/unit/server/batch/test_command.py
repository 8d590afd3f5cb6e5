"""``fedscore-server score-file``: what it prints, writes and returns."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from server.commands import run
from tests.simulator import World, found_world
from tests.unit.server.batch.world import read_scores

Command = Callable[..., int]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    trained = found_world(tmp_path_factory.mktemp("score-file"), sizes=(30, 20, 20))
    trained.train()
    return trained


@pytest.fixture
def command(world: World, monkeypatch: pytest.MonkeyPatch) -> Command:
    def call(*words: object) -> int:
        line = ["fedscore-server", "score-file", *map(str, words)]
        config = ["--config", str(world.server / "server.toml")]
        monkeypatch.setattr(sys, "argv", [*line, *config])
        try:
            return run()
        except SystemExit as left:
            return int(left.code or 0)

    return call


def _loans(world: World) -> Path:
    return next((world.folder / "p0").glob("*.parquet"))


def _release(world: World) -> str:
    return (world.server / "releases" / "latest").read_text()


def test_a_file_is_scored_by_the_latest_release_and_then_is_done(
    command: Command, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(_loans(world), tmp_path / "scores", "--reasons") == 0
    said = capsys.readouterr()
    rows = len(read_scores(tmp_path / "scores" / _loans(world).name))
    assert said.out == f"Scored 1 files, {rows:,} rows. Release {_release(world)}.\n"
    assert said.err == f"{_loans(world).name}: {rows:,} rows\n"
    assert command(_loans(world), tmp_path / "scores", "--reasons") == 0
    assert "Scored 0 files, 0 rows; 1 were done before." in capsys.readouterr().out


def test_programs_are_told_everything_as_json(
    command: Command, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--json", "--release", _release(world), "--workers", 1)
    assert command(_loans(world), tmp_path / "scores", *words) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["release"] == _release(world)
    assert (said["files"], said["done_before"], said["failed"]) == (1, 0, [])


def test_a_file_that_cannot_be_scored_shows_in_the_exit_status(
    command: Command, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loans").mkdir()
    (tmp_path / "loans" / "a.parquet").write_bytes(_loans(world).read_bytes())
    (tmp_path / "loans" / "b.parquet").write_bytes(b"PAR1")
    assert command(tmp_path / "loans", tmp_path / "scores") == 2
    said = capsys.readouterr()
    assert "Scored 1 files" in said.out
    assert "not scored: b.parquet: truncated" in said.err
    assert "UnreadableDataError: 1 files not scored" in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--release", "00" * 32), "ReleaseError"),
        (("--engine", "spark"), "ConfigError: --engine"),
        (("--address", "tcp://host:1"), "ConfigError: --address"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    words: tuple[str, ...],
    says: str,
    command: Command,
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(_loans(world), tmp_path / "scores", *words) != 0
    assert says in capsys.readouterr().err
    assert not (tmp_path / "scores").exists()
