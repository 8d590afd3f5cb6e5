"""The reader gives what a signed checkpoint covers, and refuses all else."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import pytest

from protocols.errors import CheckpointError, InclusionError
from protocols.ledger.checkpoint import Checkpoint, LogKey, sign_checkpoint
from protocols.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from protocols.ledger.note import NoteLine, print_line
from protocols.ledger.tree import Tree
from server.ledger.reader import LogReader
from tests.adversarial.ledger.honest import key_for

_KEY = LogKey("test/log", key_for("log").public_key().public_bytes_raw())
_ABC = (b"a", b"b", b"c")


def _note(leaves: Sequence[bytes], *, key: str = "log", origin: str = "test/log") -> str:
    tree = Tree(map(leaf_hash, leaves))
    return sign_checkpoint(Checkpoint(origin, tree.size, tree.root), key_for(key))


class _Source:
    """A store in memory that somebody else can change."""

    def __init__(self, leaves: Sequence[bytes] = _ABC, note: str | None = None) -> None:
        self.kept = list(leaves)
        self.last: str | None = note or _note(leaves)

    def snapshot(self) -> AbstractContextManager[None]:
        return nullcontext()

    def note(self) -> str | None:
        return self.last

    def witnessed(self) -> str | None:
        return None

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        return iter(self.kept[first:stop])

    def add(self, *leaves: bytes) -> None:
        self.kept += leaves
        self.last = _note(self.kept)


def test_a_log_is_read_and_then_only_what_is_new() -> None:
    source = _Source()
    reader = LogReader(source, log=_KEY)
    assert (reader.size, reader.note, list(reader.leaves(0, 3))) == (3, _note(_ABC), list(_ABC))
    assert reader.refresh() is False
    source.add(b"d", b"e")
    assert reader.refresh() is True
    assert (reader.size, list(reader.leaves(2, 5))) == (5, [b"c", b"d", b"e"])


def test_a_new_line_of_a_witness_is_news_of_the_same_log() -> None:
    source = _Source()
    reader = LogReader(source, log=_KEY)
    assert source.last is not None
    source.last += print_line(NoteLine("witness", b"1234", b"signed")) + "\n"
    assert reader.refresh() is True
    assert (reader.size, reader.note) == (3, source.last)


def test_leaves_beyond_the_checkpoint_are_not_given() -> None:
    reader = LogReader(_Source((*_ABC, b"d"), note=_note(_ABC)), log=_KEY)
    assert reader.size == 3
    for first, stop in ((0, 4), (-1, 2), (2, 1), (4, 4)):
        with pytest.raises(IndexError):
            reader.leaves(first, stop)


@pytest.mark.parametrize(
    "leaves", [(), _ABC[:2], (b"a", b"x", b"c"), (b"b", b"a", b"c"), (b"x", b"b", b"c")]
)
def test_other_leaves_than_were_signed_are_refused(leaves: Sequence[bytes]) -> None:
    with pytest.raises(InclusionError, match="do not lead"):
        LogReader(_Source(leaves, note=_note(_ABC)), log=_KEY)


@pytest.mark.parametrize(
    "note",
    [_note(_ABC, key="order"), _note(_ABC, origin="other/log"), "a note\n", _note(_ABC)[:-1]],
)
def test_a_note_that_is_not_the_logs_is_refused(note: str) -> None:
    with pytest.raises(CheckpointError):
        LogReader(_Source(note=note), log=_KEY)


def test_a_store_without_a_note_is_refused() -> None:
    source = _Source()
    source.last = None
    with pytest.raises(CheckpointError, match="no checkpoint"):
        LogReader(source, log=_KEY)


@pytest.mark.parametrize("leaves", [(b"a",), (b"a", b"b", b"x"), (b"a", b"x", b"c", b"d")])
def test_a_signed_log_that_is_no_continuation_is_refused_and_nothing_kept(
    leaves: Sequence[bytes],
) -> None:
    source = _Source()
    reader = LogReader(source, log=_KEY)
    source.kept, source.last = list(leaves), _note(leaves)
    for _ in range(2):
        with pytest.raises((CheckpointError, InclusionError)):
            reader.refresh()
    assert (reader.size, reader.note) == (3, _note(_ABC))
    source.kept = list(_ABC)
    source.add(b"d")
    assert reader.refresh() is True
    assert list(reader.leaves(0, 4)) == [*_ABC, b"d"]


def test_a_leaf_that_was_changed_after_it_was_read_is_not_given() -> None:
    source = _Source()
    reader = LogReader(source, log=_KEY)
    source.kept[1] = b"x"
    assert list(reader.leaves(0, 1)) == [b"a"]
    with pytest.raises(InclusionError, match="entry 1 is not what it was"):
        list(reader.leaves(0, 3))


def test_a_leaf_that_is_gone_is_missed() -> None:
    source = _Source()
    reader = LogReader(source, log=_KEY)
    del source.kept[2]
    with pytest.raises(InclusionError, match="entry 2 is gone"):
        list(reader.leaves(0, 3))


def test_every_proof_of_every_size_verifies() -> None:
    leaves = [b"%d" % number for number in range(9)]
    reader = LogReader(_Source(leaves), log=_KEY)
    roots = [Tree(map(leaf_hash, leaves[:size])).root for size in range(10)]
    for new in range(1, 10):
        for index in range(new):
            path = reader.inclusion_path(index, new)
            verify_inclusion(leaves[index], index=index, size=new, path=path, root=roots[new])
        for old in range(new + 1):
            verify_consistency(
                old_size=old,
                old_root=roots[old],
                new_size=new,
                new_root=roots[new],
                path=reader.consistency_path(old, new),
            )


def test_hashes_of_a_level_are_given_where_they_are_complete() -> None:
    reader = LogReader(_Source([b"a", b"b", b"c", b"d", b"e"]), log=_KEY)
    assert reader.hashes(0, 3, 2) == [leaf_hash(b"d"), leaf_hash(b"e")]
    assert reader.hashes(1, 1, 1) == [Tree(map(leaf_hash, (b"c", b"d"))).root]
    for level, first, count in ((0, 4, 2), (1, 2, 1), (3, 0, 1), (0, -1, 1), (0, 1, -1)):
        with pytest.raises(IndexError):
            reader.hashes(level, first, count)
