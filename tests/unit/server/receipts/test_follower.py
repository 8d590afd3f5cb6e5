"""The decision log goes on where it was, and stops where the journal is not what it was."""

from collections.abc import Sequence

import pytest

from protocols.errors import ChainError, CheckpointError
from protocols.ledger.checkpoint import open_checkpoint
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree
from server.journal.record import Record
from server.ledger.readonly import LogUnavailableError
from server.receipts.follower import MOST_AT_ONCE, Follower
from tests.journals import draft, drafts
from tests.unit.server.receipts.world import ORIGIN, LogWorld


def _root_of_journal(world: LogWorld, count: int) -> bytes:
    records = world.journal.after(0, most=count)
    return Tree(leaf_hash(record.digest) for record in records).root


def test_leaves_are_the_record_digests_of_all_methods_in_order(world: LogWorld) -> None:
    asked = [draft("r1", method="Score"), draft("r2"), draft("r3", method="Appeal")]
    world.journal.commit(asked)
    assert world.follow() == 3
    checkpoint = open_checkpoint(world.store.head().note, world.folder.log())
    assert (checkpoint.size, checkpoint.root) == (3, _root_of_journal(world, 3))


def test_a_step_takes_a_part_and_a_restart_goes_on(world: LogWorld) -> None:
    count = 2 * MOST_AT_ONCE + 5
    world.journal.commit(drafts(count))
    first = world.follower()
    assert first.step() == MOST_AT_ONCE
    again = world.follower()
    assert again.size == MOST_AT_ONCE
    steps = [again.step() for _ in range(4)]
    assert (sum(steps), steps[-1], again.size) == (count - MOST_AT_ONCE, 0, count)
    checkpoint = open_checkpoint(world.store.head().note, world.folder.log())
    assert checkpoint.root == _root_of_journal(world, count)


def test_an_empty_journal_is_nothing_to_log(world: LogWorld) -> None:
    assert world.follower().step() == 0
    checkpoint = open_checkpoint(world.store.head().note, world.folder.log())
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, 0)


def test_a_start_reads_the_edge_of_the_tree_and_not_all_of_it(
    world: LogWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.journal.commit(drafts(700))
    world.follow()
    asked: list[tuple[int, int]] = []
    tile = world.store.tile

    def seen(level: int, number: int) -> bytes:
        asked.append((level, number))
        return tile(level, number)

    monkeypatch.setattr(world.store, "tile", seen)
    world.follower()
    assert set(asked) == {(0, 2), (1, 0)}


def test_pruned_answers_are_logged_as_they_were(world: LogWorld) -> None:
    records = world.journal.commit(drafts(4))
    world.journal.prune(before=records[2].answered_at)
    assert world.follow() == 4
    assert world.receipt("a4").position == 4
    world.journal.prune(before=records[3].answered_at)
    assert world.follower().step() == 0  # what was logged stays what it is


def test_a_journal_that_was_written_anew_stops_the_log(world: LogWorld) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    others = _Other([*world.journal.after(0, most=2), _forged(world)])
    follower = Follower(others, world.store, key=world.folder.key(), origin=ORIGIN)
    with pytest.raises(ChainError, match="records up to 3 are not those the log holds"):
        follower.step()
    with pytest.raises(ChainError):
        follower.check()
    world.follower().check()


def test_a_journal_that_is_shorter_than_the_log_stops_it(world: LogWorld) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    others = _Other(world.journal.after(0, most=2))
    follower = Follower(others, world.store, key=world.folder.key(), origin=ORIGIN)
    with pytest.raises(ChainError, match="record 3, which the log holds, is gone"):
        follower.step()


def test_what_could_not_be_kept_is_logged_by_the_next(world: LogWorld) -> None:
    world.journal.commit(drafts(2))
    late, soon = world.follower(), world.follower()
    assert soon.step() == 2
    with pytest.raises(LogUnavailableError, match="another process"):
        late.step()
    assert world.follower().step() == 0


def test_a_checkpoint_over_other_tiles_or_by_another_key_is_not_gone_on_from(
    world: LogWorld,
) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    with pytest.raises(CheckpointError):
        Follower(world.journal, world.store, key=world.folder.key(), origin="other/decisions")
    world.store._database.execute("UPDATE tiles SET hashes = zeroblob(length(hashes))")
    with pytest.raises(CheckpointError, match="not those of its checkpoint"):
        world.follower()


class _Other:
    """A journal that is not the one that was logged."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = list(records)

    def after(self, position: int, *, most: int) -> Sequence[Record]:
        """Return its records."""
        return self._records[position : position + most]


def _forged(world: LogWorld) -> Record:
    (third,) = world.journal.after(2, most=1)
    return third._replace(link=bytes(32))
