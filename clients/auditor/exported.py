"""Reads an exported log, the charter and its signatures from files, and has them verified."""

import os
from pathlib import Path

from protocols.errors import ConfigError
from protocols.ledger.audit import Audit
from protocols.ledger.policy import SIGNATURES_NAME, load_charter
from protocols.ledger.terms import Terms
from protocols.ledger.verify import CHECKPOINT_NAME, ENTRIES_NAME, verify_log


def audit_export(folder: Path, *, charter: Path, signatures: Path | None) -> tuple[Terms, Audit]:
    """Verify an exported log.

    Args:
        folder: Holds the checkpoint and the entries.
        charter: The charter's TOML file, obtained out of band.
        signatures: By default the file of that name beside the charter.

    Raises:
        ConfigError: A file or folder is absent or unreadable.
        VerificationError: The charter is malformed.
    """
    _, terms = load_charter(charter)
    signed = read_file(signatures or charter.with_name(SIGNATURES_NAME))
    return terms, verify_log(terms, signatures=signed, files=_read_folder(folder))


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        ConfigError: It is absent or unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path.name}: absent or unreadable") from err


def _read_folder(folder: Path) -> dict[str, bytes]:
    try:
        names = os.listdir(folder)
    except OSError as err:
        raise ConfigError(f"{folder.name}: no such folder, or it cannot be read") from err
    # Other files are only named, never read: they may be of any size and kind.
    ours = (CHECKPOINT_NAME, ENTRIES_NAME)
    return {name: read_file(folder / name) if name in ours else b"" for name in names}
