"""A growing RFC 6962 tree that remembers the hashes of its complete subtrees."""

import hashlib
from collections.abc import Iterable


class Tree:
    """Leaf hashes and what was made of them; roots and paths take log(size) steps.

    ``_levels[k][i]`` is the root over leaves ``i * 2**k`` to ``(i + 1) * 2**k - 1``, and never
    changes once it is there. Source: RFC 9162, section 2.1.
    """

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = [[]]

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """Root over all leaves."""
        return self._root_of(0, self.size)

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Append leaf hashes."""
        for current in hashes:
            self._levels[0].append(current)
            self._complete()

    def shrink(self, size: int) -> None:
        """Forget all leaves from ``size`` on."""
        for level, hashes in enumerate(self._levels):
            del hashes[size >> level :]

    def inclusion_path(self, index: int) -> list[bytes]:
        """Return sibling hashes from leaf ``index`` up to the root, lowest first.

        Source: RFC 9162, section 2.1.3.1.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"no leaf {index} in a log of {self.size}")
        path: list[bytes] = []
        low, high = 0, self.size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._root_of(middle, high))
                high = middle
            else:
                path.append(self._root_of(low, middle))
                low = middle
        return path[::-1]

    def _complete(self) -> None:
        level = 0
        while len(self._levels[level]) % 2 == 0:
            left, right = self._levels[level][-2:]
            if level + 1 == len(self._levels):
                self._levels.append([])
            level += 1
            self._levels[level].append(_node(left, right))

    def _root_of(self, low: int, high: int) -> bytes:
        """Return the root over leaves ``low`` to ``high - 1``, aligned as RFC 9162 splits."""
        size = high - low
        if size == 0:
            return hashlib.sha256(b"").digest()
        if size & (size - 1) == 0:
            return self._levels[size.bit_length() - 1][low >> (size.bit_length() - 1)]
        middle = low + _split(size)
        return _node(self._root_of(low, middle), self._root_of(middle, high))


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return int(1 << ((size - 1).bit_length() - 1))


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
