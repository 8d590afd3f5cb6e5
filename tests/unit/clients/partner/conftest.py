"""A founded federation, copied for each test that bends it."""

import shutil
from pathlib import Path

import pytest

from tests.simulator import World, found_world


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A federation that nobody may change."""
    return found_world(tmp_path_factory.mktemp("founded"), sizes=(30, 20, 20), start=False)


@pytest.fixture
def world(founded: World, tmp_path: Path) -> World:
    """The same federation in a folder of the test's own."""
    return World(Path(shutil.copytree(founded.folder, tmp_path / "world")))
