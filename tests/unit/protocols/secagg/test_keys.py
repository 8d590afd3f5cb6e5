"""Masking keys: two ends agree, and what is no safe key is refused."""

import pickle

import pytest

from protocols.errors import MaskKeyError
from protocols.secagg.keys import RunKey

_FIELD = 2**255 - 19
_KEY = RunKey.from_secret(b"\x01" * 32)
_PEER = RunKey.from_secret(b"\x02" * 32)


def test_both_ends_share_one_secret_and_a_third_another() -> None:
    third = RunKey.from_secret(b"\x03" * 32)
    assert _KEY.shared_with(_PEER.public) == _PEER.shared_with(_KEY.public)
    assert _KEY.shared_with(third.public) != _KEY.shared_with(_PEER.public)


def test_a_key_is_what_its_secret_makes_it() -> None:
    created = RunKey.create()
    assert RunKey.from_secret(created.secret).public == created.public
    assert (len(created.secret), len(created.public)) == (32, 32)


def test_no_two_created_keys_are_one() -> None:
    assert RunKey.create().public != RunKey.create().public


def test_a_key_is_neither_printed_nor_pickled() -> None:
    assert f"{_KEY} {_KEY!r}" == "RunKey() RunKey()"
    with pytest.raises(TypeError):
        pickle.dumps(_KEY)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MaskKeyError, match="32 bytes"):
        RunKey.from_secret(b"\x01" * length)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_public_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MaskKeyError, match="32 bytes"):
        _KEY.shared_with((_PEER.public + b"\0")[:length])


# The points of order 1, 2, 4 and 8 in their canonical spelling: https://cr.yp.to/ecdh.html
@pytest.mark.parametrize(
    "point",
    [
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        _FIELD - 1,
    ],
)
def test_a_key_of_low_order_is_refused(point: int) -> None:
    with pytest.raises(MaskKeyError, match="low order"):
        _KEY.shared_with(point.to_bytes(32, "little"))


def test_ones_own_key_is_refused() -> None:
    with pytest.raises(MaskKeyError, match="one's own"):
        _KEY.shared_with(_KEY.public)


@pytest.mark.parametrize("point", [_FIELD, _FIELD + 9, 2**255 - 1])
def test_a_second_spelling_of_a_point_is_refused(point: int) -> None:
    with pytest.raises(MaskKeyError, match="canonical"):
        _KEY.shared_with(point.to_bytes(32, "little"))


def test_the_top_bit_that_x25519_ignores_makes_no_second_own_key() -> None:
    top = _KEY.public[:31] + bytes([_KEY.public[31] | 0x80])
    with pytest.raises(MaskKeyError, match="canonical"):
        _KEY.shared_with(top)
