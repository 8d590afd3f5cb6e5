"""The decision log follows a journal in either database, and stops where it was changed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.errors import ChainError
from server.receipts.folder import STORE_NAME
from tests.journals import Place, draft, drafts
from tests.unit.server.receipts.world import LogWorld


@pytest.fixture
def world(place: Place, tmp_path: Path) -> Iterator[LogWorld]:
    made = LogWorld.begun(tmp_path, place.where)
    yield made
    made.close()


def test_every_record_is_a_leaf_and_has_a_receipt(world: LogWorld) -> None:
    world.journal.commit(drafts(300))
    assert world.follow() == 300
    world.journal.commit([draft("late", "late")])
    assert world.follow() == 301
    assert [world.receipt(name).position for name in ("a1", "a300", "late")] == [1, 300, 301]


def test_an_answer_that_was_edited_has_no_receipt(world: LogWorld, place: Place) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    place.run("UPDATE journal_answers SET answered_at = answered_at - 1 WHERE position = 2")
    with pytest.raises(ChainError, match="record 2 is not what was stored"):
        world.receipt("a2")
    world.journal.commit([draft("r4")])
    assert world.receipt("a3").position == 3


def test_a_record_that_was_planted_or_deleted_at_the_end_stops_the_log(
    world: LogWorld, place: Place
) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    place.run(
        "INSERT INTO journal_answers SELECT 4, tenant, method, 'planted', 'planted', answered_at,"
        " salt, body_digest, answer, content_digest, link FROM journal_answers WHERE position = 3"
    )
    with pytest.raises(ChainError, match="record 4 is after the last"):
        world.follow()
    place.run("DELETE FROM journal_answers WHERE position >= 3")
    with pytest.raises(ChainError, match="record 3 is missing"):
        world.follow()


def test_a_head_that_names_another_last_record_stops_the_log(world: LogWorld, place: Place) -> None:
    world.journal.commit(drafts(3))
    place.run("UPDATE journal_head SET link = ?", [bytes(32)])
    with pytest.raises(ChainError, match="record 3 is not what the head says is the last"):
        world.follow()


def test_a_whole_journal_that_was_written_anew_stops_the_log(world: LogWorld, place: Place) -> None:
    # Every record of it verifies, and so does its chain: only the log has seen the other one.
    world.journal.commit(drafts(3))
    world.follow()
    place.run("DELETE FROM journal_answers")
    place.run("UPDATE journal_head SET position = 0, link = ?", [bytes(32)])
    world.journal.commit([draft("r1", "b1"), draft("r2", "b2")])
    assert world.journal.verify() == 2
    with pytest.raises(ChainError, match="record 3, which the log holds, is gone"):
        world.follow()
    world.journal.commit([draft("r3", "b3"), draft("r4", "b4")])
    with pytest.raises(ChainError, match="records up to 3 are not those the log holds"):
        world.follow()
    with pytest.raises(ChainError, match="record 1 is not what the decision log holds"):
        world.receipt("b1")


def test_a_log_that_was_set_back_comes_to_the_same_again(world: LogWorld) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    file = world.folder.path / STORE_NAME
    world.store.close()
    shutil.copy(file, file.with_suffix(".old"))
    world.store = world.folder.store(may_write=True)
    world.journal.commit([draft("r4", "a4")])
    world.follow()
    before = world.store.head()
    world.store.close()
    file.with_suffix(".old").replace(file)
    world.store = world.folder.store(may_write=True)
    assert world.store.head() != before
    world.follow()
    assert world.store.head() == before
