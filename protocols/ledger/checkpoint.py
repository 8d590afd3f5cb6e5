"""Checkpoints: one signed line for the whole log, in the formats other logs use.

Source: C2SP tlog-checkpoint v1 and signed-note v1; Ed25519 signatures (type 0x01).
"""

import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.errors import CheckpointError, EntryError
from protocols.ledger.canonical import from_base64, to_base64
from protocols.ledger.note import Note, NoteLine, key_hash, parse_note, print_note

MOST_LEAVES = 2**40  # what a pin can hold

_BODY = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/=]+)\n")
_ED25519 = 0x01


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


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Return what is signed and cosigned of a checkpoint: three lines."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{to_base64(checkpoint.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Return the signed note of a checkpoint."""
    text = checkpoint_text(checkpoint)
    named = key_hash(checkpoint.origin, _ED25519, key.public_key().public_bytes_raw())
    line = NoteLine(checkpoint.origin, named, key.sign(text.encode("utf-8")))
    return print_note(Note(text, (line,)))


def open_checkpoint(note: str, log: LogKey) -> Checkpoint:
    """Return the checkpoint in ``note`` once it is shown to be signed by ``log``.

    Lines of other keys may follow or come before, and are not looked at: cosignatures are
    ``cosignature.py``'s.

    Raises:
        CheckpointError: Malformed in any byte, another origin, extension lines, or not signed
            by ``log`` in exactly one line.
    """
    parsed = parse_note(note)
    lines = parsed.lines_by(log.origin, key_hash(log.origin, _ED25519, log.key))
    if len(lines) != 1:
        raise CheckpointError(f"expected one signature line of the log's key, found {len(lines)}")
    try:
        key = Ed25519PublicKey.from_public_bytes(log.key)
        key.verify(lines[0].signature, parsed.text.encode("utf-8"))
    except (InvalidSignature, ValueError) as err:
        raise CheckpointError("the checkpoint is not signed by the log's key") from err
    return checkpoint_in(parsed.text, log.origin)


def checkpoint_in(text: str, origin: str) -> Checkpoint:
    """Parse the three lines of a checkpoint; verifies no signature.

    Raises:
        CheckpointError: Malformed, or of another log.
    """
    match = _BODY.fullmatch(text)
    if match is None or match[1] != origin:
        raise CheckpointError("expected a checkpoint of origin, size and root")
    try:
        root = from_base64(match[3])
    except EntryError as err:
        raise CheckpointError("the checkpoint holds bad base64") from err
    if len(root) != 32:
        raise CheckpointError("the root is not 32 bytes")
    size = int(match[2])
    if size > MOST_LEAVES:
        raise CheckpointError("the checkpoint is over more leaves than any log can have")
    return Checkpoint(origin=origin, size=size, root=root)
