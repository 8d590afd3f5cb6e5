"""What the auditor hands over as a file: a checkpoint that it cosigned, or a signed report."""

from pathlib import Path

from protocols.errors import CheckpointError, ConfigError
from server.ledger.scribe import Scribe

_MOST_BYTES = 65_536


def read_small(path: Path) -> bytes:
    """Return the bytes of a file as large as anybody hands over.

    Raises:
        ConfigError: It is absent, unreadable or larger.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as err:
        raise ConfigError(f"{path.name}: absent or unreadable") from err
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"{path.name}: expected at most {_MOST_BYTES} bytes")
    return raw


def take_handed_over(scribe: Scribe, raw: bytes) -> str:
    """Take one file's content into the log, and say what became of it.

    Raises:
        VerificationError: It is not what the auditor may say, or is of another log.
    """
    if raw.startswith(b"{"):
        index = scribe.add_report(raw.removesuffix(b"\n"))
        return f"logged as entry {index}"
    try:
        note = raw.decode("utf-8")
    except UnicodeDecodeError as err:
        raise CheckpointError("neither a cosigned checkpoint nor a signed report") from err
    (auditor,) = scribe.terms.auditor
    size = scribe.witnesses.take(auditor, note)
    if size == scribe.witnesses.witnessed:
        return f"kept, with a quorum, for the first {size} entries"
    return (
        f"verified for the first {size} entries, and not kept: it makes no quorum there. Export "
        "the log after a run, when partners have cosigned, and have that cosigned"
    )
