"""The tree of RFC 6962: a root that commits to every leaf, and proofs that one is in it."""

from collections.abc import Sequence

from protocols.errors import InclusionError
from protocols.ledger.canonical import digest


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf. Source: RFC 9162, section 2.1.1."""
    return digest(b"\x00" + leaf)


def tree_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, in order. Source: RFC 9162, section 2.1.1."""
    if not hashes:
        return digest(b"")
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return _node(tree_root(hashes[:split]), tree_root(hashes[split:]))


def inclusion_path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return sibling hashes from leaf ``index`` up to the root, lowest first.

    Source: RFC 9162, section 2.1.3.1.
    """
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*inclusion_path(hashes[:split], index), tree_root(hashes[split:])]
    return [*inclusion_path(hashes[split:], index - split), tree_root(hashes[:split])]


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
            current = _node(sibling, current)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            current = _node(current, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise InclusionError(f"the proof for entry {index} is too short")
    if current != root:
        raise InclusionError(f"entry {index} does not lead to the signed root")


def _node(left: bytes, right: bytes) -> bytes:
    return digest(b"\x01" + left + right)


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return int(1 << ((size - 1).bit_length() - 1))
