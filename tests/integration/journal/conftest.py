"""Every test of this folder holds for a journal in SQLite and for one in PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.journal.journal import Journal
from tests.journals import Place
from tests.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return Place(tmp_path / "journal.sqlite", None)
    server: Postgres = request.getfixturevalue("postgres")
    return Place(server.url(), server)


@pytest.fixture
def journal(place: Place) -> Iterator[Journal]:
    opened = place.open()
    yield opened
    opened.close()
