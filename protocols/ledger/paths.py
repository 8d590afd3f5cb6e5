"""Roots and proofs of an RFC 9162 tree, from whatever keeps the roots of its complete subtrees.

A ``Subtree`` gives the root over leaves ``index * 2**level`` to ``(index + 1) * 2**level - 1``,
which never changes once all of these are there. Each function asks for about log(size) of them.
"""

from collections.abc import Callable

from protocols.ledger.merkle import EMPTY_ROOT, node_hash

Subtree = Callable[[int, int], bytes]  # of level and index


def root_of(subtree: Subtree, low: int, high: int) -> bytes:
    """Return the root over leaves ``low`` to ``high - 1``, aligned as RFC 9162 splits.

    Source: RFC 9162, section 2.1.1.
    """
    size = high - low
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return subtree(level, low >> level)
    middle = low + _split(size)
    return node_hash(root_of(subtree, low, middle), root_of(subtree, middle, high))


def inclusion_path(subtree: Subtree, index: int, size: int) -> list[bytes]:
    """Return sibling hashes from leaf ``index`` up to the root over ``size``, lowest first.

    Raises:
        IndexError: There is no such leaf among the first ``size``.

    Source: RFC 9162, section 2.1.3.1.
    """
    low, high = 0, size
    if not 0 <= index < high:
        raise IndexError(f"no leaf {index} in a log of {high}")
    path: list[bytes] = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(root_of(subtree, middle, high))
            high = middle
        else:
            path.append(root_of(subtree, low, middle))
            low = middle
    return path[::-1]


def consistency_path(subtree: Subtree, old: int, new: int) -> list[bytes]:
    """Return the hashes that show the first ``old`` leaves to be among the first ``new``.

    Nothing is to be shown if ``old`` is 0 or ``new``.

    Raises:
        IndexError: ``old`` is more than ``new``, or no size.

    Source: RFC 9162, section 2.1.4.1.
    """
    low, high = 0, new
    if not 0 <= old <= high:
        raise IndexError(f"no log of {old} before one of {high}")
    path: list[bytes] = []
    while old and high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(root_of(subtree, middle, high))
            high = middle
        else:
            path.append(root_of(subtree, low, middle))
            low = middle
    if low:  # else the verifier has this hash: it is the old root
        path.append(root_of(subtree, low, high))
    return path[::-1]


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return int(1 << ((size - 1).bit_length() - 1))
