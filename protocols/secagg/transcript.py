"""One digest for what a partner masked with: equal for all, or their masks do not cancel."""

from collections.abc import Mapping

from protocols.ledger.canonical import canonical_json, digest

_TYPE = "fedscore/secagg/transcript/v1"


def transcript_digest(order: bytes, keys: Mapping[str, bytes]) -> bytes:
    """Return the digest of an order and of the public keys sealed with under it.

    Args:
        order: SHA-256 of the signed order, 32 bytes.
        keys: Raw public keys by partner; none where nothing is masked (mode ``local``).

    Raises:
        EntryError: A name is not valid Unicode.

    Source: docs/secure-aggregation.md, "Transcript".
    """
    listed = {name: key.hex() for name, key in keys.items()}
    return digest(canonical_json({"keys": listed, "order": order.hex(), "type": _TYPE}))
