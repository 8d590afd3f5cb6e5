"""What a partner adds to its vector, so that it means nothing until the whole cohort is added."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.errors import ContractError, MaskKeyError
from protocols.secagg.keys import RunKey
from protocols.secagg.words import sum_words

_INFO = b"fedscore/secagg/mask/v1"
_START = bytes(16)  # block counter and nonce: every key makes one keystream only


def seal(
    vector: bytes, *, partner: str, own: RunKey, keys: Mapping[str, bytes], order: bytes
) -> bytes:
    """Hide a vector under one mask for each peer; the cohort's masks add up to zero.

    Masks depend on keys and order alone: whoever sees two different vectors sealed for one
    order sees their difference. The caller seals one vector for an order, ever.

    Args:
        vector: Signed or unsigned 64-bit words, little-endian.
        partner: Whose vector it is.
        own: The partner's key pair of this run.
        keys: Public key of everybody in the cohort, ``partner`` included, by name, as shown by
            their signatures.
        order: SHA-256 of the signed order, 32 bytes.

    Returns:
        As many words. To anybody who lacks the secrets of the partner and of at least one peer
        they look like random ones.

    Raises:
        MaskKeyError: Fewer than two keys, two the same, another one for ``partner`` than
            ``own``, or one that ``RunKey.shared_with`` refuses.
        ContractError: ``vector`` is not whole words, or ``order`` not 32 bytes.

    Privacy: adds no noise; what the opened sum shows, it shows.
    Source: docs/secure-aggregation.md, "Masks".
    """
    if keys.get(partner) != own.public:
        raise MaskKeyError(f"the cohort's masking key of {partner} is not its own")
    if len(keys) < 2 or len(set(keys.values())) < len(keys):
        raise MaskKeyError("a cohort needs two masking keys or more, no two the same")
    # Shorter salts would be padded with zeros, so that two of them could be one.
    if len(order) != SHA256.digest_size:
        raise ContractError("expected an order's digest of 32 bytes")
    masks = {
        peer: _mask(own, key, order=order, length=len(vector))
        for peer, key in keys.items()
        if peer != partner
    }
    later = [mask for peer, mask in masks.items() if peer > partner]
    earlier = [mask for peer, mask in masks.items() if peer < partner]
    return sum_words([vector, *later], minus=earlier)


def _mask(own: RunKey, peer: bytes, *, order: bytes, length: int) -> bytes:
    """Return what both of a pair derive. Source: RFC 5869; RFC 8439, section 2.4."""
    info = _INFO + b"".join(sorted((own.public, peer)))
    derive = HKDF(algorithm=SHA256(), length=32, salt=order, info=info)
    key = derive.derive(own.shared_with(peer))
    return Cipher(ChaCha20(key, _START), mode=None).encryptor().update(bytes(length))
