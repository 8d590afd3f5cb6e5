"""The tree, against the vectors every Certificate Transparency log is tested with."""

import json
from pathlib import Path

import pytest

from protocols.errors import ConsistencyError, InclusionError
from protocols.ledger.merkle import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion
from protocols.ledger.tree import Tree

_VECTORS = json.loads(
    (Path(__file__).parents[3] / "vectors" / "ct_tree.json").read_text(encoding="utf-8")
)
_LEAVES = [bytes.fromhex(text) for text in _VECTORS["leaves"]]
_HASHES = [leaf_hash(leaf) for leaf in _LEAVES]
_ROOTS = [bytes.fromhex(text) for text in (_VECTORS["empty_root"], *_VECTORS["roots"])]
_TREE = Tree(_HASHES)


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Tree().root == _ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert Tree(_HASHES[:size]).root == _TREE.root_at(size) == _ROOTS[size]


@pytest.mark.parametrize("case", _VECTORS["paths"], ids=lambda c: f"{c['index']} of {c['size']}")
def test_paths_are_those_of_certificate_transparency(case: dict[str, object]) -> None:
    index, size = int(str(case["index"])), int(str(case["size"]))
    path = _TREE.inclusion_path(index, size=size)
    assert [item.hex() for item in path] == case["path"]
    verify_inclusion(_LEAVES[index], index=index, size=size, path=path, root=_ROOTS[size])


@pytest.mark.parametrize("case", _VECTORS["consistency"], ids=lambda c: f"{c['old']} to {c['new']}")
def test_consistency_is_that_of_certificate_transparency(case: dict[str, object]) -> None:
    old, new = int(str(case["old"])), int(str(case["new"]))
    path = _TREE.consistency_path(old, new)
    assert [item.hex() for item in path] == case["path"]
    verify_consistency(
        old_size=old, old_root=_ROOTS[old], new_size=new, new_root=_ROOTS[new], path=path
    )


@pytest.mark.parametrize(
    ("index", "size", "path", "said"),
    [
        (3, 3, [], "cannot be in a tree of 3"),
        (-1, 3, [], "cannot be in a tree of 3"),
        (0, 3, _HASHES[:1], "too short"),
        (0, 1, _HASHES[:1], "too long"),
        (0, 2, _HASHES[2:3], "does not lead"),
    ],
)
def test_a_proof_of_another_shape_is_refused(
    index: int, size: int, path: list[bytes], said: str
) -> None:
    with pytest.raises(InclusionError, match=said):
        verify_inclusion(b"", index=index, size=size, path=path, root=b"\0" * 32)


@pytest.mark.parametrize(
    ("old", "new", "path", "said"),
    [
        (3, 2, [], "does not go on"),
        (-1, 2, [], "does not go on"),
        (0, 2, _HASHES[:1], "nothing to show"),
        (3, 3, _HASHES[:1], "nothing to show"),
        (3, 5, [], "too short"),
        (4, 5, [], "too short"),
        (3, 5, _TREE.consistency_path(3, 5)[:-1], "too short"),
        (3, 5, [*_TREE.consistency_path(3, 5), _HASHES[0]], "too long"),
        (3, 5, _TREE.consistency_path(3, 5)[::-1], "no continuation"),
    ],
)
def test_a_proof_of_growth_of_another_shape_is_refused(
    old: int, new: int, path: list[bytes], said: str
) -> None:
    with pytest.raises(ConsistencyError, match=said):
        verify_consistency(
            old_size=old, old_root=_ROOTS[old], new_size=new, new_root=_ROOTS[new], path=path
        )


@pytest.mark.parametrize(
    ("old", "old_root", "new", "new_root"),
    [
        (0, _ROOTS[1], 2, _ROOTS[2]),
        (0, _ROOTS[0], 0, _ROOTS[1]),
        (3, _ROOTS[3], 3, _ROOTS[4]),
        (1, _ROOTS[2], 2, _ROOTS[2]),
        (1, _ROOTS[1], 2, _ROOTS[3]),
    ],
    ids=["begins with something", "empty", "same size", "old root", "new root"],
)
def test_another_root_is_no_continuation(
    old: int, old_root: bytes, new: int, new_root: bytes
) -> None:
    path = _TREE.consistency_path(old, new)
    with pytest.raises(ConsistencyError, match="no continuation"):
        verify_consistency(
            old_size=old, old_root=old_root, new_size=new, new_root=new_root, path=path
        )
