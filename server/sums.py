"""Opened sums on disk, by digest: with them and the log, a run can be taken up where it stopped."""

import os
from pathlib import Path

from protocols.errors import RoundError, RunPausedError
from protocols.ledger.canonical import digest
from protocols.ledger.keyfile import sync_folder

_RESTORE = "restore the run's sums from a backup, or begin a new run"


class SumStore:
    """A folder of opened sums. They are noised: nothing in them is secret."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, raw: bytes) -> None:
        """Write a sum durably, whole or not at all."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._path(digest(raw).hex())
            fresh = path.with_suffix(".new")
            with fresh.open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            sync_folder(self._folder)
        except OSError as err:
            raise RoundError("an opened sum cannot be written; is the disk full?") from err

    def read(self, name: str) -> bytes:
        """Return the sum with this digest, hex.

        Raises:
            RunPausedError: It is not there, or is another than it was; a backup may have it.
        """
        try:
            raw = self._path(name).read_bytes()
        except OSError as err:
            raise RunPausedError(f"opened sum {name[:16]} is gone; {_RESTORE}") from err
        if digest(raw).hex() != name:
            raise RunPausedError(f"opened sum {name[:16]} was altered on disk; {_RESTORE}")
        return raw

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.i64"
