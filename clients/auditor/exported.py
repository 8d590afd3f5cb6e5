"""Reads an exported log, the charter and its signatures from files, and has them verified."""

from collections.abc import Sequence
from pathlib import Path

from protocols.errors import ConfigError
from protocols.ledger.audit import Audit
from protocols.ledger.export import read_export
from protocols.ledger.policy import SIGNATURES_NAME, load_charter
from protocols.ledger.terms import Terms
from protocols.ledger.verify import verify_log


def audit_export(
    folder: Path, *, charter: Path, signatures: Path | None, saved: Sequence[Path] = ()
) -> tuple[Terms, Audit]:
    """Verify an exported log.

    Args:
        folder: As ``write_export`` writes it.
        charter: The charter's TOML file, obtained out of band.
        signatures: By default the file of that name beside the charter.
        saved: Checkpoints of this log that were kept from earlier, or come from others.

    Raises:
        ConfigError: A file or folder is absent or unreadable.
        VerificationError: The charter is malformed.
    """
    _, terms = load_charter(charter)
    signed = read_signatures(signatures, charter=charter)
    kept = [read_file(path) for path in saved]
    files = read_export(folder)
    return terms, verify_log(terms, signatures=signed, files=files, saved=kept)


def read_signatures(given: Path | None, *, charter: Path) -> bytes:
    """Return the bytes of a charter's signatures: of the file given, or of the one beside it.

    Raises:
        ConfigError: It is absent or unreadable; says where it was expected.
    """
    if given is not None:
        return read_file(given)
    try:
        return read_file(charter.with_name(SIGNATURES_NAME))
    except ConfigError as err:
        raise ConfigError(f"{err}; expected beside {charter.name}") from err


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        ConfigError: It is absent or unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path.name}: absent or unreadable") from err
