"""A growing RFC 9162 tree that remembers the hashes of its complete subtrees."""

from collections.abc import Iterable

from protocols.ledger.merkle import node_hash
from protocols.ledger.paths import consistency_path, inclusion_path, root_of


class Tree:
    """Leaf hashes and what was made of them; roots and paths take log(size) steps.

    ``_levels[k][i]`` is the root over leaves ``i * 2**k`` to ``(i + 1) * 2**k - 1``, and never
    changes once it is there. Source: RFC 9162, section 2.1.
    """

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        """Make a tree over leaf hashes, 32 bytes each."""
        self._levels: list[list[bytes]] = [[]]
        self.extend(hashes)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """Root over all leaves, 32 bytes."""
        return self.root_at(self.size)

    def root_at(self, size: int) -> bytes:
        """Return the root over the first ``size`` leaves. Source: RFC 9162, section 2.1.1."""
        return root_of(self._at, 0, self._known(size))

    def subtree(self, level: int, index: int) -> bytes:
        """Return the root over leaves ``index * 2**level`` to ``(index + 1) * 2**level - 1``.

        Raises:
            IndexError: Not all of these leaves are there.
        """
        if level < 0 or not 0 <= index < self.size >> level:
            raise IndexError(f"no subtree {index} of level {level} in a log of {self.size}")
        return self._levels[level][index]

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Append leaf hashes."""
        for current in hashes:
            self._levels[0].append(current)
            self._complete()

    def shrink(self, size: int) -> None:
        """Forget all leaves from ``size`` on."""
        for level, hashes in enumerate(self._levels):
            del hashes[size >> level :]

    def inclusion_path(self, index: int, *, size: int | None = None) -> list[bytes]:
        """Return sibling hashes from leaf ``index`` up to the root, lowest first.

        Args:
            index: Number of the leaf, from 0.
            size: Number of leaves the root is over; all of them by default.

        Raises:
            IndexError: There is no such leaf among the first ``size``, or no such size.

        Source: RFC 9162, section 2.1.3.1.
        """
        return inclusion_path(self._at, index, self._known(self.size if size is None else size))

    def consistency_path(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the hashes that show the first ``old`` leaves to be among the first ``new``.

        Args:
            old: Number of leaves before; nothing is to be shown if it is 0 or ``new``.
            new: Number of leaves after; all of them by default.

        Raises:
            IndexError: ``old`` is more than ``new``, or there is no such size.

        Source: RFC 9162, section 2.1.4.1.
        """
        return consistency_path(self._at, old, self._known(self.size if new is None else new))

    def _known(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise IndexError(f"no size {size} in a log of {self.size}")
        return size

    def _complete(self) -> None:
        level = 0
        while len(self._levels[level]) % 2 == 0:
            left, right = self._levels[level][-2:]
            if level + 1 == len(self._levels):
                self._levels.append([])
            level += 1
            self._levels[level].append(node_hash(left, right))

    def _at(self, level: int, index: int) -> bytes:
        return self._levels[level][index]
