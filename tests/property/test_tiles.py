"""Tiles of any log come back, and one other byte anywhere is noticed."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import VerificationError
from protocols.ledger.tiles import check_tiles, leaves_in, tile_files

_SIZES = st.sampled_from([0, 1, 2, 255, 256, 257, 511, 512, 513]) | st.integers(0, 600)
_PATHS = st.sampled_from(["tile/entries/000", "tile/entries/000.p/2", "tile/0/000.p/2", "tile"])


@settings(deadline=None, max_examples=25)
@given(_SIZES, st.binary(max_size=3))
def test_a_log_of_any_size_comes_back(size: int, word: bytes) -> None:
    leaves = [word * (number % 3) for number in range(size)]
    files = dict(tile_files(leaves))
    assert list(leaves_in(files, size)) == leaves
    assert list(check_tiles(files, size)) == []


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_one_other_byte_in_any_file_is_noticed(data: st.DataObject) -> None:
    size = data.draw(_SIZES.filter(bool))
    files = dict(tile_files(b"%d" % number for number in range(size)))
    path = data.draw(st.sampled_from(sorted(files)))
    raw = bytearray(files[path])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert list(check_tiles(files | {path: bytes(raw)}, size))


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(_PATHS, st.binary(max_size=80)), st.integers(0, 3) | st.integers(0))
def test_files_of_any_bytes_raise_nothing_but_our_errors(
    files: dict[str, bytes], size: int
) -> None:
    assert all(isinstance(error, VerificationError) for _, error in check_tiles(files, size))
    with suppress(VerificationError):
        list(leaves_in(files, size))
