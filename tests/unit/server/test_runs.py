"""A run's name is checked before anything is made or anybody is bothered."""

from pathlib import Path

import pytest

from protocols.errors import ConfigError, RunPausedError
from server.purpose import DriftPurpose, read_purpose, write_purpose
from server.runs import operate_run
from tests.simulator import World, found_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("training"), sizes=(30, 20, 20), start=False)


@pytest.mark.parametrize("name", ["../../escape", "a b", "", "..", "."])
def test_a_name_that_is_no_plain_folder_is_refused_and_nothing_is_made(
    world: World, name: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in world.folder.rglob("*")}
    with pytest.raises(ConfigError, match="name"):
        operate_run(world.server / "server.toml", name, is_new=True, show=print)
    assert {path: path.stat().st_mtime_ns for path in world.folder.rglob("*")} == before


def test_only_a_run_that_was_begun_is_resumed(world: World) -> None:
    with pytest.raises(ConfigError, match="no run other to resume"):
        operate_run(world.server / "server.toml", "other", is_new=False, show=print)
    assert not (world.server / "runs" / "other").exists()


def test_a_name_that_was_used_is_refused(world: World) -> None:
    events = world.server / "runs" / "used" / "events.jsonl"
    events.parent.mkdir(parents=True)
    with pytest.raises(ConfigError, match="choose another name"):
        operate_run(world.server / "server.toml", "used", is_new=True, show=print)
    assert list(Path(events.parent).iterdir()) == []


def test_a_complete_run_is_not_resumed(tmp_path: Path) -> None:
    world = found_world(tmp_path, sizes=(30, 20, 20))
    world.train()
    config = world.server / "server.toml"
    with pytest.raises(ConfigError, match="run-1 is complete"):
        operate_run(config, "run-1", is_new=False, show=print)


def test_a_new_run_does_not_end_an_unfinished_one_unasked(tmp_path: Path) -> None:
    world = found_world(tmp_path, sizes=(30, 20, 20))
    world.bend = lambda name, delivery: None if name == "p2" and delivery.keys else delivery
    with pytest.raises(RunPausedError):
        world.train("first")
    config = world.server / "server.toml"
    with pytest.raises(ConfigError, match="--resume first, or give it up with --abandon first"):
        operate_run(config, "second", is_new=True, show=print)
    assert not (world.server / "runs" / "second").exists()


@pytest.mark.parametrize("trains", [False, True])
def test_a_run_is_taken_up_only_as_what_it_is(trains: bool, tmp_path: Path) -> None:
    """Else a run that was to cost a little would train, and cost all that a training run may."""
    world = found_world(tmp_path, sizes=(30, 20, 20), start=False)
    purpose = DriftPurpose(release="11" * 32, epsilon_micro=5_000)
    folder = world.server / "runs" / "some"
    if trains:
        folder.mkdir(parents=True)
    else:
        write_purpose(folder, purpose)
    config = world.server / "server.toml"
    wrong = purpose if trains else None
    with pytest.raises(ConfigError, match=f"fedscore-server {'train' if trains else 'drift'} --re"):
        operate_run(config, "some", is_new=False, purpose=wrong, show=print)


def test_a_run_folder_never_is_there_without_what_the_run_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            write_purpose(tmp_path / "some", DriftPurpose(release="11" * 32, epsilon_micro=5_000))
    assert not (tmp_path / "some").exists()
    write_purpose(tmp_path / "some", DriftPurpose(release="11" * 32, epsilon_micro=6_000))
    found = read_purpose(tmp_path / "some")
    assert found is not None
    assert found.epsilon_micro == 6_000
