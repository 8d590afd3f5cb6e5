"""The doctor's check of the decision log, if there is one."""

from contextlib import closing

from protocols.ledger.checkpoint import open_checkpoint
from server.doctor.report import Check, Installation
from server.journal.journal import open_journal
from server.receipts.folder import ReceiptFolder
from server.receipts.follower import Follower


def receipts(asked: Installation) -> str:
    """The decision log opens with its key, and the journal still has what it holds."""
    if asked.options.receipts is None:
        return "no decision log (no --receipts): callers get no receipts"
    folder = ReceiptFolder(asked.options.receipts)
    log = folder.log()
    with closing(folder.store()) as store:
        size = open_checkpoint(store.head().note, log).size
        if size == 0:
            folder.key()
            return f"{log.origin} opens, and holds nothing yet"
        with closing(open_journal(asked.options.journal, may_create=False)) as journal:
            Follower(journal, store, key=folder.key(), origin=log.origin).check()
    return f"{log.origin} holds {size} records, as the journal has them"


RECEIPT_CHECKS = (
    Check(
        "receipts",
        receipts,
        "make the folder with `fedscore-server init-receipts`, or restore it; if the journal was "
        "changed, keep both as they are: docs/receipts.md",
    ),
)
