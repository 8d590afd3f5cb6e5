"""The log as its public sees it: what a signed checkpoint covers, and nothing beyond it.

Needs no private key. Believes the file it reads no more than an auditor would: a leaf is given
only if it leads to a checkpoint that the log's key signed.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from protocols.errors import CheckpointError, InclusionError
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree


class LogSource(Protocol):
    """What a reader needs of the storage that somebody else appends to."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Read one state while the block is open."""

    def note(self) -> str | None:
        """Return the latest note; None if there is none yet."""

    def witnessed(self) -> str | None:
        """Return the last note that a quorum has cosigned; None if there is none yet."""

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Return leaves from ``first`` up to, without, ``stop``; fewer if there are not."""


class LogReader:
    """A verified view of a log that grows with each ``refresh``.

    Keeps the tree's hashes in memory and leaves the leaves in the file.
    """

    def __init__(self, source: LogSource, *, log: LogKey) -> None:
        """Read and check the whole log.

        Args:
            source: Where the log rests.
            log: Its name and public key, of the charter.

        Raises:
            CheckpointError, InclusionError: As ``refresh``.
        """
        self._source, self._log = source, log
        self._tree = Tree()
        self._note, self._witnessed = "", ""
        self.refresh()

    @property
    def size(self) -> int:
        """Number of leaves under ``note``."""
        return self._tree.size

    @property
    def note(self) -> str:
        """The latest signed checkpoint, with the lines of its witnesses if it has any."""
        return self._note

    @property
    def witnessed(self) -> str:
        """The last checkpoint that a quorum of witnesses has cosigned; empty before the first."""
        return self._witnessed

    def refresh(self) -> bool:
        """Take in what was logged since; on any doubt nothing of it.

        Returns:
            Whether ``note`` is another one now.

        Raises:
            CheckpointError: The note is missing, not signed by the log, or goes back.
            InclusionError: The leaves do not lead to the note's root.
        """
        with self._source.snapshot():
            note = self._source.note()
            self._witnessed = self._source.witnessed() or ""
            if note == self._note:
                return False
            if note is None:
                raise CheckpointError("the log's store has no checkpoint")
            self._extend(open_checkpoint(note, self._log))
        self._note = note
        return True

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Return leaves ``first`` up to, without, ``stop``, each shown to be under ``note``.

        Raises:
            IndexError: ``note`` covers no such leaves.
            InclusionError: The file holds another leaf there than the one that was signed.
        """
        if not 0 <= first <= stop <= self.size:
            raise IndexError(f"no leaves {first} to {stop} in a log of {self.size}")
        return self._checked(first, stop)

    def inclusion_path(self, index: int, size: int) -> list[bytes]:
        """Return the path of leaf ``index`` in the tree of the first ``size`` leaves."""
        return self._tree.inclusion_path(index, size=size)

    def consistency_path(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of ``old`` leaves grew into that of ``new``."""
        return self._tree.consistency_path(old, new)

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        """Return roots of complete subtrees of ``2**level`` leaves, ``first`` being the first.

        Raises:
            IndexError: ``note`` does not cover all of them.
        """
        if first < 0 or count < 0 or first + count > self.size >> level:
            raise IndexError(f"no subtrees {first} to {first + count} of level {level}")
        return [self._tree.subtree(level, index) for index in range(first, first + count)]

    def _extend(self, checkpoint: Checkpoint) -> None:
        size = self.size
        if checkpoint.size < size:
            raise CheckpointError(f"the log went back from {size} to {checkpoint.size} entries")
        try:
            added = self._source.leaves(size, checkpoint.size)
            self._tree.extend(leaf_hash(leaf) for leaf in added)
            if (self.size, self._tree.root) != (checkpoint.size, checkpoint.root):
                raise InclusionError("the log's leaves do not lead to its signed root")
        except BaseException:
            self._tree.shrink(size)
            raise

    def _checked(self, first: int, stop: int) -> Iterator[bytes]:
        index = first
        for leaf in self._source.leaves(first, stop):
            if leaf_hash(leaf) != self._tree.subtree(0, index):
                raise InclusionError(f"entry {index} is not what it was when it was signed")
            yield leaf
            index += 1
        if index != stop:
            raise InclusionError(f"entry {index} is gone from the log")
