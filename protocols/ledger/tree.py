"""A growing RFC 9162 tree that remembers the hashes of its complete subtrees."""

from collections.abc import Iterable

from protocols.ledger.merkle import EMPTY_ROOT, node_hash


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
        return self._root_of(0, self._known(size))

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
        low, high = 0, self._known(self.size if size is None else size)
        if not 0 <= index < high:
            raise IndexError(f"no leaf {index} in a log of {high}")
        path: list[bytes] = []
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._root_of(middle, high))
                high = middle
            else:
                path.append(self._root_of(low, middle))
                low = middle
        return path[::-1]

    def consistency_path(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the hashes that show the first ``old`` leaves to be among the first ``new``.

        Args:
            old: Number of leaves before; nothing is to be shown if it is 0 or ``new``.
            new: Number of leaves after; all of them by default.

        Raises:
            IndexError: ``old`` is more than ``new``, or there is no such size.

        Source: RFC 9162, section 2.1.4.1.
        """
        low, high = 0, self._known(self.size if new is None else new)
        if not 0 <= old <= high:
            raise IndexError(f"no log of {old} before one of {high}")
        path: list[bytes] = []
        while old and high != old:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._root_of(middle, high))
                high = middle
            else:
                path.append(self._root_of(low, middle))
                low = middle
        if low:  # else the verifier has this hash: it is the old root
            path.append(self._root_of(low, high))
        return path[::-1]

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

    def _root_of(self, low: int, high: int) -> bytes:
        """Return the root over leaves ``low`` to ``high - 1``, aligned as RFC 9162 splits."""
        size = high - low
        if size == 0:
            return EMPTY_ROOT
        if size & (size - 1) == 0:
            return self._levels[size.bit_length() - 1][low >> (size.bit_length() - 1)]
        middle = low + _split(size)
        return node_hash(self._root_of(low, middle), self._root_of(middle, high))


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return int(1 << ((size - 1).bit_length() - 1))
