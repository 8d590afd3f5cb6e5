"""Where the live page's log comes from: an exported folder, or the coordinator itself."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from protocols.errors import ConfigError, LogSizeError
from protocols.ledger.verify import CHECKPOINT_NAME, ENTRIES_NAME

_OURS = (CHECKPOINT_NAME, ENTRIES_NAME)
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
            # Other files are only named, never read: they may be of any size and kind.
            names = [name for name, *_ in before]
            files = {name: self._read(name) if name in _OURS else b"" for name in names}
            if self._look() == before:
                self._files, self._stamp = files, before
                return files
        raise ConfigError(f"{self._folder.name}: changes faster than it can be read")

    def _look(self) -> Stamp:
        try:
            names = sorted(os.listdir(self._folder))
            stats = [(name, os.stat(self._folder / name)) for name in names]
        except OSError as err:
            raise ConfigError(f"{self._folder.name}: no such folder, or it cannot be read") from err
        return tuple(
            (name, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            for name, stat in stats
        )

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as err:
            raise ConfigError(f"{name}: absent or unreadable") from err


class RemoteSource:
    """The coordinator's log, kept here as far as it was seen, and extended by what is new.

    Nothing that arrives is believed: ``verify_log`` holds all of it against the signed root. So a
    log whose earlier entries have changed does not lead to its root.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        """Ask ``fetcher`` for what is new."""
        self._fetcher = fetcher
        self._leaves: list[bytes] = []
        self._files: dict[str, bytes] | None = None

    def files(self) -> Mapping[str, bytes]:
        """Return checkpoint and entries; the whole log anew if it went back."""
        try:
            note, fresh = self._fetcher.fetch(len(self._leaves))
        except LogSizeError:
            note, fresh = self._fetcher.fetch()
            self._leaves, self._files = [], None
        said = note.encode("utf-8")
        if self._files is not None and not fresh and said == self._files[CHECKPOINT_NAME]:
            return self._files
        self._leaves += fresh
        lines = b"".join(leaf + b"\n" for leaf in self._leaves)
        self._files = {CHECKPOINT_NAME: said, ENTRIES_NAME: lines}
        return self._files
