"""The growing tree. That it agrees with RFC 9162 is in ``tests/property/test_merkle.py``."""

import hashlib

import pytest

from server.ledger.tree import Tree


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    tree = Tree()
    assert (tree.size, tree.root) == (0, hashlib.sha256(b"").digest())


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int) -> None:
    tree = Tree()
    tree.extend([b"\1" * 32] * 3)
    with pytest.raises(IndexError):
        tree.inclusion_path(index)
