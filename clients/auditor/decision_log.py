"""The exported decision log, to which receipts are held: was anybody shown another one?"""

from pathlib import Path

from protocols.errors import CheckpointError, FolderError, SplitViewError
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint
from protocols.ledger.export import read_export
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tiles import check_tiles, leaves_in
from protocols.ledger.tree import Tree
from protocols.ledger.verify import CHECKPOINT_NAME


def check_decision_log(folder: Path, log: LogKey, seen: Checkpoint) -> int:
    """Return the number of leaves of an exported log, once a checkpoint is shown to be of it.

    Args:
        folder: As ``fedscore-server export-receipts`` writes it.
        log: The log's name and key.
        seen: A verified checkpoint, no newer than the export.

    Raises:
        ConfigError: There is no such folder, or it cannot be read.
        FolderError, TileError: A file is missing, too many or another.
        CheckpointError: The export's checkpoint is not by this log, or not over its leaves, or
            older than ``seen``.
        SplitViewError: The checkpoint is over other leaves than the exported log begins with.
    """
    files = read_export(folder)
    if CHECKPOINT_NAME not in files:
        raise FolderError(f"{CHECKPOINT_NAME} is missing")
    note = files.pop(CHECKPOINT_NAME).decode("utf-8", errors="replace")
    whole = open_checkpoint(note, log)
    for _, fault in check_tiles(files, whole.size):
        raise fault
    tree = Tree(map(leaf_hash, leaves_in(files, whole.size)))
    if tree.root != whole.root:
        raise CheckpointError("the exported log's checkpoint is over other leaves")
    if seen.size > whole.size:
        raise CheckpointError(
            f"the exported log has {whole.size} leaves, the receipt's checkpoint {seen.size}; "
            "get a newer export"
        )
    if tree.root_at(seen.size) != seen.root:
        raise SplitViewError("the receipt's checkpoint is not of the exported log: there are two")
    return whole.size
