"""Sealing: which mask is added, which subtracted, and what is refused."""

import pytest

from protocols.errors import ContractError, MaskKeyError
from protocols.secagg.keys import RunKey
from protocols.secagg.masks import seal
from protocols.secagg.words import sum_words

_OWN = {name: RunKey.from_secret(name.encode() * 32) for name in "abc"}
_KEYS = {name: key.public for name, key in _OWN.items()}
_ORDER = b"\x05" * 32
_ZEROS = bytes(64)


def _seal(partner: str, cohort: str, *, vector: bytes = _ZEROS, order: bytes = _ORDER) -> bytes:
    keys = {name: _KEYS[name] for name in cohort}
    return seal(vector, partner=partner, own=_OWN[partner], keys=keys, order=order)


def test_the_pair_adds_and_subtracts_one_mask() -> None:
    first, second = _seal("a", "ab"), _seal("b", "ab")
    assert first != _ZEROS
    assert sum_words([first, second]) == _ZEROS


def test_a_partner_adds_one_mask_for_each_peer() -> None:
    assert _seal("b", "abc") == sum_words([_seal("b", "ab"), _seal("b", "bc")])


def test_the_vector_is_added_to_the_mask() -> None:
    vector = bytes(range(64))
    assert _seal("a", "abc", vector=vector) == sum_words([vector, _seal("a", "abc")])


def test_a_vector_of_no_words_stays_one() -> None:
    assert _seal("a", "ab", vector=b"") == b""


def test_two_vectors_sealed_for_one_order_show_their_difference() -> None:
    # Why the caller must not: this is the promise that ``seal`` cannot make.
    low, high = _seal("a", "abc"), _seal("a", "abc", vector=b"\x07" * 64)
    assert sum_words([high], minus=[low]) == b"\x07" * 64


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "of a is not its own"),
        ({"b": _KEYS["b"], "c": _KEYS["c"]}, "of a is not its own"),
        ({"a": _KEYS["c"], "b": _KEYS["b"]}, "of a is not its own"),
        ({"a": _KEYS["a"]}, "two masking keys or more"),
        ({"a": _KEYS["a"], "b": _KEYS["a"]}, "no two the same"),
        ({"a": _KEYS["a"], "b": _KEYS["b"], "c": _KEYS["b"]}, "no two the same"),
        ({"a": _KEYS["a"], "b": _KEYS["b"][:31]}, "32 bytes"),
        ({"a": _KEYS["a"], "b": bytes(32)}, "low order"),
    ],
)
def test_a_cohort_whose_keys_are_wrong_is_refused(keys: dict[str, bytes], said: str) -> None:
    with pytest.raises(MaskKeyError, match=said):
        seal(_ZEROS, partner="a", own=_OWN["a"], keys=keys, order=_ORDER)


@pytest.mark.parametrize("order", [b"", _ORDER[:31], _ORDER + b"\0"])
def test_an_order_that_is_no_digest_is_refused(order: bytes) -> None:
    with pytest.raises(ContractError, match="32 bytes"):
        _seal("a", "ab", order=order)


def test_a_vector_that_is_not_whole_words_is_refused() -> None:
    with pytest.raises(ContractError, match="64-bit words"):
        _seal("a", "ab", vector=bytes(63))
