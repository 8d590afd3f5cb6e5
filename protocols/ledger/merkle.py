"""The tree of RFC 9162 as a verifier sees it: a root commits to every leaf, a path proves one.

Who has all leaves makes roots and paths with ``tree.py``.
"""

from collections.abc import Sequence

from protocols.errors import ConsistencyError, InclusionError
from protocols.ledger.canonical import digest

EMPTY_ROOT = digest(b"")


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf. Source: RFC 9162, section 2.1.1."""
    return digest(b"\x00" + leaf)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees' roots. Source: RFC 9162, section 2.1.1."""
    return digest(b"\x01" + left + right)


def verify_inclusion(
    leaf: bytes, *, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Raise unless ``leaf`` is entry ``index`` of the tree of ``size`` leaves under ``root``.

    Raises:
        InclusionError: It is not, or the proof has another shape than such a tree.

    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise InclusionError(f"entry {index} cannot be in a tree of {size}")
    node, last, current = index, size - 1, leaf_hash(leaf)
    for sibling in path:
        if last == 0:
            raise InclusionError(f"the proof for entry {index} is too long")
        if node % 2 or node == last:
            current = node_hash(sibling, current)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise InclusionError(f"the proof for entry {index} is too short")
    if current != root:
        raise InclusionError(f"entry {index} does not lead to the signed root")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Raise unless the tree under ``new_root`` begins with all leaves of the one before.

    Every tree goes on from an empty one, which has the root ``EMPTY_ROOT`` and needs no path;
    a tree of the same size needs none either, but the same root.

    Raises:
        ConsistencyError: It does not, or the proof has another shape than for such sizes.

    Source: RFC 9162, section 2.1.4.2.
    """
    if not 0 <= old_size <= new_size:
        raise ConsistencyError(f"a log of {new_size} entries does not go on from {old_size}")
    if old_size in (0, new_size):
        if path:
            raise ConsistencyError(
                f"from {old_size} to {new_size} entries there is nothing to show"
            )
        roots = (EMPTY_ROOT, new_root) if old_size < new_size else (new_root, new_root)
    else:
        roots = _roots_of(old_size, old_root, new_size, path)
    if roots != (old_root, new_root):
        raise ConsistencyError(f"the log of {new_size} entries is no continuation of {old_size}")


def _roots_of(
    old_size: int, old_root: bytes, new_size: int, path: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return the old and the new root that a proof leads to, for 0 < old_size < new_size."""
    node, last = old_size - 1, new_size - 1
    while node % 2:
        node, last = node >> 1, last >> 1
    # A whole subtree is not in the path: it is the old root itself.
    hashes = [old_root, *path] if node == 0 else list(path)
    if not hashes:
        raise ConsistencyError(f"the proof from {old_size} to {new_size} entries is too short")
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ConsistencyError(f"the proof from {old_size} to {new_size} entries is too long")
        if node % 2 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ConsistencyError(f"the proof from {old_size} to {new_size} entries is too short")
    return old, new
