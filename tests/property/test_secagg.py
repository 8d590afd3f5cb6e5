"""Sealed vectors open to the exact sum, and every mask is good for one use."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.secagg.keys import RunKey
from protocols.secagg.masks import seal
from protocols.secagg.opening import open_sum

_NAMES = ["North", "a", "a-1", "a.1", "b", "north", "zeta", "zz"]
_EDGES = [0, 1, -1, 2**63 - 1, 2**63 - 2, -(2**63), -(2**63) + 1]
_WORD = st.sampled_from(_EDGES) | st.integers(-(2**63), 2**63 - 1)
_DIGEST = st.binary(min_size=32, max_size=32)
_SECRETS = st.lists(_DIGEST, min_size=8, max_size=8, unique_by=lambda raw: _key(raw).public)
_ZEROS = bytes(32)


def _key(secret: bytes) -> RunKey:
    return RunKey.from_secret(secret)


def _mask(own: bytes, peer: bytes, order: bytes) -> bytes:
    """Return the mask that ``a`` adds for ``b``."""
    keys = {"a": _key(own).public, "b": _key(peer).public}
    return seal(_ZEROS, partner="a", own=_key(own), keys=keys, order=order)


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(2, 8), st.integers(0, 12), _SECRETS, _DIGEST)
def test_the_opened_sum_is_the_sum(
    data: st.DataObject, size: int, width: int, secrets: list[bytes], order: bytes
) -> None:
    names = data.draw(st.permutations(_NAMES))[:size]
    own = {name: _key(secret) for name, secret in zip(names, secrets, strict=False)}
    words = st.lists(_WORD, min_size=width, max_size=width)
    vectors = {name: data.draw(words) for name in names}
    keys = {name: key.public for name, key in own.items()}
    sealed = {
        name: seal(struct.pack(f"<{width}q", *vector), partner=name, own=own[name],
                   keys=keys, order=order)
        for name, vector in vectors.items()
    }  # fmt: skip
    exact = [sum(column) % 2**64 for column in zip(*vectors.values(), strict=True)]
    assert list(struct.unpack(f"<{width}Q", open_sum(sealed, cohort=names))) == exact


@settings(deadline=None, max_examples=30)
@given(st.data(), st.integers(2, 8), _SECRETS, _DIGEST)
def test_the_order_in_which_names_are_listed_does_not_matter(
    data: st.DataObject, size: int, secrets: list[bytes], order: bytes
) -> None:
    own = {name: _key(secret) for name, secret in zip(_NAMES[:size], secrets, strict=False)}
    keys = {name: key.public for name, key in own.items()}
    shuffled = {name: keys[name] for name in data.draw(st.permutations(_NAMES[:size]))}
    one = {n: seal(_ZEROS, partner=n, own=own[n], keys=keys, order=order) for n in keys}
    other = {n: seal(_ZEROS, partner=n, own=own[n], keys=shuffled, order=order) for n in shuffled}
    assert one == other
    assert open_sum(one, cohort=list(keys)) == open_sum(other, cohort=list(shuffled)) == _ZEROS


@settings(deadline=None, max_examples=60)
@given(_SECRETS, st.lists(_DIGEST, min_size=2, max_size=2, unique=True))
def test_another_order_or_key_makes_another_mask(secrets: list[bytes], orders: list[bytes]) -> None:
    own, peer, *new = secrets
    masks = {
        "as it is": _mask(own, peer, orders[0]),
        "another order": _mask(own, peer, orders[1]),
        "another key of its own": _mask(new[0], peer, orders[0]),
        "another key of the peer": _mask(own, new[1], orders[0]),
        "another run, so both keys": _mask(new[2], new[3], orders[0]),
        "the other side of the pair": _mask(peer, own, orders[1]),
    }
    masks["nothing changed"] = _mask(own, peer, orders[0])
    assert masks.pop("nothing changed") == masks["as it is"]
    # Both ends derive one mask, whoever is called ``a``.
    assert masks.pop("the other side of the pair") == masks["another order"]
    assert len(set(masks.values())) == len(masks)
    assert _ZEROS not in masks.values()
