"""Where the live page's log comes from: an exported folder, or the coordinator itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from protocols.errors import ConfigError, LogSizeError
from protocols.ledger.export import export_files, read_export

_TRIES = 5  # an export replaces the folder in a moment

Stamp = tuple[tuple[str, int, int, int, int], ...]


class LogSource(Protocol):
    """A log as ``verify_log`` takes it."""

    def files(self) -> Mapping[str, bytes]:
        """Return every file by name; the same object as before if nothing has changed.

        Raises:
            ScoringError: The log cannot be read now.
        """


class Fetcher(Protocol):
    """Part of ``clients.auditor.remote.RemoteLog``."""

    def witnessed(self) -> str | None:
        """Return the last checkpoint that a quorum has cosigned, if there is one."""

    def fetch(self, since: int = 0) -> tuple[str, list[bytes]]:
        """Return the latest checkpoint and the leaves under it from ``since`` on."""


class FolderSource:
    """Reads an exported folder, and reads it again only if its files were replaced."""

    def __init__(self, folder: Path) -> None:
        """Read ``folder`` when asked; it may come later."""
        self._folder = folder
        self._stamp: Stamp = ()
        self._files: dict[str, bytes] | None = None

    def files(self) -> Mapping[str, bytes]:
        """Return the files of one export, never a part of one and a part of the next."""
        for _ in range(_TRIES):
            before = self._look()
            if self._files is not None and before == self._stamp:
                return self._files
            files = read_export(self._folder)
            if self._look() == before:
                self._files, self._stamp = files, before
                return files
        raise ConfigError(f"{self._folder.name}: changes faster than it can be read")

    def _look(self) -> Stamp:
        try:
            stats = [(str(path), path.lstat()) for path in sorted(self._folder.rglob("*"))]
        except OSError as err:
            raise ConfigError(f"{self._folder.name}: no such folder, or it cannot be read") from err
        return tuple(
            (name, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            for name, stat in stats
        )


class RemoteSource:
    """The coordinator's log, kept here as far as it was seen, and extended by what is new.

    Nothing that arrives is believed: ``verify_log`` holds all of it against the signed root. So a
    log whose earlier entries have changed does not lead to its root.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        """Ask ``fetcher`` for what is new."""
        self._fetcher = fetcher
        self._leaves: list[bytes] = []
        self._notes: tuple[str, str | None] = ("", None)
        self._files: dict[str, bytes] | None = None

    def files(self) -> Mapping[str, bytes]:
        """Return checkpoint and entries; the whole log anew if it went back."""
        witnessed = self._fetcher.witnessed()  # first, so that it is not ahead of the rest
        try:
            note, fresh = self._fetcher.fetch(len(self._leaves))
        except LogSizeError:
            note, fresh = self._fetcher.fetch()
            self._leaves, self._files = [], None
        if self._files is not None and not fresh and (note, witnessed) == self._notes:
            return self._files
        self._leaves += fresh
        self._notes = (note, witnessed)
        self._files = dict(export_files(note=note, witnessed=witnessed, leaves=self._leaves))
        return self._files
