"""Vectors of 64-bit words as bytes, added and subtracted word by word modulo 2^64."""

from collections.abc import Sequence

from protocols.errors import ContractError

WORD_BYTES = 8


def sum_words(plus: Sequence[bytes], *, minus: Sequence[bytes] = ()) -> bytes:
    """Add up ``plus`` and subtract ``minus``, each word modulo 2^64.

    Args:
        plus: At least one vector: little-endian words, 8 bytes each; signed words are two's
            complement, which modulo 2^64 needs no care.
        minus: Any number of vectors.

    Returns:
        One vector, as long as each of them.

    Raises:
        ContractError: Vectors of different lengths, or not of whole words.
    """
    length = len(plus[0])
    if length % WORD_BYTES or any(len(vector) != length for vector in (*plus, *minus)):
        raise ContractError("expected vectors of equally many 64-bit words")
    # A whole vector is one large integer, a thousand times as fast as word after word. No carry
    # may pass from one word to the next, so the 63 low bits of all words are added with the top
    # bit out of the way, where the carry lands; top bits are added by exclusive or, which is
    # addition without carry. To subtract, each top bit is set first, for the low bits to borrow.
    top = int.from_bytes((b"\0" * 7 + b"\x80") * (length // WORD_BYTES), "little")
    low = int.from_bytes((b"\xff" * 7 + b"\x7f") * (length // WORD_BYTES), "little")
    total = 0
    for vector in plus:
        other = int.from_bytes(vector, "little")
        total = ((total & low) + (other & low)) ^ ((total ^ other) & top)
    for vector in minus:
        other = int.from_bytes(vector, "little")
        total = ((total | top) - (other & low)) ^ ((total ^ other ^ top) & top)
    return total.to_bytes(length, "little")
