"""A receipt's checkpoint is of the exported log, or there are two logs, and that is said."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clients.auditor.decision_log import check_decision_log
from protocols.errors import CheckpointError, ConfigError, FolderError, SplitViewError, TileError
from protocols.ledger.checkpoint import Checkpoint, LogKey, sign_checkpoint
from protocols.ledger.export import write_export
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree

KEY = Ed25519PrivateKey.from_private_bytes(b"\3" * 32)
LOG = LogKey("test/decisions", KEY.public_key().public_bytes_raw())
LEAVES = [b"%032d" % number for number in range(300)]
TREE = Tree(map(leaf_hash, LEAVES))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _export(tmp_path / "log", TREE.root)
    return tmp_path / "log"


def _export(folder: Path, root: bytes) -> None:
    note = sign_checkpoint(Checkpoint(LOG.origin, 300, root), KEY)
    write_export(folder, note=note, witnessed=None, leaves=LEAVES)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300])
def test_a_checkpoint_of_its_past_is_of_this_log(folder: Path, size: int) -> None:
    seen = Checkpoint(LOG.origin, size, TREE.root_at(size))
    assert check_decision_log(folder, LOG, seen) == 300


def test_a_checkpoint_over_other_leaves_shows_two_logs(folder: Path) -> None:
    with pytest.raises(SplitViewError, match="there are two"):
        check_decision_log(folder, LOG, Checkpoint(LOG.origin, 9, TREE.root_at(8)))


def test_an_export_that_is_older_says_nothing(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="get a newer export"):
        check_decision_log(folder, LOG, Checkpoint(LOG.origin, 301, bytes(32)))


def test_an_export_that_is_not_what_was_signed_is_none(folder: Path, tmp_path: Path) -> None:
    seen = Checkpoint(LOG.origin, 1, TREE.root_at(1))
    _export(tmp_path / "other", bytes(32))
    with pytest.raises(CheckpointError, match="over other leaves"):
        check_decision_log(tmp_path / "other", LOG, seen)
    tile = folder / "tile" / "0" / "000"
    tile.write_bytes(bytes(8_192))
    with pytest.raises(TileError):
        check_decision_log(folder, LOG, seen)
    (folder / "checkpoint").unlink()
    with pytest.raises(FolderError, match="checkpoint is missing"):
        check_decision_log(folder, LOG, seen)
    with pytest.raises(ConfigError):
        check_decision_log(tmp_path / "none", LOG, seen)
