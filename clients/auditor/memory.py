"""What the auditor remembers of one log: what it has seen of it, and all that it ever said.

Written durably before a cosignature or an entry is handed over, so that no restart makes the
auditor sign two branches of a log, or two entries in one place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocols.errors import (
    ConfigError,
    PolicyError,
    RollbackError,
    SplitViewError,
    VerificationError,
)
from protocols.ledger.audit import Audit
from protocols.ledger.canonical import digest
from protocols.ledger.entry import NO_ENTRY, NO_RUN, Link, Pin
from protocols.ledger.keyfile import replace_private, write_private
from protocols.ledger.terms import Terms
from protocols.lock import only_process

_LOGS, _SEEN = "logs", "checkpoint"
# With one of these there are two logs under one name, or none: nobody may vouch for it.
_NO_ONE_LOG = {
    "FolderError",
    "TileError",
    "CheckpointError",
    "LogSizeError",
    "InclusionError",
    "RollbackError",
    "SplitViewError",
}


class Memory:
    """One log's folder in the auditor's home; see ``memory_of``."""

    def __init__(self, folder: Path, terms: Terms) -> None:
        """Read what is remembered.

        Raises:
            ConfigError: A file cannot be read.
        """
        self._folder, self._terms = folder, terms
        try:
            reports = [path.read_bytes() for path in sorted(folder.glob("report-*.json"))]
        except OSError as err:
            raise ConfigError(f"{folder.name}: a file cannot be read") from err
        self._said = [digest(leaf).hex() for leaf in reports]

    @property
    def seen(self) -> list[Path]:
        """File of the last checkpoint that was vouched for; empty before the first."""
        return [path for path in [self._folder / _SEEN] if path.exists()]

    def see(self, audit: Audit, note: bytes) -> None:
        """Remember a checkpoint as the last one that was vouched for, if the log goes on.

        Args:
            audit: Of the log under ``note``, with ``seen`` among the saved checkpoints.
            note: The checkpoint's bytes.

        Raises:
            VerificationError: It is no log, or somebody has seen another one.
        """
        for item in audit.findings:
            if item.kind in _NO_ONE_LOG:
                raise VerificationError(
                    f"nothing is signed, for {item.where} shows another log than somebody has "
                    f"seen, or none ({item.kind}: {item.message}); keep all files"
                )
        replace_private(self._folder / _SEEN, note)

    def next_link(self, audit: Audit, *, at: int) -> Link:
        """Return where the auditor's next entry in the log stands.

        Raises:
            PolicyError: The charter is not in force in this log.
            RollbackError: The log has more of the auditor's entries than are remembered.
            SplitViewError: It has others.
        """
        if not audit.charters or audit.charters[-1].digest != self._terms.charter.hex():
            raise PolicyError("nothing is signed: the log is not under this charter now")
        (auditor,) = self._terms.auditor
        logged = [item.name for item in audit.reports if item.auditor == auditor]
        if len(logged) > len(self._said):
            raise RollbackError(
                f"the log has {len(logged)} reports of {auditor}, its home knows of "
                f"{len(self._said)}: restore the home's latest copy"
            )
        if logged != self._said[: len(logged)]:
            raise SplitViewError(f"the log has other reports of {auditor} than were signed here")
        return Link(
            charter=self._terms.charter.hex(),
            signer=auditor,
            seq=len(self._said),
            prev=self._said[-1] if self._said else NO_ENTRY,
            pin=Pin(audit.size, audit.root),
            at=at,
            run=NO_RUN,
        )

    def say(self, leaf: bytes) -> None:
        """Remember an entry, before it is handed over."""
        write_private(self._folder / f"report-{len(self._said):06}.json", leaf)
        self._said.append(digest(leaf).hex())


@contextmanager
def memory_of(home: Path, terms: Terms) -> Iterator[Memory]:
    """Open what the auditor remembers of a log, whichever its charter; nobody else does meanwhile.

    Args:
        home: The auditor's folder.
        terms: The charter's terms.

    Raises:
        ConfigError: The home is absent, cannot be read, or another process works with it.
    """
    if not home.is_dir():
        raise ConfigError(f"{home.name}: no such folder; make one with fedscore-audit init")
    folder = home / _LOGS / digest(terms.log.origin.encode("utf-8") + terms.log.key).hex()[:16]
    with only_process(folder, "memory"):
        yield Memory(folder, terms)
