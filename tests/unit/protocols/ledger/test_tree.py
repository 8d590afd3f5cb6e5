"""The growing tree. That it agrees with RFC 9162 is in ``tests/property/test_merkle.py``."""

import pytest

from protocols.ledger.tree import Tree

_TREE = Tree([b"\1" * 32] * 3)


@pytest.mark.parametrize(("index", "size"), [(-1, None), (3, None), (2, 2), (0, 0), (0, 4)])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int, size: int | None) -> None:
    with pytest.raises(IndexError):
        _TREE.inclusion_path(index, size=size)


@pytest.mark.parametrize(("old", "new"), [(-1, None), (4, None), (3, 2), (2, 4)])
def test_there_is_no_path_between_sizes_that_are_not_there(old: int, new: int | None) -> None:
    with pytest.raises(IndexError):
        _TREE.consistency_path(old, new)


@pytest.mark.parametrize("size", [-1, 4])
def test_there_is_no_root_at_a_size_that_is_not_there(size: int) -> None:
    with pytest.raises(IndexError, match=f"no size {size} in a log of 3"):
        _TREE.root_at(size)


def test_a_complete_subtree_has_the_root_over_its_leaves() -> None:
    hashes = [bytes([number]) * 32 for number in range(7)]
    tree = Tree(hashes)
    assert [tree.subtree(0, index) for index in range(7)] == hashes
    assert [tree.subtree(1, index) for index in range(3)] == [
        Tree(hashes[first : first + 2]).root for first in (0, 2, 4)
    ]
    assert tree.subtree(2, 0) == Tree(hashes[:4]).root


@pytest.mark.parametrize(("level", "index"), [(0, 3), (0, -1), (-1, 0), (1, 1), (2, 0), (99, 0)])
def test_there_is_no_subtree_whose_leaves_are_not_all_there(level: int, index: int) -> None:
    with pytest.raises(IndexError):
        _TREE.subtree(level, index)
