"""The log: appended, signed, proven, handed out whole."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from protocols.errors import CheckpointError, OversizedLeafError, RoundError
from protocols.ledger.checkpoint import LogKey, open_checkpoint
from protocols.ledger.export import read_export
from protocols.ledger.merkle import EMPTY_ROOT, leaf_hash, verify_inclusion
from protocols.ledger.tree import Tree
from protocols.ledger.verify import verify_log
from server.ledger.log import Log, export_log
from server.ledger.store import SqliteLogStore
from tests.adversarial.ledger.honest import key_for, trained

_KEY = LogKey("test/log", key_for("log").public_key().public_bytes_raw())


class _Memory:
    """A store in memory whose disk can be made to fail."""

    def __init__(self, leaves: Sequence[bytes] = (), note: str | None = None) -> None:
        self.kept, self.last, self.is_full = list(leaves), note, False
        self.cosigned: str | None = None

    def append(self, first: int, leaves: Sequence[bytes], note: str) -> None:
        if self.is_full:
            raise RoundError("the disk is full")
        assert first == len(self.kept)
        self.kept += leaves
        self.last = note

    def note(self) -> str | None:
        return self.last

    def keep_witnessed(self, note: str) -> None:
        self.cosigned = note

    def witnessed(self) -> str | None:
        return self.cosigned

    def leaf(self, index: int) -> bytes:
        return self.kept[index]

    def leaves(self) -> Iterator[bytes]:
        return iter(self.kept)


def _log(store: _Memory, *, key: str = "log", origin: str = "test/log") -> Log:
    return Log(store, key=key_for(key), origin=origin)


def test_a_new_log_is_empty_and_signed() -> None:
    log = _log(_Memory())
    checkpoint = open_checkpoint(log.note, _KEY)
    assert (log.size, checkpoint.size, checkpoint.root) == (0, 0, EMPTY_ROOT)


def test_every_append_is_one_signed_checkpoint_over_all_leaves() -> None:
    store = _Memory()
    log = _log(store)
    assert log.append([b"a", b"b"]) == 0
    assert log.append([b"c"]) == 2
    checkpoint = open_checkpoint(log.note, _KEY)
    assert (checkpoint.size, log.size) == (3, 3)
    assert checkpoint.root == Tree(map(leaf_hash, (b"a", b"b", b"c"))).root
    assert list(log.leaves()) == [b"a", b"b", b"c"] == [log.leaf(n) for n in range(3)]
    assert store.last == log.note


def test_every_leaf_is_proven_under_the_latest_checkpoint() -> None:
    log = _log(_Memory())
    log.append([b"%d" % number for number in range(7)])
    root = open_checkpoint(log.note, _KEY).root
    for index in range(7):
        path = log.tree.inclusion_path(index)
        verify_inclusion(log.leaf(index), index=index, size=7, path=path, root=root)


def test_a_log_opens_again_where_it_was_and_goes_on(tmp_path: Path) -> None:
    store = SqliteLogStore(tmp_path / "log.db")
    log = Log(store, key=key_for("log"), origin="test/log")
    log.append([b"a", b"b", b"c"])
    store.close()
    again = Log(SqliteLogStore(tmp_path / "log.db"), key=key_for("log"), origin="test/log")
    assert (again.size, again.note) == (3, log.note)
    assert again.append([b"d"]) == 3


def test_a_log_under_another_key_or_name_is_refused() -> None:
    store = _Memory()
    _log(store).append([b"a"])
    for key, origin in (("order", "test/log"), ("log", "other/log")):
        with pytest.raises(CheckpointError):
            _log(store, key=key, origin=origin)


@pytest.mark.parametrize("leaves", [[b"a"], [b"a", b"x"], [b"a", b"b", b"c"], [b"b", b"a"], []])
def test_a_store_with_other_leaves_than_were_signed_is_refused(leaves: list[bytes]) -> None:
    log = _log(_Memory())
    log.append([b"a", b"b"])
    with pytest.raises(CheckpointError, match="other leaves"):
        _log(_Memory(leaves, log.note))


def test_leaves_without_a_checkpoint_are_refused() -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        _log(_Memory([b"a"]))


def test_a_failed_append_leaves_the_log_as_it_was() -> None:
    store = _Memory()
    log = _log(store)
    log.append([b"a", b"b", b"c"])
    note, path = log.note, log.tree.inclusion_path(2)
    store.is_full = True
    with pytest.raises(RoundError):
        log.append([b"d", b"e"])
    assert (log.size, log.note, log.tree.inclusion_path(2)) == (3, note, path)
    store.is_full = False
    log.append([b"d"])
    tree = Tree(map(leaf_hash, (b"a", b"b", b"c", b"d")))
    assert open_checkpoint(log.note, _KEY).root == tree.root


def test_a_leaf_that_no_tile_could_hold_is_refused() -> None:
    log = _log(_Memory())
    with pytest.raises(OversizedLeafError):
        log.append([b"a", b"x" * 65_536])
    assert log.size == 0


@pytest.mark.parametrize("index", [-1, 1])
def test_there_is_no_leaf_beyond_the_log(index: int) -> None:
    log = _log(_Memory())
    log.append([b"a"])
    with pytest.raises(IndexError):
        log.leaf(index)


def test_leaves_of_another_process_are_not_under_this_checkpoint() -> None:
    store = _Memory()
    log = _log(store)
    log.append([b"a"])
    store.kept.append(b"b")
    assert list(log.leaves()) == [b"a"]


def _exported(folder: Path) -> dict[str, bytes]:
    return read_export(folder)


def test_an_export_is_true_in_the_eyes_of_the_auditor(tmp_path: Path) -> None:
    world = trained()
    log = _log(_Memory())
    log.append(world.leaves)
    assert world.witnessed
    log.keep_witnessed(world.witnessed)
    export_log(log, tmp_path / "deep" / "export")
    files = _exported(tmp_path / "deep" / "export")
    assert verify_log(world.terms, signatures=world.signatures, files=files).is_true
