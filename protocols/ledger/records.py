"""The digests of an answer's record: the journal's chain is over them, the decision log's tree too.

    content digest = SHA-256(salt || SHA-256(answer) || body digest)
    record digest  = SHA-256(position || time || SHA-256(tenant) || SHA-256(method)
                             || SHA-256(request id) || SHA-256(answer id) || content digest)

Position and time are 8 bytes each, big-endian, signed, the time in microseconds since 1970. Every
part has a fixed length, so that no two records print alike. The salt goes with the answer, so that
nobody can find a deleted answer by trying likely ones.
"""

import hashlib
import struct
from functools import lru_cache


def content_digest(salt: bytes, body_digest: bytes, answer: bytes) -> bytes:
    """Return what stands for an answer and for what was asked, 32 bytes.

    Args:
        salt: Drawn for this answer alone, 16 bytes.
        body_digest: Of what was asked, 32 bytes.
        answer: As it was given.
    """
    return hashlib.sha256(salt + hashlib.sha256(answer).digest() + body_digest).digest()


def record_digest(
    position: int, micros: int, key: tuple[str, str, str], answer_id: str, content: bytes
) -> bytes:
    """Return what stands for a whole record, 32 bytes.

    Args:
        position: In the journal, from 1.
        micros: When it was answered, in microseconds since 1970.
        key: Tenant, method and request id.
        answer_id: Name of the answer.
        content: Its content digest.

    Raises:
        struct.error: A number needs more than 64 bits.
        UnicodeEncodeError: A text is none.
    """
    tenant, method, request_id = key
    place_and_time = struct.pack(">qq", position, micros)
    scope = _text_digest(tenant) + _text_digest(method)  # the same few again and again
    asked = hashlib.sha256(request_id.encode()).digest()
    named = hashlib.sha256(answer_id.encode()).digest()
    return hashlib.sha256(place_and_time + scope + asked + named + content).digest()


@lru_cache(maxsize=1_024)
def _text_digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
