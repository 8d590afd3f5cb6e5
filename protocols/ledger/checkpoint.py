"""Checkpoints: one signed line for the whole log, in the formats other logs use.

Source: C2SP tlog-checkpoint v1 and signed-note v1; Ed25519 signatures (type 0x01).
"""

import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.errors import CheckpointError, EntryError
from protocols.ledger.canonical import digest, from_base64, to_base64

_BODY = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/=]+)\n")
_ORIGIN = re.compile(r"[A-Za-z0-9_.\-/]{1,200}")
_ED25519 = b"\x01"


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself.

    Attributes:
        origin: Name of the log.
        size: Number of leaves.
        root: Root of the tree over them, 32 bytes.
    """

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class LogKey:
    """A log's name and its raw Ed25519 public key, obtained out of band (the charter)."""

    origin: str
    key: bytes


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Return the signed note of a checkpoint."""
    body = f"{checkpoint.origin}\n{checkpoint.size}\n{to_base64(checkpoint.root)}\n"
    log = LogKey(checkpoint.origin, key.public_key().public_bytes_raw())
    signature = to_base64(_key_hash(log) + key.sign(body.encode("utf-8")))
    return f"{body}\n\N{EM DASH} {checkpoint.origin} {signature}\n"


def open_checkpoint(note: str, log: LogKey) -> Checkpoint:
    """Return the checkpoint in ``note`` once it is shown to be signed by ``log``.

    Raises:
        CheckpointError: Malformed in any byte, another origin, or not signed by ``log``.
    """
    body, signature = _split_note(note, log)
    try:
        Ed25519PublicKey.from_public_bytes(log.key).verify(signature, body.encode("utf-8"))
    except (InvalidSignature, ValueError) as err:
        raise CheckpointError("the checkpoint is not signed by the log's key") from err
    match = _BODY.fullmatch(body)
    if match is None or match[1] != log.origin:
        raise CheckpointError("expected a checkpoint of origin, size and root")
    root = _base64(match[3])
    if len(root) != 32:
        raise CheckpointError("the root is not 32 bytes")
    return Checkpoint(origin=match[1], size=int(match[2]), root=root)


def _split_note(note: str, log: LogKey) -> tuple[str, bytes]:
    if not _ORIGIN.fullmatch(log.origin):
        raise CheckpointError("the log's origin is not a plain name")
    body, blank, last = note.rpartition("\n\n")
    prefix = f"\N{EM DASH} {log.origin} "
    if not blank or not last.startswith(prefix) or not last.endswith("\n"):
        raise CheckpointError("expected a note with one signature line of the log")
    raw = _base64(last[len(prefix) : -1])
    if raw[:4] != _key_hash(log) or len(raw) != 68:
        raise CheckpointError("the checkpoint is signed by another key")
    return body + "\n", raw[4:]


def _key_hash(log: LogKey) -> bytes:
    return digest(log.origin.encode("utf-8") + b"\n" + _ED25519 + log.key)[:4]


def _base64(text: str) -> bytes:
    try:
        return from_base64(text)
    except EntryError as err:
        raise CheckpointError("the checkpoint holds bad base64") from err
