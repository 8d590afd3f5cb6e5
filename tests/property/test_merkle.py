"""Proofs for every index of every size, and against every small change."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import InclusionError
from protocols.ledger.merkle import inclusion_path, leaf_hash, tree_root, verify_inclusion
from server.ledger.tree import Tree

_MOST = 40
_LEAVES = [b"leaf %d" % number for number in range(_MOST)]
_HASHES = [leaf_hash(leaf) for leaf in _LEAVES]


@pytest.mark.parametrize("size", range(1, _MOST + 1))
def test_every_leaf_of_every_size_is_proven_and_nothing_else(size: int) -> None:
    root = tree_root(_HASHES[:size])
    for index in range(size):
        path = inclusion_path(_HASHES[:size], index)
        verify_inclusion(_LEAVES[index], index=index, size=size, path=path, root=root)
        wrong = [
            (b"another leaf", index, size, path, root),
            (_LEAVES[index], index, size, [*path, b"\0" * 32], root),
            (_LEAVES[index], index, size, path, b"\0" * 32),
            *((_LEAVES[index], other, size, path, root) for other in range(size) if other != index),
            *((_LEAVES[index], index, size, _bent(path, n), root) for n in range(len(path))),
            *([(_LEAVES[index], index, size, path[:-1], root)] if path else []),
            *([(_LEAVES[index], index, size, path[::-1], root)] if len(path) > 1 else []),
        ]
        for leaf, at, of, proof, top in wrong:
            with pytest.raises(InclusionError):
                verify_inclusion(leaf, index=at, size=of, path=proof, root=top)


@pytest.mark.parametrize("size", range(_MOST + 1))
def test_the_growing_tree_agrees_with_the_definition(size: int) -> None:
    tree = Tree()
    tree.extend(_HASHES[:size])
    assert (tree.size, tree.root) == (size, tree_root(_HASHES[:size]))
    for index in range(size):
        assert tree.inclusion_path(index) == inclusion_path(_HASHES[:size], index)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, _MOST), st.integers(0, _MOST))
def test_a_tree_that_shrank_grows_again_as_if_nothing_had_been(first: int, second: int) -> None:
    tree = Tree()
    tree.extend(_HASHES[:first])
    tree.shrink(min(first, second))
    tree.extend(_HASHES[min(first, second) : second])
    assert (tree.size, tree.root) == (second, tree_root(_HASHES[:second]))


def _bent(path: list[bytes], place: int) -> list[bytes]:
    return [*path[:place], bytes([path[place][0] ^ 1]) + path[place][1:], *path[place + 1 :]]
