"""Tiles of the decision log: few are touched, and one that is cut short is never believed."""

import pytest

from protocols.errors import TileError
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.paths import root_of
from protocols.ledger.tree import Tree
from server.receipts.tiles import grown, over, subtree_in

_HASHES = [leaf_hash(b"%d" % number) for number in range(66_000)]


def _nothing(*_: int) -> bytes:
    return b""


def test_a_tree_of_three_levels_of_tiles_has_the_root_that_it_must() -> None:
    tiles = grown(_nothing, 0, _HASHES)
    assert len(tiles[2, 0]) == 32
    assert {level for level, _ in tiles} == {0, 1, 2}
    assert root_of(subtree_in(over(_nothing, tiles)), 0, 66_000) == Tree(_HASHES).root


def test_a_step_touches_one_tile_of_each_level_that_changes() -> None:
    tiles = grown(_nothing, 0, _HASHES[:65_535])
    assert set(grown(over(_nothing, tiles), 65_535, _HASHES[65_535:65_536])) == {
        (0, 255),
        (1, 0),
        (2, 0),
    }
    assert grown(over(_nothing, tiles), 65_535, []) == {}


def test_a_tile_that_is_cut_short_is_an_error_and_no_root() -> None:
    tiles = dict(grown(_nothing, 0, _HASHES[:300]))
    tiles[0, 1] = tiles[0, 1][:-32]
    with pytest.raises(TileError, match="tile 1 of level 0"):
        grown(over(_nothing, tiles), 300, _HASHES[300:301])
    with pytest.raises(TileError):
        root_of(subtree_in(over(_nothing, tiles)), 0, 300)
