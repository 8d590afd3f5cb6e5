"""The policy book's files: lines that are only ever added, and files named by their digest.

``book.jsonl`` holds the acts, ``policies/DIGEST.toml`` each policy exactly as it was submitted,
``proofs/DIGEST.txt`` what each proof said, ``officers.toml`` who may act. A line counts once its
line end is on disk: what a killed process left behind it is no line, and goes with the next act.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from protocols.errors import ConfigError, FolderError
from protocols.ledger.canonical import digest
from protocols.ledger.keyfile import sync_folder
from protocols.lock import only_process

MOST_FILE_BYTES = 1_000_000  # a policy, or what a proof said

_PATIENCE_S = 10.0
_MOST_BOOK_BYTES = 256_000_000

FileState = tuple[int, int, int] | None


@dataclass(frozen=True)
class PolicyFolder:
    """Where one policy book is kept."""

    path: Path

    @property
    def book(self) -> Path:
        """The file of acts."""
        return self.path / "book.jsonl"

    @property
    def officers(self) -> Path:
        """Who may act."""
        return self.path / "officers.toml"

    def policy_file(self, policy: bytes) -> Path:
        """Return where the policy of a digest is."""
        return self.path / "policies" / f"{policy.hex()}.toml"

    def proof_file(self, proof: bytes) -> Path:
        """Return where what a proof said is, by its SHA-256."""
        return self.path / "proofs" / f"{proof.hex()}.txt"

    def lines(self) -> list[bytes]:
        """Return the whole lines of the book, without their ends; none while there is no book.

        Raises:
            ConfigError: It cannot be read.
        """
        whole, _, _ = self._raw().rpartition(b"\n")
        return whole.split(b"\n") if whole else []

    def state(self) -> tuple[FileState, FileState]:
        """Return what is other once the book or the officers have changed."""
        return _state_of(self.book), _state_of(self.officers)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one who adds to the book.

        Raises:
            ConfigError: Somebody else still is after ten seconds, or the folder is not there.
        """
        if not self.path.is_dir():
            raise ConfigError(f"{self.path.name}: no such folder; make it, with officers.toml")
        with only_process(self.path, "book", patience_s=_PATIENCE_S):
            yield

    def append(self, line: bytes) -> None:
        """Add a line, durably, once what a killed process left is gone; only while ``writing``.

        Raises:
            ConfigError: It cannot be written; then the book is as it was.
        """
        raw = self._raw()
        whole = raw.rfind(b"\n") + 1
        try:
            with self.book.open("ab", buffering=0) as file:
                if whole < len(raw):
                    file.truncate(whole)
                _write_all(file.fileno(), line + b"\n", undo_to=whole)
            sync_folder(self.path)
        except OSError as err:
            raise ConfigError("book.jsonl: cannot be written; is the disk full?") from err

    def keep(self, path: Path, raw: bytes) -> None:
        """Put a file of the book in its place, durably and whole, before a line names it.

        Raises:
            ConfigError: It cannot be written.
        """
        fresh = path.with_name(f".{path.name}.new")
        try:
            path.parent.mkdir(exist_ok=True)
            with fresh.open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            sync_folder(path.parent)
            sync_folder(self.path)
        except OSError as err:
            raise ConfigError(f"{path.name}: cannot be written") from err

    def read(self, path: Path, file_digest: bytes) -> bytes:
        """Return a file that a line names, once it is shown to be the one.

        Raises:
            FolderError: It is gone, or is not what the line names.
        """
        where = f"{path.parent.name}/{path.name}"
        try:
            raw = _read(path)
        except OSError as err:
            raise FolderError(f"{where}: cannot be read; restore it from a copy") from err
        if digest(raw) != file_digest:
            raise FolderError(f"{where}: is not the file that the book names; restore it")
        return raw

    def _raw(self) -> bytes:
        try:
            raw = _read(self.book, most=_MOST_BOOK_BYTES)
        except FileNotFoundError:
            return b""
        except OSError as err:
            raise ConfigError("book.jsonl: cannot be read; check path and rights") from err
        if len(raw) > _MOST_BOOK_BYTES:
            raise ConfigError("book.jsonl: is larger than any book of policies")
        return raw


def _read(path: Path, *, most: int = MOST_FILE_BYTES) -> bytes:
    with path.open("rb") as file:
        return file.read(most + 1)


def _write_all(handle: int, raw: bytes, *, undo_to: int) -> None:
    try:
        if os.write(handle, raw) != len(raw):
            raise OSError("written in part")
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, undo_to)
        raise


def _state_of(path: Path) -> FileState:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
