"""Releases of two real runs, replaced while threads ask: every answer is its release's own."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from protocols.ledger.policy import load_charter
from server.registry import Registry
from server.serving.releases import Releases, Served
from server.serving.routing import Routing, write_routing
from tests.simulator import World, found_world

SWAPS = 50
READERS = 3
PAUSE_S = 0.0005  # between two answers, so that the thread that loads is not starved
LOOK_S = 0.01
PATIENCE_S = 20.0
NUMBERS, CODES = (4_200.0, 77.0), (0,)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A federation that has published two releases."""
    folder = tmp_path_factory.mktemp("releases")
    trained = found_world(folder, sizes=(30, 20, 20), epsilon_micro=20_000_000)
    trained.train("run-1")
    trained.train("run-2")
    return trained


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    return shutil.copytree(world.server / "releases", tmp_path / "releases")


@pytest.fixture
def registry(world: World, folder: Path) -> Registry:
    _, terms = load_charter(world.server / "charter.toml")
    return Registry(folder, terms)


@pytest.fixture
def releases(registry: Registry, tmp_path: Path) -> Iterator[Releases]:
    opened = Releases(registry, tmp_path / "routing.toml", look_every_s=LOOK_S)
    yield opened
    opened.close()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def _publish(folder: Path, name: str) -> None:
    (folder / "latest.new").write_text(name)
    (folder / "latest.new").rename(folder / "latest")


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(LOOK_S / 4)


def _is_champion(releases: Releases, name: str) -> bool:
    return releases.now.champion.digest.hex() == name


@dataclass
class Reader:
    """Asks until it is told to stop, and keeps what it was told."""

    releases: Releases
    stop: threading.Event
    seen: set[tuple[str, float]] = field(default_factory=set)
    torn: list[Served] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    def run(self) -> None:
        number = 0
        while not self.stop.wait(PAUSE_S):
            number += 1
            try:
                self._ask(f"subject-{number}")
            except Exception as err:
                self.faults.append(err)
                return

    def _ask(self, subject: str) -> None:
        now = self.releases.now
        if now.routing.champion != now.champion.digest.hex() or now.challenger is None:
            self.torn.append(now)
        for release in (self.releases.chosen(subject), now.chosen(subject)):
            answer = release.evaluator.answer_one(NUMBERS, CODES)
            self.seen.add((release.digest.hex(), answer.p_default))


def test_every_answer_is_its_releases_own_while_fifty_swaps_happen(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    names, path = _names(folder), tmp_path / "routing.toml"
    own = {
        (name, registry.open(name).evaluator.answer_one(NUMBERS, CODES).p_default) for name in names
    }
    first, second = (
        Routing(champion=one, challenger=other, challenger_percent=30)
        for one, other in (names, reversed(names))
    )
    write_routing(path, second)
    releases, stop = Releases(registry, path, look_every_s=LOOK_S), threading.Event()
    readers = [Reader(releases, stop) for _ in range(READERS)]
    threads = [threading.Thread(target=reader.run) for reader in readers]
    for thread in threads:
        thread.start()
    for swap in range(SWAPS):
        routing = second if swap % 2 else first
        write_routing(path, routing)
        _until(lambda wanted=routing: releases.now.routing == wanted)
    stop.set()
    for thread in threads:
        thread.join()
    releases.close()
    assert releases.problem is None
    for reader in readers:
        assert not reader.faults
        assert not reader.torn
        assert reader.seen == own


def test_a_release_that_is_published_answers_without_a_restart(
    releases: Releases, folder: Path
) -> None:
    old = next(name for name in _names(folder) if not _is_champion(releases, name))
    _publish(folder, old)
    _until(lambda: _is_champion(releases, old))
    assert releases.problem is None


@pytest.mark.parametrize("file", ["manifest.json", "tensors.safetensors", "proof.json"])
def test_a_corrupt_release_is_not_taken_until_it_is_put_right(
    file: str, releases: Releases, folder: Path
) -> None:
    before = releases.now.champion
    other = next(name for name in _names(folder) if name != before.digest.hex())
    whole = (folder / other / file).read_bytes()
    middle = len(whole) // 2
    spoiled = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    (folder / other / file).write_bytes(spoiled)
    _publish(folder, other)
    _until(lambda: releases.problem is not None)
    assert other in str(releases.problem)
    assert releases.chosen("anna") is before
    (folder / other / file).write_bytes(whole)
    _until(lambda: _is_champion(releases, other))
    _until(lambda: releases.problem is None)


def test_a_release_without_proof_is_not_taken(releases: Releases, folder: Path) -> None:
    before = releases.now.champion
    other = next(name for name in _names(folder) if name != before.digest.hex())
    (folder / other / "proof.json").unlink()
    _publish(folder, other)
    _until(lambda: releases.problem is not None)
    assert "no proof of its log entry" in str(releases.problem)
    assert releases.chosen("anna") is before


@pytest.mark.parametrize("latest", ["", "nonsense", "../releases", "\0"])
def test_a_broken_pointer_to_the_latest_changes_nothing(
    latest: str, releases: Releases, folder: Path
) -> None:
    before = releases.now.champion
    _publish(folder, latest)
    _until(lambda: releases.problem is not None)
    assert releases.problem == "latest: does not hold the digest of a release"
    assert releases.chosen("anna") is before
