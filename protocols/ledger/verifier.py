"""A log's public key as one line of text, which reaches an auditor by another way than the log.

Source: C2SP signed-note v1, "Verifier keys"; Ed25519 (type 0x01).
"""

from protocols.errors import CheckpointError, EntryError
from protocols.ledger.canonical import from_base64, to_base64
from protocols.ledger.checkpoint import LogKey
from protocols.ledger.note import key_hash

_ED25519 = 0x01
_KEY_BYTES = 32


def print_verifier(log: LogKey) -> str:
    """Return the line: name, key hash and key, without a line end.

    Raises:
        CheckpointError: The log's origin is no name that a note can hold.
    """
    named = key_hash(log.origin, _ED25519, log.key)
    return f"{log.origin}+{named.hex()}+{to_base64(bytes([_ED25519]) + log.key)}"


def parse_verifier(text: str) -> LogKey:
    """Return the log's name and key from such a line; one line end may follow.

    Raises:
        CheckpointError: It is none, of another kind of key, or its hash is not the key's.
    """
    name, _, rest = text.removesuffix("\n").partition("+")
    try:
        key = from_base64(rest.partition("+")[2])
    except EntryError as err:
        raise CheckpointError("expected a log's public key: name+hash+base64") from err
    log = LogKey(name, key[1:])
    if len(key) != 1 + _KEY_BYTES or print_verifier(log) != text.removesuffix("\n"):
        raise CheckpointError("expected a log's public key: name+hash+base64, for Ed25519")
    return log
