"""Cosignatures: a witness's word that a checkpoint only goes on from all it saw before.

Source: C2SP tlog-cosignature v1, Ed25519 (``cosignature/v1``, type 0x04).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.errors import CheckpointError, WitnessError
from protocols.ledger.checkpoint import Checkpoint, checkpoint_in, checkpoint_text
from protocols.ledger.note import (
    Note,
    NoteLine,
    key_hash,
    parse_line,
    parse_note,
    print_line,
    print_note,
)

_COSIGNATURE = 0x04
_TIME_BYTES = 8
_PAYLOAD_BYTES = _TIME_BYTES + 64
_LATEST = 2**63 - 1


@dataclass(frozen=True)
class Cosignature:
    """One witness's word on a checkpoint, verified.

    Attributes:
        witness: Name of the witness.
        at: Seconds since 1970 by the witness's clock, 0 to 2^63 - 1.
    """

    witness: str
    at: int


def cosign(note: str, *, name: str, key: Ed25519PrivateKey, at: int) -> str:
    """Return a witness's signature line for a checkpoint, without a line end.

    The witness has opened the checkpoint and checked that it goes on from the last one it
    cosigned; nothing of that is checked here.

    Args:
        note: The checkpoint as the log signed it; other witnesses' lines may be in it.
        name: The witness's name.
        key: The witness's key, used for no other name and no other log statement.
        at: Seconds since 1970.

    Raises:
        CheckpointError: ``note`` is malformed, or ``name`` is none that a note can hold.
        WitnessError: ``at`` is before 1970 or needs more than 63 bits.
    """
    return print_line(_line(parse_note(note).text, name=name, key=key, at=at))


def cosigned(checkpoint: Checkpoint, *, name: str, key: Ed25519PrivateKey, at: int) -> str:
    """Return a checkpoint as a note with nothing but one witness's line: how it is handed over.

    Args, Raises:
        As ``cosign``.
    """
    text = checkpoint_text(checkpoint)
    return print_note(Note(text, (_line(text, name=name, key=key, at=at),)))


def open_cosigned(note: str, *, origin: str, name: str, key: bytes) -> tuple[Checkpoint, str]:
    """Return the checkpoint that a witness handed over, and its line.

    Raises:
        CheckpointError: Malformed, of another log, or with another line than this witness's.
        WitnessError: The line is not by the witness's key.
    """
    parsed = parse_note(note)
    if len(parsed.lines) != 1 or not cosignatures_in(note, {name: key}):
        raise CheckpointError(f"expected one cosignature, by witness {name}")
    return checkpoint_in(parsed.text, origin), print_line(parsed.lines[0])


def cosignatures_in(note: str, witnesses: Mapping[str, bytes]) -> tuple[Cosignature, ...]:
    """Return what known witnesses say in a checkpoint's note, sorted by their names.

    Lines of unknown keys are not looked at. The log's own signature is
    ``open_checkpoint``'s to verify.

    Args:
        note: A checkpoint with any number of signature lines.
        witnesses: Raw Ed25519 public keys by name, obtained out of band (the charter).

    Raises:
        CheckpointError: ``note`` is malformed, or a witness has two lines in it.
        WitnessError: A line of a known witness does not verify.
    """
    parsed = parse_note(note)
    found = []
    for name, key in sorted(witnesses.items()):
        lines = parsed.lines_by(name, key_hash(name, _COSIGNATURE, key))
        if len(lines) > 1:
            raise CheckpointError(f"witness {name} cosigned one checkpoint {len(lines)} times")
        found += [_verified(line, parsed.text, key) for line in lines]
    return tuple(found)


def check_quorum(note: str, witnesses: Mapping[str, bytes], quorum: int) -> tuple[Cosignature, ...]:
    """Return the cosignatures of a checkpoint once they are as many as the quorum.

    Args:
        note: As for ``cosignatures_in``.
        witnesses: As for ``cosignatures_in``.
        quorum: Number of witnesses that must have cosigned.

    Raises:
        CheckpointError: ``note`` is malformed, or a witness has two lines in it.
        WitnessError: A line of a known witness does not verify, or too few cosigned.
    """
    found = cosignatures_in(note, witnesses)
    if len(found) < quorum:
        raise WitnessError(f"{len(found)} witnesses cosigned the checkpoint, expected {quorum}")
    return found


def with_lines(note: str, lines: Iterable[str]) -> str:
    """Return a checkpoint's note with cosignature lines merged in; verifies nothing.

    Of two cosignatures under one name and key hash the one with the later time stays. The log's
    line, and whatever else is no cosignature, comes first and as it was; cosignatures follow,
    sorted by name.

    Args:
        note: A checkpoint with any number of signature lines.
        lines: Cosignature lines without line ends, already verified: a forged one with a late
            time would take the place of a real one.

    Raises:
        CheckpointError: Something is malformed, a line is no cosignature, or there are more
            lines than a note can hold.
    """
    parsed = parse_note(note)
    added = [parse_line(line) for line in lines]
    if not all(_is_cosignature(line) for line in added):
        raise CheckpointError("expected a line with a time and an Ed25519 signature")
    latest: dict[tuple[str, bytes], NoteLine] = {}
    for line in (*filter(_is_cosignature, parsed.lines), *added):
        held = latest.setdefault((line.name, line.key_hash), line)
        if line.signature[:_TIME_BYTES] > held.signature[:_TIME_BYTES]:
            latest[line.name, line.key_hash] = line
    others = [line for line in parsed.lines if not _is_cosignature(line)]
    return print_note(Note(parsed.text, (*others, *(latest[key] for key in sorted(latest)))))


def _line(text: str, *, name: str, key: Ed25519PrivateKey, at: int) -> NoteLine:
    if not 0 <= at <= _LATEST:
        raise WitnessError(f"no cosignature can say it was made at {at}")
    named = key_hash(name, _COSIGNATURE, key.public_key().public_bytes_raw())
    return NoteLine(name, named, at.to_bytes(_TIME_BYTES, "big") + key.sign(_message(text, at)))


def _verified(line: NoteLine, text: str, key: bytes) -> Cosignature:
    at = int.from_bytes(line.signature[:_TIME_BYTES], "big")
    try:
        if at > _LATEST:
            raise ValueError("the time needs more than 63 bits")
        public = Ed25519PublicKey.from_public_bytes(key)
        public.verify(line.signature[_TIME_BYTES:], _message(text, at))
    except (InvalidSignature, ValueError) as err:
        raise WitnessError(f"the line of witness {line.name} is not by its key") from err
    return Cosignature(line.name, at)


def _is_cosignature(line: NoteLine) -> bool:
    return len(line.signature) == _PAYLOAD_BYTES


def _message(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()
