"""``fedscore-server route``: what it prints, writes and refuses."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from protocols.lock import only_process
from server.commands import run
from tests.simulator import World, found_world

Command = Callable[..., int]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("route")
    trained = found_world(folder, sizes=(30, 20, 20), epsilon_micro=20_000_000)
    trained.train("run-1")
    trained.train("run-2")
    return trained


@pytest.fixture
def home(world: World, tmp_path: Path) -> Path:
    return shutil.copytree(world.server, tmp_path / "server")


@pytest.fixture
def command(home: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    def call(*words: object) -> int:
        config = ["--config", str(home / "server.toml")]
        monkeypatch.setattr(sys, "argv", ["fedscore-server", "route", *map(str, words), *config])
        try:
            return run()
        except SystemExit as left:
            return int(left.code or 0)

    return call


def _latest(home: Path) -> str:
    return (home / "releases" / "latest").read_text()


def _earlier(home: Path) -> str:
    names = [path.name for path in (home / "releases").iterdir() if path.is_dir()]
    return next(name for name in names if name != _latest(home))


def test_without_options_it_prints_what_is_in_force_and_writes_nothing(
    command: Command, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command() == 0
    assert capsys.readouterr().out == f"champion    {_latest(home)} (latest)\n"
    assert not (home / "routing.toml").exists()


def test_a_release_is_pinned_challenged_and_shadowed_and_both_are_cleared(
    command: Command, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = _earlier(home), _latest(home)
    assert command("--champion", old, "--challenger", new, "--percent", 10, "--shadow", new) == 0
    assert capsys.readouterr().out == (
        f"champion    {old}\nchallenger  {new}, 10 % of subjects\nshadow      {new}\n"
    )
    assert command("--percent", 25, "--clear-shadow") == 0
    assert capsys.readouterr().out == f"champion    {old}\nchallenger  {new}, 25 % of subjects\n"
    assert command("--champion", new, "--clear-challenger") == 0
    assert capsys.readouterr().out == f"champion    {new}\n"
    assert command("--champion", "latest") == 0
    assert capsys.readouterr().out == f"champion    {new} (latest)\n"


def test_programs_are_told_all_of_it(
    command: Command, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--challenger", _earlier(home), "--percent", 0, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "champion": "latest",
        "champion_digest": _latest(home),
        "challenger": _earlier(home),
        "challenger_percent": 0,
        "shadow": None,
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--champion", "newest"], "route: champion: "),
        (["--challenger", "aa" * 32], "--challenger needs --percent"),
        (["--percent", "5"], "challenger_percent needs a challenger"),
        (["--percent", "5", "--clear-challenger"], "--clear-challenger excludes"),
        (["--challenger", "aa" * 32, "--clear-challenger"], "--clear-challenger excludes"),
        (["--shadow", "aa" * 32, "--clear-shadow"], "--clear-shadow excludes"),
        (["--challenger", "aa" * 32, "--percent", "101"], "101"),
    ],
)
def test_what_contradicts_itself_is_refused(
    words: list[str], said: str, command: Command, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*words) == 2
    assert said in capsys.readouterr().err
    assert not (home / "routing.toml").exists()


@pytest.mark.parametrize(
    "words", [["--champion"], ["--challenger", "--percent", "5"], ["--shadow"]]
)
def test_a_release_that_does_not_open_is_never_named(
    words: list[str], command: Command, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = home / "releases" / _earlier(home) / "tensors.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert command(words[0], _earlier(home), *words[1:]) == 5
    assert _earlier(home) in capsys.readouterr().err
    assert not (home / "routing.toml").exists()


def test_of_two_who_change_it_at_once_one_is_told_to_wait(
    command: Command, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with only_process(home, "routing"):
        assert command("--champion", _earlier(home)) == 2
    assert "another process works with the routing" in capsys.readouterr().err
    assert not (home / "routing.toml").exists()
