"""The thread that follows: one at a time, again after trouble, and never over a changed journal."""

import logging
import shutil
import sqlite3
from collections.abc import Iterator

import pytest

from protocols.errors import ConfigError
from protocols.lock import only_process
from server.journal.journal import open_journal
from server.receipts import keeper
from server.receipts.folder import KEY_NAME, LOCK, STORE_NAME
from server.receipts.keeper import Keeper
from tests.journals import draft, drafts
from tests.unit.server.receipts.world import LogWorld, wait_for


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LOOK_S", 0.01)
    monkeypatch.setattr(keeper, "_TAKE_OVER_S", 0.02)


@pytest.fixture
def kept(world: LogWorld) -> Iterator[Keeper]:
    journal = open_journal(world.path / "journal.sqlite")
    made = Keeper(world.folder, journal)
    yield made
    made.close()
    journal.close()


def _size(world: LogWorld) -> int:
    return int(world.store.head().note.split("\n")[1])


def test_what_is_stored_is_logged_soon_after(world: LogWorld, kept: Keeper) -> None:
    for number in (1, 2, 3):
        world.journal.commit([draft(f"r{number}", f"a{number}")])
        wait_for(lambda: _size(world) == number)  # noqa: B023  # asked within this turn
    assert world.receipt("a2").position == 2
    assert kept.failure is None


def test_one_that_is_closed_has_logged_all_that_is_stored(world: LogWorld, kept: Keeper) -> None:
    world.journal.commit(drafts(300))
    kept.close()
    assert _size(world) == 300


def test_another_takes_over_when_the_lock_is_free(world: LogWorld) -> None:
    world.journal.commit(drafts(2))
    journal = open_journal(world.path / "journal.sqlite")
    with only_process(world.folder.path, LOCK):
        waiting = Keeper(world.folder, journal)
        waiting._closing.wait(0.1)
        assert _size(world) == 0
    wait_for(lambda: _size(world) == 2)
    waiting.close()
    journal.close()


def test_a_record_that_was_changed_stops_it_loudly(
    world: LogWorld, kept: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    world.journal.commit(drafts(2))
    wait_for(lambda: _size(world) == 2)
    with caplog.at_level(logging.CRITICAL):
        connection = sqlite3.connect(world.path / "journal.sqlite")
        connection.execute("UPDATE journal_answers SET answer = x'00' WHERE position = 2")
        connection.commit()
        connection.close()
        wait_for(lambda: kept.failure is not None)
        wait_for(lambda: any(one.levelno == logging.CRITICAL for one in caplog.records))
    assert kept.failure == "journal record 2 is not what was stored"
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.CRITICAL]
    assert said == ["decision log stopped: no more receipts"]
    world.journal.commit([draft("r3", "a3")])
    kept.close()
    assert _size(world) == 2


def test_a_log_of_another_journal_stops_it(world: LogWorld, kept: Keeper) -> None:
    world.journal.commit(drafts(1))
    wait_for(lambda: _size(world) == 1)
    kept.close()
    connection = sqlite3.connect(world.folder.path / STORE_NAME, isolation_level=None)
    connection.execute("UPDATE head SET link = zeroblob(32)")
    connection.close()
    other = Keeper(world.folder, world.journal)
    wait_for(lambda: other.failure is not None)
    assert other.failure == "journal: records up to 1 are not those the log holds"
    other.close()


def test_where_it_cannot_write_it_tries_again(
    world: LogWorld, kept: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    path = world.folder.path / STORE_NAME
    world.journal.commit(drafts(1))
    wait_for(lambda: _size(world) == 1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # as a backup that takes long
    world.journal.commit([draft("r2", "a2")])
    wait_for(lambda: "decision log waits" in caplog.messages)
    holder.execute("ROLLBACK")
    holder.close()
    wait_for(lambda: _size(world) == 2)
    assert kept.failure is None


def test_without_log_or_key_it_does_not_begin(world: LogWorld) -> None:
    (world.folder.path / KEY_NAME).unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        Keeper(world.folder, world.journal)
    shutil.rmtree(world.folder.path)
    with pytest.raises(ConfigError):
        Keeper(world.folder, world.journal)
