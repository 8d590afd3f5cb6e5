"""Proofs for every index and between all sizes, and against every small change."""

from itertools import combinations_with_replacement

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import ConsistencyError, InclusionError
from protocols.ledger.merkle import leaf_hash, node_hash, verify_consistency, verify_inclusion
from protocols.ledger.tree import Tree

_MOST = 70
_LEAVES = [b"leaf %d" % number for number in range(_MOST)]
_HASHES = [leaf_hash(leaf) for leaf in _LEAVES]
_TREE = Tree(_HASHES)
_SIZES = st.integers(1, _MOST)


def _root(hashes: list[bytes]) -> bytes:
    """Return the root as RFC 9162, section 2.1.1, defines it."""
    if len(hashes) < 2:
        return hashes[0] if hashes else Tree().root
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node_hash(_root(hashes[:split]), _root(hashes[split:]))


@pytest.mark.parametrize("size", range(_MOST + 1))
def test_roots_are_those_of_the_definition_at_every_size(size: int) -> None:
    tree = Tree(_HASHES[:size])
    assert (tree.size, tree.root) == (size, _root(_HASHES[:size]))
    assert _TREE.root_at(size) == tree.root


@pytest.mark.parametrize("size", range(1, _MOST + 1))
def test_every_leaf_of_every_size_is_proven(size: int) -> None:
    root = _root(_HASHES[:size])
    for index in range(size):
        path = _TREE.inclusion_path(index, size=size)
        assert path == Tree(_HASHES[:size]).inclusion_path(index)
        verify_inclusion(_LEAVES[index], index=index, size=size, path=path, root=root)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_nothing_else_is_proven(data: st.DataObject) -> None:
    size = data.draw(_SIZES)
    index = data.draw(st.integers(0, size - 1))
    root, path = _TREE.root_at(size), _TREE.inclusion_path(index, size=size)
    wrong = [
        (b"another leaf", index, path, root),
        (_LEAVES[index], index, path, b"\0" * 32),
        *((_LEAVES[index], other, path, root) for other in range(size) if other != index),
        *((_LEAVES[index], index, bent, root) for bent in _bent(path)),
    ]
    for leaf, at, proof, top in wrong:
        with pytest.raises(InclusionError):
            verify_inclusion(leaf, index=at, size=size, path=proof, root=top)


def test_every_size_is_shown_to_go_on_from_every_size_before() -> None:
    for old, new in combinations_with_replacement(range(_MOST + 1), 2):
        verify_consistency(
            old_size=old,
            old_root=_TREE.root_at(old),
            new_size=new,
            new_root=_TREE.root_at(new),
            path=_TREE.consistency_path(old, new),
        )


@settings(deadline=None, max_examples=60)
@given(_SIZES, _SIZES)
def test_no_other_growth_is_shown(first: int, second: int) -> None:
    old, new = sorted((first, second))
    old_root, new_root = _TREE.root_at(old), _TREE.root_at(new)
    path = _TREE.consistency_path(old, new)
    wrong = [
        (old, b"\0" * 32, new, new_root, path),
        (old, old_root, new, b"\0" * 32, path),
        *((size, old_root, new, new_root, path) for size in range(new + 1) if size != old),
        *((old, old_root, new, new_root, bent) for bent in _bent(path)),
    ]
    for was, root, now, top, proof in wrong:
        with pytest.raises(ConsistencyError):
            verify_consistency(old_size=was, old_root=root, new_size=now, new_root=top, path=proof)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, _MOST), st.integers(0, _MOST))
def test_a_tree_that_shrank_grows_again_as_if_nothing_had_been(first: int, second: int) -> None:
    tree = Tree(_HASHES[:first])
    tree.shrink(min(first, second))
    tree.extend(_HASHES[min(first, second) : second])
    assert (tree.size, tree.root) == (second, _TREE.root_at(second))


def _bent(path: list[bytes]) -> list[list[bytes]]:
    """Return a proof with one hash changed, dropped, added, or the order turned round."""
    places = range(len(path))
    changed = [[*path[:n], bytes([path[n][0] ^ 1]) + path[n][1:], *path[n + 1 :]] for n in places]
    dropped = [[*path[:n], *path[n + 1 :]] for n in places]
    turned = [path[::-1]] if path != path[::-1] else []
    return [*changed, *dropped, [*path, b"\0" * 32], [b"\0" * 32, *path], *turned]
