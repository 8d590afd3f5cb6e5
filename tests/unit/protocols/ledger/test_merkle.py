"""The tree, against the vectors every Certificate Transparency log is tested with."""

import json
from pathlib import Path

import pytest

from protocols.errors import InclusionError
from protocols.ledger.merkle import inclusion_path, leaf_hash, tree_root, verify_inclusion

_VECTORS = json.loads(
    (Path(__file__).parents[3] / "vectors" / "ct_tree.json").read_text(encoding="utf-8")
)
_LEAVES = [bytes.fromhex(text) for text in _VECTORS["leaves"]]
_HASHES = [leaf_hash(leaf) for leaf in _LEAVES]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert tree_root([]).hex() == _VECTORS["empty_root"]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert tree_root(_HASHES[:size]).hex() == _VECTORS["roots"][size - 1]


@pytest.mark.parametrize("case", _VECTORS["paths"], ids=lambda c: f"{c['index']} of {c['size']}")
def test_paths_are_those_of_certificate_transparency(case: dict[str, object]) -> None:
    index, size = int(str(case["index"])), int(str(case["size"]))
    path = inclusion_path(_HASHES[:size], index)
    assert [item.hex() for item in path] == case["path"]
    root = bytes.fromhex(_VECTORS["roots"][size - 1])
    verify_inclusion(_LEAVES[index], index=index, size=size, path=path, root=root)


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
