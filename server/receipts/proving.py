"""Proofs out of the decision log: a record of the journal becomes a receipt."""

from functools import lru_cache

from protocols.errors import ChainError, InclusionError
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint
from protocols.ledger.merkle import verify_inclusion
from protocols.ledger.paths import inclusion_path
from protocols.ledger.receipt import Receipt
from server.journal.record import Record, to_micros
from server.receipts.errors import NotLoggedYetError
from server.receipts.store import DecisionStore
from server.receipts.tiles import subtree_in

_RETRY_S = 0.2
_MOST_KEPT = 4_096  # roots, 0.5 MB


class Prover:
    """Makes receipts from what is logged so far; believes neither journal nor tiles."""

    def __init__(self, store: DecisionStore, log: LogKey) -> None:
        """Read from a log; used by one thread."""
        self._store, self._log = store, log
        # The root over a complete subtree never changes, and receipts share most of theirs.
        self._subtree = lru_cache(_MOST_KEPT)(subtree_in(store.tile))
        self._note, self._checkpoint = "", Checkpoint(log.origin, 0, b"")

    def receipt(self, record: Record) -> Receipt:
        """Return the receipt of an answer that is not pruned.

        Raises:
            NotLoggedYetError: The log has not reached it.
            ChainError: The log holds another record at its position.
            CheckpointError: The checkpoint is not the log's.
            TileError: A tile is damaged.
            LogUnavailableError: The log cannot be read now.
        """
        note, checkpoint = self._latest()
        if record.position > checkpoint.size:
            raise NotLoggedYetError("not in the decision log yet", retry_after_s=_RETRY_S)
        path = inclusion_path(self._subtree, record.position - 1, checkpoint.size)
        _check(record, path, checkpoint)
        tenant, method, request_id = record.key
        return Receipt(
            position=record.position,
            answered_at_micros=to_micros(record.answered_at),
            tenant=tenant,
            method=method,
            request_id=request_id,
            answer_id=record.answer_id,
            answer=record.answer,
            salt=record.salt,
            body_digest=record.body_digest,
            content_digest=record.content_digest,
            record_digest=record.digest,
            path=tuple(path),
            checkpoint=note,
        )

    def close(self) -> None:
        """Let go of the log."""
        self._store.close()

    def _latest(self) -> tuple[str, Checkpoint]:
        note = self._store.head().note
        if note != self._note:
            self._checkpoint = open_checkpoint(note, self._log)
            self._note = note
        return self._note, self._checkpoint


def _check(record: Record, path: list[bytes], checkpoint: Checkpoint) -> None:
    index, size, root = record.position - 1, checkpoint.size, checkpoint.root
    try:
        verify_inclusion(record.digest, index=index, size=size, path=path, root=root)
    except InclusionError as err:
        raise ChainError(
            f"journal record {record.position} is not what the decision log holds"
        ) from err
