"""The coordinator's log: append, sign, prove, and hand out a copy that anybody can check."""

import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import CheckpointError, ConfigError, EntryError
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint, sign_checkpoint
from protocols.ledger.keyfile import sync_folder
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree
from protocols.ledger.verify import CHECKPOINT_NAME, ENTRIES_NAME
from server.ledger.store import LogStore


class Log:
    """An append-only log under one key; every append is one signed checkpoint."""

    def __init__(self, store: LogStore, *, key: Ed25519PrivateKey, origin: str) -> None:
        """Open the log in ``store``, or begin it there.

        Raises:
            CheckpointError: The stored checkpoint is not by this key and origin, or is not
                over exactly the stored leaves.
        """
        self._store, self._key, self._origin = store, key, origin
        self._tree = Tree()
        self._tree.extend(leaf_hash(leaf) for leaf in store.leaves())
        note = store.note()
        if note is None and self._tree.size == 0:
            note = self._sign()
            store.append(0, (), note)
        self._note = self._checked(note)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._tree.size

    @property
    def note(self) -> str:
        """The latest signed checkpoint."""
        return self._note

    def append(self, leaves: Sequence[bytes]) -> int:
        """Keep leaves durably under one new checkpoint, all or none.

        Returns:
            The position of the first of them.

        Raises:
            EntryError: A leaf holds a line end, so it is no canonical JSON.
            RoundError: The store could not keep them; the log is as before.
        """
        if any(b"\n" in leaf for leaf in leaves):
            raise EntryError("a leaf is one line")
        first = self.size
        self._tree.extend(leaf_hash(leaf) for leaf in leaves)
        try:
            note = self._sign()
            self._store.append(first, leaves, note)
        except BaseException:
            self._tree.shrink(first)
            raise
        self._note = note
        return first

    def inclusion_path(self, index: int) -> list[bytes]:
        """Return the audit path of leaf ``index`` under ``note``, lowest sibling first."""
        return self._tree.inclusion_path(index)

    def leaf(self, index: int) -> bytes:
        """Return the leaf at ``index``."""
        if not 0 <= index < self.size:
            raise IndexError(f"no leaf {index} in a log of {self.size}")
        return self._store.leaf(index)

    def leaves(self) -> Iterator[bytes]:
        """Return the leaves under ``note``, in order."""
        # Another process may have appended since; its leaves are not under this checkpoint.
        return islice(self._store.leaves(), self.size)

    def _sign(self) -> str:
        checkpoint = Checkpoint(self._origin, self._tree.size, self._tree.root)
        return sign_checkpoint(checkpoint, self._key)

    def _checked(self, note: str | None) -> str:
        if note is None:
            raise CheckpointError("the log's store has leaves but no checkpoint")
        log = LogKey(self._origin, self._key.public_key().public_bytes_raw())
        checkpoint = open_checkpoint(note, log)
        if (checkpoint.size, checkpoint.root) != (self._tree.size, self._tree.root):
            raise CheckpointError(
                f"the checkpoint is over {checkpoint.size} other leaves than the "
                f"{self._tree.size} in the log's store"
            )
        return note


def export_log(log: Log, folder: Path) -> None:
    """Write ``checkpoint`` and ``entries.jsonl`` for an auditor, in place of an older export.

    Both are complete under ``folder`` or not there at all.

    Raises:
        ConfigError: ``folder`` holds something else than an export, or cannot be written.
    """
    folder = folder.absolute()
    fresh = folder.with_name(f".{folder.name}.new")
    try:
        _refuse_strangers(folder)
        _remove(fresh)
        _write_export(log, fresh)
        _swap(fresh, folder)
    except OSError as err:
        raise ConfigError(f"{folder.name}: the log cannot be written here") from err
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write_export(log: Log, folder: Path) -> None:
    folder.mkdir(parents=True)
    with (folder / ENTRIES_NAME).open("wb") as file:
        file.writelines(leaf + b"\n" for leaf in log.leaves())
        file.flush()
        os.fsync(file.fileno())
    with (folder / CHECKPOINT_NAME).open("wb") as file:
        file.write(log.note.encode("utf-8"))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def _refuse_strangers(folder: Path) -> None:
    names = {item.name for item in folder.iterdir()} if folder.exists() else set()
    if names - {CHECKPOINT_NAME, ENTRIES_NAME}:
        raise ConfigError(f"{folder.name}: holds more than an exported log; choose another folder")


def _swap(fresh: Path, folder: Path) -> None:
    stale = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        _remove(stale)
        folder.rename(stale)
    try:
        fresh.rename(folder)
    except OSError:
        if stale.exists():
            stale.rename(folder)
        raise
    sync_folder(folder.parent)
    _remove(stale)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
