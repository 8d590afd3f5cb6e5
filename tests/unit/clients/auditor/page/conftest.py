"""A log in a folder that tests bend, and a watcher that looks at it when told."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients.auditor.page.source import FolderSource, LogSource
from clients.auditor.page.state import Watcher
from clients.auditor.pricing import Pricing
from protocols.errors import ConfigError
from protocols.ledger.audit import Audit
from tests.adversarial.ledger.honest import World, trained

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that goes a second forward each time it is read."""

    now: datetime = START

    def __call__(self) -> datetime:
        """Return the time."""
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class FakeSource:
    """A log as its ``given`` says; fails if that is an error."""

    given: Mapping[str, bytes] | Exception = field(default_factory=dict)
    then: Callable[[], None] = lambda: None

    def files(self) -> Mapping[str, bytes]:
        """Return what was given, and let ``then`` change it."""
        if isinstance(self.given, Exception):
            raise self.given
        files = self.given
        self.then()
        return files


def write_log(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write an exported log."""
    if folder.exists():
        shutil.rmtree(folder)
    for name, raw in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)


def no_price(_: Audit) -> Pricing:
    """Price nothing, and quickly."""
    return Pricing(delta="0.00001", partners=(), population=(), disagreements=())


def watcher_of(world: World, source: LogSource) -> Watcher:
    """Return a watcher that waits for nothing."""
    return Watcher(
        source,
        terms=world.terms,
        signatures=world.signatures,
        price=no_price,
        clock=Clock(),
        settle_s=0.0,
    )


@pytest.fixture(scope="session")
def world() -> World:
    """Return a whole honest history, not to be bent."""
    return trained()


@pytest.fixture
def log(tmp_path: Path, world: World) -> Path:
    """Return a folder with the log."""
    write_log(tmp_path / "log", world.files())
    return tmp_path / "log"


@pytest.fixture
def watcher(world: World, log: Path) -> Watcher:
    """Return a watcher of the folder that has not looked yet."""
    return watcher_of(world, FolderSource(log))


def absent() -> ConfigError:
    """Return what a source raises that cannot be read."""
    return ConfigError("log: no such folder, or it cannot be read")
