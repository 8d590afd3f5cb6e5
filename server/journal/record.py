"""What a journal holds: drafts before they are stored, records after, and the chain of these.

    link = SHA-256(link before || record digest)

The first record follows 32 zeros. ``protocols/ledger/records.py`` says what a record's digest is.
"""

import hashlib
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from protocols.errors import ChainError, DuplicateRequestError
from protocols.ledger.records import content_digest, record_digest
from server.journal.errors import PrunedAnswerError
from server.journal.offers import Offer, Raised

START = bytes(32)  # what the first record follows

_SALT_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Key(NamedTuple):
    """One answer for each. The method's name has no colon."""

    tenant: str
    method: str
    request_id: str


@dataclass(frozen=True)
class Draft:
    """An answer that is not given yet.

    Attributes:
        key: One answer for each.
        body_digest: Tells whether a second request asks the same.
        answer_id: Name of the answer, never used before.
        answer: Prints the answer, given its place in the journal. May be called again with
            another place, for an attempt that was not stored.
        answered_at: When, in UTC; need not be later than that of the record before.
        offer: What it offers, or gives over another answer; None if neither.
        beside: Makes the draft of an offer again, with its id, beside others that stand for an
            amount; or says why there is none.
    """

    key: Key
    body_digest: bytes
    answer_id: str
    answer: Callable[[int], bytes]
    answered_at: datetime
    offer: Offer | Raised | None = None
    beside: Callable[[int], "Draft | Exception"] | None = None


class Record(NamedTuple):
    """A stored answer, or what is left of a pruned one: salt, body digest and answer empty."""

    position: int
    key: Key
    answer_id: str
    answered_at: datetime
    salt: bytes
    body_digest: bytes
    answer: bytes
    content_digest: bytes
    digest: bytes
    link: bytes

    @property
    def is_pruned(self) -> bool:
        """Whether the answer was deleted after its time of retention."""
        return not self.salt

    def answer_to(self, body_digest: bytes) -> bytes:
        """Return the answer that was given to this very request.

        Raises:
            PrunedAnswerError: It was deleted after its time of retention.
            DuplicateRequestError: The request id was used with another body.
        """
        if self.is_pruned:
            raise PrunedAnswerError("the answer was deleted after its time of retention")
        if self.body_digest != body_digest:
            raise DuplicateRequestError("the request id was used before with another body")
        return self.answer


def place(draft: Draft, position: int, before: bytes) -> Record:
    """Return the record of a draft at its place, after the record whose link is ``before``."""
    salt, answer = os.urandom(_SALT_BYTES), draft.answer(position)
    content = content_digest(salt, draft.body_digest, answer)
    micros = to_micros(draft.answered_at)
    digest = record_digest(position, micros, draft.key, draft.answer_id, content)
    return Record(
        position,
        draft.key,
        draft.answer_id,
        draft.answered_at,
        salt,
        draft.body_digest,
        answer,
        content,
        digest,
        hashlib.sha256(before + digest).digest(),
    )


def to_row(record: Record) -> tuple[object, ...]:
    """Return what is stored of a record that is not pruned, in the order of the columns."""
    position, key, answer_id, answered_at, salt, body_digest, answer, content, _, link = record
    micros = to_micros(answered_at)
    return (position, *key, answer_id, micros, salt, body_digest, answer, content, link)


def from_row(row: Sequence[Any]) -> Record:  # databases do not type their rows
    """Return the record in a row, whose last member is the link before, once that is checked.

    Raises:
        ChainError: It is not what was stored.
    """
    try:
        return _checked(*row)
    except (AttributeError, OverflowError, TypeError, ValueError, struct.error) as err:
        # In a damaged file not even the types are what the table says.
        raise ChainError("a journal record is not what was stored: it has other types") from err


def to_micros(at: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def _checked(  # noqa: PLR0913, PLR0917  # one for each column; a row is given whole
    position: int,
    tenant: str,
    method: str,
    request_id: str,
    answer_id: str,
    micros: int,
    salt: bytes | None,
    body_digest: bytes | None,
    answer: bytes | None,
    content: bytes,
    link: bytes,
    before: bytes | None,
) -> Record:
    key = Key(tenant, method, request_id)
    digest = record_digest(position, micros, key, answer_id, content)
    before = START if position == 1 else before or b""
    is_stub = salt is body_digest is answer is None
    kept = (salt or b"", body_digest or b"", answer or b"")
    is_whole = is_stub or content == content_digest(*kept)
    if position < 1 or not is_whole or hashlib.sha256(before + digest).digest() != link:
        raise ChainError(f"journal record {position} is not what was stored")
    at = _EPOCH + micros * _MICROSECOND
    return Record(position, key, answer_id, at, *kept, content, digest, link)
