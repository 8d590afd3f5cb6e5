"""The trusted set: every file that handles raw rows, keys or noise, and the digest of them all.

A partner's security reviewer reads these files and no others; docs/trusted-set.md says why each is
among them. The charter pins the digest, so a node whose files differ in one byte will not start.
"""

import hashlib
from pathlib import Path, PurePosixPath

from protocols.errors import ConfigError

FILES = (
    "clients/partner/book_file.py",
    "clients/partner/budget.py",
    "clients/partner/commitment.py",
    "clients/partner/data.py",
    "clients/partner/gate.py",
    "clients/partner/keys.py",
    "clients/partner/mask_keys.py",
    "clients/partner/node.py",
    "clients/partner/trusted_set.py",
    "model/features.py",
    "model/formulas.py",
    "model/noise.py",
    "model/population.py",
    "model/private.py",
    "model/private_sum.py",
    "model/queries/answer.py",
    "model/queries/batch.py",
    "model/queries/calibration.py",
    "model/queries/evaluation.py",
    "model/queries/gradient.py",
    "model/queries/gram.py",
    "model/queries/histogram.py",
    "model/queries/parameters.py",
    "model/queries/segments.py",
    "model/queries/stability.py",
    "model/spill.py",
    "model/table.py",
    "protocols/contracts/charter.py",
    "protocols/contracts/features.py",
    "protocols/contracts/orders.py",
    "protocols/contracts/privacy.py",
    "protocols/errors.py",
    "protocols/ledger/account.py",
    "protocols/ledger/canonical.py",
    "protocols/ledger/chain.py",
    "protocols/ledger/charge.py",
    "protocols/ledger/charters.py",
    "protocols/ledger/checkpoint.py",
    "protocols/ledger/codec.py",
    "protocols/ledger/cohorts.py",
    "protocols/ledger/cosignature.py",
    "protocols/ledger/entry.py",
    "protocols/ledger/envelope.py",
    "protocols/ledger/epsilons.py",
    "protocols/ledger/evidence.py",
    "protocols/ledger/keyfile.py",
    "protocols/ledger/merkle.py",
    "protocols/ledger/messages.py",
    "protocols/ledger/note.py",
    "protocols/ledger/orders.py",
    "protocols/ledger/pins.py",
    "protocols/ledger/price.py",
    "protocols/ledger/roster.py",
    "protocols/ledger/sharing.py",
    "protocols/ledger/terms.py",
    "protocols/secagg/keys.py",
    "protocols/secagg/masks.py",
    "protocols/secagg/transcript.py",
    "protocols/secagg/words.py",
)


def covered() -> tuple[str, ...]:
    """Return the trusted files and the ``__init__.py`` of their packages, which run first."""
    packages = {parent for name in FILES for parent in PurePosixPath(name).parents if parent.name}
    return tuple(sorted({*FILES, *(f"{package}/__init__.py" for package in packages)}))


def code_digest(root: Path | None = None) -> str:
    """Return the digest of the trusted files as installed: SHA-256 of sorted ``path sha256`` lines.

    Args:
        root: Folder that holds the packages; that of the running code by default.

    Raises:
        ConfigError: A file is missing.
    """
    base = root or Path(__file__).parents[2]
    try:
        lines = [
            f"{name} {hashlib.sha256((base / name).read_bytes()).hexdigest()}\n"
            for name in covered()
        ]
    except OSError as err:
        raise ConfigError("a file of the trusted set is missing; install fedscore again") from err
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()
