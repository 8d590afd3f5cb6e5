"""Signed bytes: DSSE envelopes with Ed25519, one payload type for every kind of message.

The payload type is part of what is signed, so a signature given for one kind of message is
worthless on another.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.errors import EntryError, ForeignKeyError, SignatureError
from protocols.ledger.canonical import (
    canonical_json,
    digest,
    from_base64,
    parse_canonical,
    to_base64,
)


@dataclass(frozen=True)
class Envelope:
    """A payload, its type, and who signed both.

    Attributes:
        payload_type: Names the kind and version of the payload.
        payload: The signed bytes.
        signatures: Key id (hex SHA-256 of the raw public key) to signature, by key id.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def to_bytes(self) -> bytes:
        """Return the envelope as canonical JSON."""
        return canonical_json(
            {
                "payload": to_base64(self.payload),
                "payloadType": self.payload_type,
                "signatures": [
                    {"keyid": keyid, "sig": to_base64(signature)}
                    for keyid, signature in self.signatures
                ],
            }
        )

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of the envelope's bytes, which names it in later entries."""
        return digest(self.to_bytes())


def sign(payload: bytes, *, payload_type: str, keys: list[Ed25519PrivateKey]) -> Envelope:
    """Return ``payload`` signed by every key.

    Source: DSSE protocol v1.0, "Signature Definition".
    """
    message = _authenticated(payload_type, payload)
    signed = {key_id(key.public_key()): key.sign(message) for key in keys}
    return Envelope(payload_type, payload, tuple(sorted(signed.items())))


def parse_envelope(raw: bytes) -> Envelope:
    """Parse an envelope; verifies nothing.

    Raises:
        EntryError: Not canonical, wrong members, doubled or unsorted key ids.
    """
    table = parse_canonical(raw)
    if not isinstance(table, dict) or set(table) != {"payload", "payloadType", "signatures"}:
        raise EntryError("expected an envelope with payload, payloadType and signatures")
    payload, payload_type, listed = table["payload"], table["payloadType"], table["signatures"]
    if not (isinstance(payload, str) and isinstance(payload_type, str)):
        raise EntryError("envelope: payload and payloadType are text")
    if not isinstance(listed, list):
        raise EntryError("envelope: signatures are a list")
    signatures = tuple(_parse_signature(item) for item in listed)
    key_ids = [keyid for keyid, _ in signatures]
    if key_ids != sorted(set(key_ids)):
        raise EntryError("envelope: key ids are doubled or out of order")
    return Envelope(payload_type, from_base64(payload), signatures)


def verify_envelope(envelope: Envelope, *, payload_type: str, keys: Mapping[str, bytes]) -> bytes:
    """Return the payload once exactly the named keys are shown to have signed it.

    Args:
        envelope: What was received.
        payload_type: The only type accepted here.
        keys: Signer's name to raw Ed25519 public key, 32 bytes; every one must have signed,
            and nobody else.

    Raises:
        SignatureError: Another type, a missing or wrong signature.
        ForeignKeyError: A signature by another key.
    """
    if envelope.payload_type != payload_type:
        raise SignatureError(f"expected a signed {payload_type}")
    by_id = {key_id(_public_key(raw)): (name, raw) for name, raw in keys.items()}
    given = dict(envelope.signatures)
    if set(given) != set(by_id):
        absent = sorted(name for keyid, (name, _) in by_id.items() if keyid not in given)
        if absent and set(given) <= set(by_id):
            raise SignatureError(f"not signed by everybody yet; missing: {', '.join(absent)}")
        raise ForeignKeyError("signed by a key that has no part in it")
    message = _authenticated(envelope.payload_type, envelope.payload)
    for keyid, (name, raw) in by_id.items():
        try:
            _public_key(raw).verify(given[keyid], message)
        except InvalidSignature as err:
            raise SignatureError(f"the signature of {name} is wrong") from err
    return envelope.payload


def key_id(key: Ed25519PublicKey) -> str:
    """Return the hex SHA-256 of the raw public key."""
    return digest(key.public_bytes_raw()).hex()


def _public_key(raw: bytes) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as err:
        raise SignatureError("a public key is not 32 bytes of Ed25519") from err


def _parse_signature(item: object) -> tuple[str, bytes]:
    if not isinstance(item, dict) or set(item) != {"keyid", "sig"}:
        raise EntryError("envelope: a signature has keyid and sig")
    keyid, signature = item["keyid"], item["sig"]
    if not (isinstance(keyid, str) and isinstance(signature, str)):
        raise EntryError("envelope: keyid and sig are text")
    return keyid, from_base64(signature)


def _authenticated(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
