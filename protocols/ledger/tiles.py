"""A whole log as files that never change once they are full: entry bundles and tiles of hashes.

A path is relative to the log's folder or address, such as ``tile/0/x001/234.p/7``. An export is
of one size, so that each level has at most one partial tile, the last.

Source: C2SP tlog-tiles v1.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from protocols.errors import FolderError, OversizedLeafError, TileError, VerificationError
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree

MOST_LEAF_BYTES = 65_535
TILE_WIDTH = 256

_ENTRIES = "entries"
_BUNDLE = re.compile(r"tile/entries/((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_TILE = re.compile(r"tile/[0-9]{1,2}/((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_LENGTH_BYTES, _HASH_BYTES = 2, 32
_UNKNOWN = b""  # in place of a hash whose entry cannot be read

Item = TypeVar("Item")


def tile_files(leaves: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file of a log, entry bundles first.

    Leaves are read once, and 256 of them are held at a time.

    Args:
        leaves: All leaves, in order; at most ``MOST_LEAF_BYTES`` each.

    Raises:
        OversizedLeafError: A leaf is larger.
    """
    hashes: list[bytes] = []
    for number, bundle in enumerate(_chunks(leaves)):
        hashes += map(leaf_hash, bundle)
        yield tile_path(_ENTRIES, number, len(bundle)), b"".join(map(_entry, bundle))
    for path, tile in _hash_tiles(hashes):
        yield path, b"".join(tile)


def size_of(files: Mapping[str, bytes]) -> int:
    """Return the number of leaves that the paths of the entry bundles speak of."""
    sizes = [0]
    for path in files:
        match = _BUNDLE.fullmatch(path)
        if match:
            number, width = int(re.sub("[x/]", "", match[1])), int(match[2] or TILE_WIDTH)
            sizes.append(number * TILE_WIDTH + width)
    return max(sizes)


def most_in_tile(path: str) -> int:
    """Return the most bytes that the file at a path can have; 0 if it is none of a log."""
    if _BUNDLE.fullmatch(path):
        return TILE_WIDTH * (MOST_LEAF_BYTES + _LENGTH_BYTES)
    return TILE_WIDTH * _HASH_BYTES if _TILE.fullmatch(path) else 0


def leaves_in(files: Mapping[str, bytes], size: int) -> Iterator[bytes]:
    """Yield the leaves of a log from its entry bundles, in order.

    Hash tiles are not looked at; that the leaves are the log's follows from the root over them.

    Args:
        files: Contents by path.
        size: Number of leaves, as the checkpoint says.

    Raises:
        FolderError: A bundle is missing.
        TileError: A bundle is truncated, or holds more or fewer entries than it must.
    """
    for path, width in _bundles(size):
        yield from _entries_at(files, path, width)


def check_tiles(files: Mapping[str, bytes], size: int) -> Iterator[tuple[str, VerificationError]]:
    """Yield each file that is not as the entries of a log of ``size`` make it, with the fault.

    A hash tile is compared with the one made of the entries, unless a bundle below it cannot be
    read; that bundle is named then.

    Args:
        files: Contents by path, of all files that are there but the checkpoint.
        size: Number of leaves, as the checkpoint says.

    Returns:
        Paths with a ``FolderError`` for a file too many or too few, or a ``TileError`` for one
        with another content.
    """
    # A signed size can be anything; do not count up to it when the files are not there.
    if -(-size // TILE_WIDTH) > len(files):
        yield f"tile/{_ENTRIES}", FolderError(f"{len(files)} files hold no {size} entries")
        return
    strays, hashes = set(files), list[bytes]()
    for path, width in _bundles(size):
        strays.discard(path)
        try:
            hashes += map(leaf_hash, _entries_at(files, path, width))
        except VerificationError as err:
            hashes += [_UNKNOWN] * width
            yield path, err
    for path, tile in _hash_tiles(hashes):
        strays.discard(path)
        if path not in files:
            yield path, FolderError(f"{path} is missing")
        elif all(tile) and files[path] != b"".join(tile):
            yield path, TileError(f"{path} holds other hashes than the entries have")
    # The name is a stranger's words: it is the path that is yielded, and in no message.
    yield from ((path, FolderError("the file is none of this log")) for path in sorted(strays))


def tile_path(level: int | str, number: int, width: int) -> str:
    """Return the path of a tile.

    Args:
        level: 0 for hashes of leaves, 1 for those of full tiles of level 0, and so on; or
            ``"entries"`` for a bundle of leaves.
        number: Number of the tile in its level, from 0.
        width: Hashes or entries in it, 1 to 256.
    """
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def _bundles(size: int) -> Iterator[tuple[str, int]]:
    for first in range(0, size, TILE_WIDTH):
        width = min(TILE_WIDTH, size - first)
        yield tile_path(_ENTRIES, first // TILE_WIDTH, width), width


def _hash_tiles(hashes: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Yield all hash tiles over leaf hashes; what lies above an unknown hash is unknown."""
    level = 0
    while hashes:
        above = []
        for number, tile in enumerate(_chunks(hashes)):
            yield tile_path(level, number, len(tile)), tile
            if len(tile) == TILE_WIDTH:
                above.append(Tree(tile).root if all(tile) else _UNKNOWN)
        hashes, level = above, level + 1


def _entry(leaf: bytes) -> bytes:
    if len(leaf) > MOST_LEAF_BYTES:
        raise OversizedLeafError(f"a leaf has {len(leaf)} bytes, {MOST_LEAF_BYTES} is the most")
    return len(leaf).to_bytes(_LENGTH_BYTES, "big") + leaf


def _entries_at(files: Mapping[str, bytes], path: str, width: int) -> list[bytes]:
    if path not in files:
        raise FolderError(f"{path} is missing")
    raw, place, leaves = files[path], 0, list[bytes]()
    while place < len(raw):
        start = place + _LENGTH_BYTES
        place = start + int.from_bytes(raw[place:start], "big")
        leaves.append(raw[start:place])
    if place != len(raw) or len(leaves) != width:
        raise TileError(f"{path} does not hold {width} whole entries")
    return leaves


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    source = iter(items)
    while chunk := list(islice(source, TILE_WIDTH)):
        yield chunk
