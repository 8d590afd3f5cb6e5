"""Tiles: the paths and contents C2SP says, and every file that is another one is named."""

from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest

from protocols.errors import FolderError, OversizedLeafError, TileError
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tiles import (
    MOST_LEAF_BYTES,
    check_tiles,
    leaves_in,
    tile_files,
    tile_path,
)
from protocols.ledger.tree import Tree

_MOST = 70_000
_LEAVES = [b"%d" % number for number in range(_MOST)]
_HASHES = [leaf_hash(leaf) for leaf in _LEAVES]
_LARGE = dict(tile_files(_LEAVES))
_SMALL = dict(tile_files(_LEAVES[:600]))

Files = dict[str, bytes]


@pytest.mark.parametrize(
    ("number", "path"),
    [
        (0, "tile/0/000"),
        (999, "tile/0/999"),
        (1000, "tile/0/x001/000"),
        (1_234_067, "tile/0/x001/x234/067"),
    ],
)
def test_numbers_are_written_in_groups_of_three(number: int, path: str) -> None:
    assert tile_path(0, number, 256) == path
    assert tile_path(0, number, 7) == f"{path}.p/7"


def test_the_published_example_of_70_000_has_these_tiles() -> None:
    names = [path.split("/")[1] for path in _LARGE]
    assert [names.count(level) for level in ("entries", "0", "1", "2")] == [274, 274, 2, 1]
    for path in ("tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"):
        assert path in _LARGE
    assert {len(_LARGE[path]) for path in ("tile/0/000", "tile/0/272", "tile/1/000")} == {8192}


def test_hashes_in_tiles_are_the_roots_of_the_definition() -> None:
    def root(first: int, last: int) -> bytes:
        return Tree(_HASHES[first:last]).root

    assert _LARGE["tile/0/001"] == b"".join(_HASHES[256:512])
    assert _LARGE["tile/1/000"][32:64] == root(256, 512)
    assert _LARGE["tile/1/001.p/17"][-32:] == root(272 * 256, 273 * 256)
    assert _LARGE["tile/2/000.p/1"] == root(0, 256 * 256)


@pytest.mark.parametrize(
    ("size", "paths"),
    [
        (0, []),
        (1, ["tile/entries/000.p/1", "tile/0/000.p/1"]),
        (255, ["tile/entries/000.p/255", "tile/0/000.p/255"]),
        (256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]),
        (
            257,
            [
                "tile/entries/000",
                "tile/entries/001.p/1",
                "tile/0/000",
                "tile/0/001.p/1",
                "tile/1/000.p/1",
            ],
        ),
        (_MOST, list(_LARGE)),
    ],
)
def test_a_log_comes_back_from_its_tiles(size: int, paths: list[str]) -> None:
    files = dict(tile_files(_LEAVES[:size]))
    assert list(files) == paths
    assert list(leaves_in(files, size)) == _LEAVES[:size]
    assert list(check_tiles(files, size)) == []


def test_a_bundle_is_entries_behind_their_lengths() -> None:
    leaves = [b"", b"ab", b"\0" * 256]
    bundle = next(content for _, content in tile_files(leaves))
    assert bundle == b"\0\0" + b"\0\2ab" + b"\1\0" + b"\0" * 256


def test_a_leaf_as_large_as_the_limit_is_written_and_no_larger_one() -> None:
    files = dict(tile_files([b"x" * MOST_LEAF_BYTES]))
    assert list(leaves_in(files, 1)) == [b"x" * 65_535]
    with pytest.raises(OversizedLeafError, match="65536"):
        list(tile_files([b"x" * (MOST_LEAF_BYTES + 1)]))


def test_leaves_are_read_one_bundle_at_a_time() -> None:
    read = []

    def counted() -> Iterator[bytes]:
        for leaf in _LEAVES:
            read.append(leaf)
            yield leaf

    next(tile_files(counted()))
    assert len(read) == 256


def _said(files: Files, size: int = 600) -> list[tuple[str, type[Exception]]]:
    return [(path, type(error)) for path, error in check_tiles(files, size)]


@pytest.mark.parametrize("path", _SMALL)
def test_a_missing_file_is_named(path: str) -> None:
    assert _said({name: _SMALL[name] for name in _SMALL if name != path}) == [(path, FolderError)]


@pytest.mark.parametrize("path", ["tile/0/003", "tile/entries/002", "tile/1/000.p/3", "x", ""])
def test_a_file_too_many_is_named(path: str) -> None:
    assert _said(_SMALL | {path: b""}) == [(path, FolderError)]


@pytest.mark.parametrize("path", [path for path in _SMALL if "entries" not in path])
@pytest.mark.parametrize(
    "bend",
    [
        lambda raw: bytes([raw[0] ^ 1]) + raw[1:],
        lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
        lambda raw: raw[:-1],
        lambda raw: raw[:-32],
        lambda raw: raw + bytes(32),
        lambda raw: b"",
    ],
    ids=["first", "last", "byte short", "hash short", "hash more", "empty"],
)
def test_a_tile_that_its_entries_do_not_make_is_named(
    path: str, bend: Callable[[bytes], bytes]
) -> None:
    assert _said(_SMALL | {path: bend(_SMALL[path])}) == [(path, TileError)]


@pytest.mark.parametrize("path", [path for path in _SMALL if "entries" in path])
@pytest.mark.parametrize(
    "bend",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: raw + b"\0\0",
        lambda raw: raw + b"\0\1x",
        lambda raw: b"\xff" + raw[1:],
        lambda raw: b"",
    ],
    ids=["truncated", "half a length", "empty entry more", "entry more", "long entry", "empty"],
)
def test_a_bundle_of_another_shape_is_named_and_what_follows_from_it_is_not(
    path: str, bend: Callable[[bytes], bytes]
) -> None:
    files = _SMALL | {path: bend(_SMALL[path])}
    assert _said(files) == [(path, TileError)]
    with pytest.raises(TileError, match=path):
        list(leaves_in(files, 600))


def test_another_entry_shows_in_every_tile_above_it() -> None:
    path = "tile/entries/001"
    files = _SMALL | {path: _SMALL[path][:-1] + b"x"}
    assert _said(files) == [("tile/0/001", TileError), ("tile/1/000.p/2", TileError)]


def test_tiles_beside_an_unreadable_bundle_are_still_compared() -> None:
    files = _SMALL | {"tile/entries/000": b"", "tile/0/000": b"", "tile/0/001": b""}
    assert _said(files) == [("tile/entries/000", TileError), ("tile/0/001", TileError)]


def test_a_log_of_another_size_has_other_files() -> None:
    assert ("tile/0/002.p/88", FolderError) in _said(_SMALL, 601)
    assert ("tile/0/002.p/89", FolderError) in _said(_SMALL, 601)
    assert len(_said(_SMALL, 0)) == len(_SMALL)


def test_a_missing_bundle_ends_the_reading() -> None:
    files = {path: content for path, content in _SMALL.items() if path != "tile/entries/001"}
    leaves = leaves_in(files, 600)
    assert [next(leaves) for _ in range(256)] == _LEAVES[:256]
    with pytest.raises(FolderError, match="tile/entries/001 is missing"):
        next(leaves)


def test_a_size_beyond_all_files_is_not_counted_up_to() -> None:
    assert _said(_SMALL, 10**15) == [("tile/entries", FolderError)]
    assert _said({}, 1) == [("tile/entries", FolderError)]


def test_the_tree_in_the_tiles_is_sha256() -> None:
    assert dict(tile_files([b"a"]))["tile/0/000.p/1"] == sha256(b"\0a").digest()
