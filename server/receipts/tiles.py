"""The decision log's tree as tiles of 256 hashes, so that neither start nor proof reads all of it.

A tile of level L holds roots of subtrees of ``256**L`` leaves; a full one never changes. Of a tree
of any size, growing it touches one tile of each level, and a proof at most two.

Source: C2SP tlog-tiles v1.
"""

from collections.abc import Callable, Mapping, Sequence

from protocols.errors import TileError
from protocols.ledger.merkle import node_hash
from protocols.ledger.paths import Subtree
from protocols.ledger.tiles import TILE_WIDTH

Read = Callable[[int, int], bytes]  # of level and number: a tile's hashes, one after another
Tiles = Mapping[tuple[int, int], bytes]

_HASH_BYTES = 32
_HEIGHT = 8  # levels of the tree in a tile
_TILE_BYTES = TILE_WIDTH * _HASH_BYTES


def grown(read: Read, size: int, hashes: Sequence[bytes]) -> Tiles:
    """Return the tiles that more leaves change or add, by level and number.

    Args:
        read: Gives the tiles of the tree as it is.
        size: Its leaves.
        hashes: Of the leaves that come after these.

    Raises:
        TileError: A tile is not as long as the tree of that size makes it.
    """
    changed: dict[tuple[int, int], bytes] = {}
    level, first, added = 0, size, list(hashes)
    while added:
        number, width = divmod(first, TILE_WIDTH)
        raw = (_hashes(read, level, number, 0, width) if width else b"") + b"".join(added)
        tiles = [raw[at : at + _TILE_BYTES] for at in range(0, len(raw), _TILE_BYTES)]
        changed |= {(level, number + place): tile for place, tile in enumerate(tiles)}
        added = [_fold(tile) for tile in tiles if len(tile) == _TILE_BYTES]
        level, first = level + 1, number
    return changed


def subtree_in(read: Read) -> Subtree:
    """Return what gives the roots of complete subtrees, made of tiles.

    It raises TileError for one that the tiles do not hold whole.
    """

    def subtree(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, _HEIGHT)
        number, place = divmod(index << height, TILE_WIDTH)
        return _fold(_hashes(read, tile_level, number, place, 1 << height))

    return subtree


def over(read: Read, tiles: Tiles) -> Read:
    """Return what reads the tiles that have changed in place of those that ``read`` gives."""
    return lambda level, number: tiles.get((level, number)) or read(level, number)


def _hashes(read: Read, level: int, number: int, place: int, count: int) -> bytes:
    start, end = place * _HASH_BYTES, (place + count) * _HASH_BYTES
    tile = read(level, number)
    if len(tile) < end:
        raise TileError(f"the decision log's tile {number} of level {level} is not whole")
    return tile[start:end]


def _fold(raw: bytes) -> bytes:
    """Return the root over hashes, a power of two of them."""
    hashes = [raw[at : at + _HASH_BYTES] for at in range(0, len(raw), _HASH_BYTES)]
    while len(hashes) > 1:
        hashes = [node_hash(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
    return hashes[0]
