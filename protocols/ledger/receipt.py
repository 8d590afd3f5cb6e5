"""A receipt: one answer, with all that shows it to stand in the decision log, as one file.

The leaves of the decision log are the record digests of the journal, the record at position 1
first. So a leaf says nothing of a borrower, and a receipt shows one answer and no other.
``docs/receipts.md`` describes the file for a second implementation.
"""

import re
from dataclasses import dataclass

from protocols.errors import ChainError, EntryError
from protocols.ledger.canonical import from_base64, to_base64
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint
from protocols.ledger.codec import check_digest, check_range, decode, encode
from protocols.ledger.entry import LATEST
from protocols.ledger.merkle import verify_inclusion
from protocols.ledger.records import content_digest, record_digest

FORMAT = "fedscore-receipt/v1"
SALT_BYTES = 16
MOST_POSITION = 2**53 - 1
MOST_MICROS = LATEST * 1_000_000

_MOST_PATH = 64
_SALT = re.compile(rf"[0-9a-f]{{{2 * SALT_BYTES}}}")


@dataclass(frozen=True)
class Receipt:
    """A receipt; nothing of it is verified.

    Attributes:
        position: Of the record in the journal, from 1; its leaf is the one before.
        answered_at_micros: When the answer was given, by the server's clock, in microseconds
            since 1970.
        tenant, method, request_id: Who was answered, by which method, under which id.
        answer_id: Name of the answer; of a decision its decision id.
        answer: As it was given, to the byte.
        salt: Drawn for it alone.
        body_digest: Of what was asked.
        content_digest, record_digest: What these come to, so that a fault can be told from others.
        path: From the leaf to the root, lowest sibling first.
        checkpoint: The decision log's signed note.
    """

    position: int
    answered_at_micros: int
    tenant: str
    method: str
    request_id: str
    answer_id: str
    answer: bytes
    salt: bytes
    body_digest: bytes
    content_digest: bytes
    record_digest: bytes
    path: tuple[bytes, ...]
    checkpoint: str

    def to_bytes(self) -> bytes:
        """Return the file: canonical JSON, digests and salt in hex, the answer in base64."""
        return encode(
            _File(
                format=FORMAT,
                position=self.position,
                answered_at_micros=self.answered_at_micros,
                tenant=self.tenant,
                method=self.method,
                request_id=self.request_id,
                answer_id=self.answer_id,
                answer=to_base64(self.answer),
                salt=self.salt.hex(),
                body_digest=self.body_digest.hex(),
                content_digest=self.content_digest.hex(),
                record_digest=self.record_digest.hex(),
                path=tuple(item.hex() for item in self.path),
                checkpoint=self.checkpoint,
            )
        )


def parse_receipt(raw: bytes) -> Receipt:
    """Return the receipt in a file; verifies nothing.

    Raises:
        EntryError: It is none, or not the one way in which a receipt is written; says where.
    """
    file = decode(_File, raw)
    return Receipt(
        position=file.position,
        answered_at_micros=file.answered_at_micros,
        tenant=file.tenant,
        method=file.method,
        request_id=file.request_id,
        answer_id=file.answer_id,
        answer=from_base64(file.answer),
        salt=bytes.fromhex(file.salt),
        body_digest=bytes.fromhex(file.body_digest),
        content_digest=bytes.fromhex(file.content_digest),
        record_digest=bytes.fromhex(file.record_digest),
        path=tuple(map(bytes.fromhex, file.path)),
        checkpoint=file.checkpoint,
    )


def verify_receipt(receipt: Receipt, log: LogKey) -> Checkpoint:
    """Return the checkpoint under which the answer stands, once that is shown.

    Args:
        receipt: As ``parse_receipt`` returns it.
        log: The decision log's name and key, obtained out of band.

    Raises:
        ChainError: The answer is not what its content digest says, or the record is not what its
            digest says.
        CheckpointError: The checkpoint is malformed, or not signed by this log.
        InclusionError: The record is not in the log, or not at its position.
    """
    content = content_digest(receipt.salt, receipt.body_digest, receipt.answer)
    if content != receipt.content_digest:
        raise ChainError(
            "receipt: answer, salt and body digest are not those of its content digest"
        )
    key = (receipt.tenant, receipt.method, receipt.request_id)
    micros, answer_id = receipt.answered_at_micros, receipt.answer_id
    if record_digest(receipt.position, micros, key, answer_id, content) != receipt.record_digest:
        raise ChainError(
            "receipt: position, time, tenant, method and ids are not those of its record digest"
        )
    checkpoint = open_checkpoint(receipt.checkpoint, log)
    verify_inclusion(
        receipt.record_digest,
        index=receipt.position - 1,
        size=checkpoint.size,
        path=receipt.path,
        root=checkpoint.root,
    )
    return checkpoint


@dataclass(frozen=True)
class _File:
    """The members of the file."""

    format: str
    position: int
    answered_at_micros: int
    tenant: str
    method: str
    request_id: str
    answer_id: str
    answer: str
    salt: str
    body_digest: str
    content_digest: str
    record_digest: str
    path: tuple[str, ...]
    checkpoint: str

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise EntryError(f"receipt: expected the format {FORMAT}")
        check_range(self.position, "receipt: position", 1, MOST_POSITION)
        check_range(self.answered_at_micros, "receipt: answered_at_micros", 0, MOST_MICROS)
        for name in ("body_digest", "content_digest", "record_digest"):
            check_digest(getattr(self, name), f"receipt: {name}")
        if not _SALT.fullmatch(self.salt):
            raise EntryError(f"receipt: salt: expected {2 * SALT_BYTES} lower-case hex digits")
        check_range(len(self.path), "receipt: length of path", 0, _MOST_PATH)
        for item in self.path:
            check_digest(item, "receipt: path")
