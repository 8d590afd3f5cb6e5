"""The coordinator's log: append, sign, prove, and hand out a copy that anybody can check."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import CheckpointError, OversizedLeafError
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint, sign_checkpoint
from protocols.ledger.export import write_export
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tiles import MOST_LEAF_BYTES
from protocols.ledger.tree import Tree
from server.ledger.store import LogStore


class Log:
    """An append-only log under one key; every append is one signed checkpoint."""

    def __init__(self, store: LogStore, *, key: Ed25519PrivateKey, origin: str) -> None:
        """Open the log in ``store``, or begin it there.

        Raises:
            CheckpointError: The stored checkpoint is not by this key and origin, or is not
                over exactly the stored leaves.
        """
        self._store, self._key, self._origin = store, key, origin
        self._tree = Tree()
        self._tree.extend(leaf_hash(leaf) for leaf in store.leaves())
        note = store.note()
        if note is None and self._tree.size == 0:
            note = self._sign(0)
            store.append(0, (), note)
        self._note = self._checked(note)
        self._witnessed = store.witnessed()

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._tree.size

    @property
    def note(self) -> str:
        """The latest signed checkpoint."""
        return self._note

    @property
    def witnessed(self) -> str | None:
        """The latest checkpoint that a quorum has cosigned; None before the first."""
        return self._witnessed

    def keep_witnessed(self, note: str) -> None:
        """Keep a checkpoint of this log that a quorum has cosigned."""
        self._store.keep_witnessed(note)
        self._witnessed = note

    def note_at(self, size: int) -> str:
        """Return the checkpoint over the first ``size`` leaves, as it was signed at the time."""
        return self._sign(size)  # Ed25519 signs the same text with the same bytes

    def append(self, leaves: Sequence[bytes]) -> int:
        """Keep leaves durably under one new checkpoint, all or none.

        Returns:
            The position of the first of them.

        Raises:
            OversizedLeafError: A leaf is larger than a log's tiles can hold.
            RoundError: The store could not keep them; the log is as before.
        """
        if any(len(leaf) > MOST_LEAF_BYTES for leaf in leaves):
            raise OversizedLeafError(f"a leaf has more than {MOST_LEAF_BYTES} bytes")
        first = self.size
        self._tree.extend(leaf_hash(leaf) for leaf in leaves)
        try:
            note = self._sign(self._tree.size)
            self._store.append(first, leaves, note)
        except BaseException:
            self._tree.shrink(first)
            raise
        self._note = note
        return first

    @property
    def tree(self) -> Tree:
        """The tree over all leaves; to be read only."""
        return self._tree

    def leaf(self, index: int) -> bytes:
        """Return the leaf at ``index``."""
        if not 0 <= index < self.size:
            raise IndexError(f"no leaf {index} in a log of {self.size}")
        return self._store.leaf(index)

    def leaves(self) -> Iterator[bytes]:
        """Return the leaves under ``note``, in order."""
        # Another process may have appended since; its leaves are not under this checkpoint.
        return islice(self._store.leaves(), self.size)

    def _sign(self, size: int) -> str:
        checkpoint = Checkpoint(self._origin, size, self._tree.root_at(size))
        return sign_checkpoint(checkpoint, self._key)

    def _checked(self, note: str | None) -> str:
        if note is None:
            raise CheckpointError("the log's store has leaves but no checkpoint")
        log = LogKey(self._origin, self._key.public_key().public_bytes_raw())
        checkpoint = open_checkpoint(note, log)
        if (checkpoint.size, checkpoint.root) != (self._tree.size, self._tree.root):
            raise CheckpointError(
                f"the checkpoint is over {checkpoint.size} other leaves than the "
                f"{self._tree.size} in the log's store"
            )
        return note


def export_log(log: Log, folder: Path) -> None:
    """Write the log for an auditor, in place of an older export; whole, or not at all.

    Raises:
        ConfigError: ``folder`` holds something else than an export, or cannot be written.
    """
    write_export(folder, note=log.note, witnessed=log.witnessed, leaves=log.leaves())
