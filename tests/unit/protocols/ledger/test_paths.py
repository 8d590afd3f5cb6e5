"""Roots and proofs need the subtrees that they name, and no others."""

import pytest

from protocols.errors import InclusionError
from protocols.ledger.merkle import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion
from protocols.ledger.paths import consistency_path, inclusion_path, root_of
from protocols.ledger.tree import Tree

_LEAVES = [b"leaf %d" % number for number in range(11)]
_TREE = Tree(map(leaf_hash, _LEAVES))


def test_what_is_made_of_subtrees_is_what_a_verifier_asks_for() -> None:
    root = root_of(_TREE.subtree, 0, 11)
    assert root == _TREE.root
    path = inclusion_path(_TREE.subtree, 4, 11)
    verify_inclusion(_LEAVES[4], index=4, size=11, path=path, root=root)
    grown = consistency_path(_TREE.subtree, 6, 11)
    old = root_of(_TREE.subtree, 0, 6)
    verify_consistency(old_size=6, old_root=old, new_size=11, new_root=root, path=grown)
    with pytest.raises(InclusionError):
        verify_inclusion(_LEAVES[5], index=4, size=11, path=path, root=root)


def test_of_no_leaves_there_is_an_empty_root_and_nothing_to_show() -> None:
    assert root_of(_TREE.subtree, 0, 0) == EMPTY_ROOT
    assert consistency_path(_TREE.subtree, 0, 11) == []
    assert consistency_path(_TREE.subtree, 11, 11) == []


def test_a_leaf_or_size_that_is_not_there_is_refused() -> None:
    for index in (-1, 11):
        with pytest.raises(IndexError):
            inclusion_path(_TREE.subtree, index, 11)
    for old in (-1, 12):
        with pytest.raises(IndexError):
            consistency_path(_TREE.subtree, old, 11)


def test_few_subtrees_are_asked_for() -> None:
    asked: list[tuple[int, int]] = []

    def subtree(level: int, index: int) -> bytes:
        asked.append((level, index))
        return bytes(32)

    inclusion_path(subtree, 1_234_567, 10_000_019)
    assert len(asked) < 60
