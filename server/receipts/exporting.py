"""The whole decision log as a folder: no borrower is in it, so anybody may hold receipts to it."""

from collections.abc import Iterator
from pathlib import Path

from protocols.errors import ChainError
from protocols.ledger.checkpoint import Checkpoint, open_checkpoint
from protocols.ledger.export import write_export
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree
from server.journal.journal import Journal
from server.receipts.folder import ReceiptFolder

_BATCH = 1_000


def export_decisions(folder: ReceiptFolder, journal: Journal, out: Path) -> int:
    """Write the log as tiles and their checkpoint, and return how many leaves it has.

    The leaves are made of the journal anew, so this also shows that every one of its records is
    what was logged. Takes about 250 bytes of memory a record.

    Raises:
        ChainError: A record is not what was stored or logged. Nothing is written then.
        ConfigError: There is no log, or ``out`` cannot be written.
    """
    store = folder.store()
    try:
        note = store.head().note
    finally:
        store.close()
    checkpoint = open_checkpoint(note, folder.log())
    write_export(out, note=note, witnessed=None, leaves=_leaves(journal, checkpoint))
    return checkpoint.size


def _leaves(journal: Journal, checkpoint: Checkpoint) -> Iterator[bytes]:
    tree = Tree()
    while tree.size < checkpoint.size:
        most = min(_BATCH, checkpoint.size - tree.size)
        records = journal.after(tree.size, most=most)
        if not records:
            raise ChainError(f"journal: record {tree.size + 1}, which the log holds, is gone")
        for record in records:
            tree.extend([leaf_hash(record.digest)])
            yield record.digest
    if tree.root != checkpoint.root:
        raise ChainError("journal: its records are not those that the decision log holds")
