"""Envelopes: signed by exactly those who must, under exactly this type."""

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import EntryError, SignatureError
from protocols.ledger.canonical import canonical_json
from protocols.ledger.envelope import Envelope, key_id, parse_envelope, sign, verify_envelope

_NORTH, _SOUTH = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
_KEYS = {
    "north": _NORTH.public_key().public_bytes_raw(),
    "south": _SOUTH.public_key().public_bytes_raw(),
}
_TYPE = "http://example.com/HelloWorld"
_SIGNED = sign(b"hello world", payload_type=_TYPE, keys=[_NORTH, _SOUTH])


def test_what_is_signed_is_the_example_of_the_dsse_specification() -> None:
    message = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    signature = dict(_SIGNED.signatures)[key_id(_NORTH.public_key())]
    _NORTH.public_key().verify(signature, message)


def test_an_envelope_signed_by_all_gives_its_payload() -> None:
    parsed = parse_envelope(_SIGNED.to_bytes())
    assert parsed == _SIGNED
    assert verify_envelope(parsed, payload_type=_TYPE, keys=_KEYS) == b"hello world"
    assert parsed.digest == hashlib.sha256(_SIGNED.to_bytes()).digest()


@pytest.mark.parametrize(
    ("envelope", "said"),
    [
        (replace(_SIGNED, payload_type="other"), "expected a signed"),
        (replace(_SIGNED, payload=b"hello worle"), "is wrong"),
        (replace(_SIGNED, signatures=_SIGNED.signatures[:1]), "(north|south)"),
        (replace(_SIGNED, signatures=()), "north, south"),
        (
            sign(b"hello world", payload_type=_TYPE, keys=[_NORTH]),
            "south",
        ),
    ],
    ids=["type", "payload", "dropped", "unsigned", "one of two"],
)
def test_another_type_payload_or_signer_is_refused(envelope: Envelope, said: str) -> None:
    with pytest.raises(SignatureError, match=said):
        verify_envelope(envelope, payload_type=_TYPE, keys=_KEYS)


def test_one_signature_more_than_asked_is_refused() -> None:
    with pytest.raises(SignatureError, match="signed by"):
        verify_envelope(_SIGNED, payload_type=_TYPE, keys={"north": _KEYS["north"]})


def test_a_signature_given_under_another_type_is_worthless() -> None:
    other = sign(b"hello world", payload_type="http://example.com/other", keys=[_NORTH, _SOUTH])
    with pytest.raises(SignatureError, match="is wrong"):
        verify_envelope(replace(other, payload_type=_TYPE), payload_type=_TYPE, keys=_KEYS)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(SignatureError, match="32 bytes"):
        verify_envelope(_SIGNED, payload_type=_TYPE, keys={"north": b"short"})


_ONE = {"keyid": "aa", "sig": "AAAA"}
_GOOD: dict[str, object] = {"payload": "AAAA", "payloadType": "t", "signatures": [_ONE]}


@pytest.mark.parametrize(
    "table",
    [
        [],
        _GOOD | {"more": 1},
        _GOOD | {"payload": 1},
        _GOOD | {"payload": "AB"},
        _GOOD | {"payloadType": 1},
        _GOOD | {"signatures": "x"},
        _GOOD | {"signatures": {}},
        _GOOD | {"signatures": ["x"]},
        _GOOD | {"signatures": [_ONE | {"more": 1}]},
        _GOOD | {"signatures": [_ONE | {"keyid": 1}]},
        _GOOD | {"signatures": [_ONE | {"sig": 1}]},
        _GOOD | {"signatures": [_ONE | {"sig": "AB"}]},
        _GOOD | {"signatures": [_ONE, _ONE]},
        _GOOD | {"signatures": [_ONE | {"keyid": "bb"}, _ONE]},
    ],
    ids=range(14),
)
def test_a_malformed_envelope_is_refused(table: object) -> None:
    with pytest.raises(EntryError):
        parse_envelope(canonical_json(table))
