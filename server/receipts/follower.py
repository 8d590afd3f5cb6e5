"""The decision log goes after the journal: each record's digest becomes a leaf, in their order.

A journal that has changed behind the log stops it, for a log never forgets. What the log has seen
of the journal is in the link of the last record that it holds: the chain under it is fixed.
"""

from collections.abc import Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import ChainError, CheckpointError
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint, sign_checkpoint
from protocols.ledger.merkle import EMPTY_ROOT, leaf_hash
from protocols.ledger.paths import root_of
from server.journal.record import START, Record
from server.receipts.store import DecisionStore, Head
from server.receipts.tiles import grown, over, subtree_in

MOST_AT_ONCE = 128  # records: 2 ms in which a thread beside this one may wait for the processor


class Source(Protocol):
    """What is used of a journal; see there."""

    def after(self, position: int, *, most: int) -> Sequence[Record]:
        """Return up to ``most`` records after a position, in order and each of them checked."""


class Follower:
    """Logs what the journal holds and the log does not. There must be one at a time."""

    def __init__(
        self, journal: Source, store: DecisionStore, *, key: Ed25519PrivateKey, origin: str
    ) -> None:
        """Go on from what is stored.

        Raises:
            CheckpointError: The stored checkpoint is not by this key and origin, or not over the
                stored tiles.
            TileError: A tile is not whole.
        """
        self._journal, self._store, self._key = journal, store, key
        self._log = LogKey(origin, key.public_key().public_bytes_raw())
        self._head = store.head()
        self._size = self._checked_size()

    @property
    def size(self) -> int:
        """How many records are logged."""
        return self._size

    def step(self) -> int:
        """Log the next records, and return how many; 0 if the log holds all of them.

        Raises:
            ChainError: The journal is not the one whose records the log holds, or is damaged.
            JournalError: It cannot be read now.
            LogUnavailableError: Nothing was kept.
        """
        # One more than the next: the last that is logged, to see that it is still the same.
        records = self._journal.after(max(0, self._size - 1), most=MOST_AT_ONCE)
        fresh = records[1:] if self._is_continued_by(records) else records
        if fresh:
            self._append(fresh)
        return len(fresh)

    def check(self) -> None:
        """Raise unless the journal still has the last record that is logged.

        Raises:
            ChainError: It has not, so it is not the journal that was logged.
            JournalError: It cannot be read now.
        """
        self._is_continued_by(self._journal.after(max(0, self._size - 1), most=1))

    def _is_continued_by(self, records: Sequence[Record]) -> bool:
        if self._size == 0:
            return False
        if not records:
            raise ChainError(f"journal: record {self._size}, which the log holds, is gone")
        if records[0].link != self._head.link:
            raise ChainError(f"journal: records up to {self._size} are not those the log holds")
        return True

    def _append(self, records: Sequence[Record]) -> None:
        size = self._size + len(records)
        hashes = [leaf_hash(record.digest) for record in records]
        tiles = grown(self._store.tile, self._size, hashes)
        root = root_of(subtree_in(over(self._store.tile, tiles)), 0, size)
        note = sign_checkpoint(Checkpoint(self._log.origin, size, root), self._key)
        head = Head(note, records[-1].link)
        self._store.keep(tiles, head, after=self._head)
        self._size, self._head = size, head

    def _checked_size(self) -> int:
        checkpoint = open_checkpoint(self._head.note, self._log)
        if root_of(subtree_in(self._store.tile), 0, checkpoint.size) != checkpoint.root:
            raise CheckpointError("the decision log's tiles are not those of its checkpoint")
        return checkpoint.size


def begin_log(key: Ed25519PrivateKey, origin: str) -> Head:
    """Return the head of a log with no leaves."""
    return Head(sign_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT), key), START)
