"""Signed notes: a text and the lines of those who signed it. Parsing one verifies nothing.

Source: C2SP signed-note v1.
"""

import re
from dataclasses import dataclass

from protocols.errors import CheckpointError, EntryError
from protocols.ledger.canonical import digest, from_base64, to_base64

MOST_LINES = 64  # the specification asks for at least 16

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\N{EM DASH} "


@dataclass(frozen=True)
class NoteLine:
    """One signature line; nothing is known of whether it verifies.

    Attributes:
        name: Name of the key, without spaces and plus signs.
        key_hash: 4 bytes that tell keys of one name and the kinds of their signatures apart.
        signature: What the key's kind of signature says it is, at least one byte.

    Raises:
        CheckpointError: A part is not of this form.
    """

    name: str
    key_hash: bytes
    signature: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.key_hash) != 4 or not self.signature:
            raise CheckpointError("expected a key hash of 4 bytes and a signature")


@dataclass(frozen=True)
class Note:
    """A text and its signature lines.

    Attributes:
        text: What is signed, UTF-8, with the line end of its last line.
        lines: 1 to ``MOST_LINES`` signature lines.

    Raises:
        CheckpointError: A part is not of this form.
    """

    text: str
    lines: tuple[NoteLine, ...]

    def __post_init__(self) -> None:
        _check_letters(self.text)
        if not self.text.endswith("\n"):
            raise CheckpointError("expected a text with a line end")
        if not 1 <= len(self.lines) <= MOST_LINES:
            raise CheckpointError(f"expected 1 to {MOST_LINES} signature lines")

    def lines_by(self, name: str, key_hash: bytes) -> tuple[NoteLine, ...]:
        """Return the lines under one key's name and hash."""
        return tuple(line for line in self.lines if (line.name, line.key_hash) == (name, key_hash))


def key_hash(name: str, kind: int, key: bytes) -> bytes:
    """Return the 4 bytes by which a note names a key of one kind of signature.

    Args:
        name: The key's name.
        kind: The signature type's byte, 0x01 for a plain Ed25519 signature.
        key: The raw public key.

    Raises:
        CheckpointError: ``name`` is none that a note can hold.
    """
    check_name(name)
    return digest(name.encode("utf-8") + b"\n" + bytes([kind]) + key)[:4]


def check_name(name: str) -> None:
    """Raise unless a key can have this name in a note.

    Raises:
        CheckpointError: It is empty, or holds a space, a plus sign or a control character.
    """
    _check_letters(name)
    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise CheckpointError("expected a plain name without spaces and plus signs")


def parse_note(raw: str) -> Note:
    """Return the parts of a signed note; verifies nothing.

    Raises:
        CheckpointError: Malformed in any character.
    """
    text, blank, last = raw.rpartition("\n\n")
    if not blank or not last.endswith("\n"):
        raise CheckpointError("expected a text, an empty line and signature lines")
    if last.count("\n") > MOST_LINES:
        raise CheckpointError(f"expected 1 to {MOST_LINES} signature lines")
    return Note(text + "\n", tuple(parse_line(line) for line in last[:-1].split("\n")))


def print_note(note: Note) -> str:
    """Return the signed note, which parses to ``note``."""
    return note.text + "\n" + "".join(print_line(line) + "\n" for line in note.lines)


def parse_line(raw: str) -> NoteLine:
    """Return the parts of one signature line, which has no line end.

    Raises:
        CheckpointError: Malformed in any character.
    """
    name, _, encoded = raw.removeprefix(_DASH).partition(" ")
    if not raw.startswith(_DASH):
        raise CheckpointError("expected a signature line: a dash, a name and base64")
    try:
        said = from_base64(encoded)
    except EntryError as err:
        raise CheckpointError("a signature line holds bad base64") from err
    return NoteLine(name, said[:4], said[4:])


def print_line(line: NoteLine) -> str:
    """Return one signature line, without a line end."""
    return f"{_DASH}{line.name} {to_base64(line.key_hash + line.signature)}"


def _check_letters(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as err:
        raise CheckpointError("a note is UTF-8") from err
    if _CONTROL.search(text):
        raise CheckpointError("a note holds no control characters")
