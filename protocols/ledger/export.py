"""Writes a log as the folder that ``verify_log`` reads: whoever exports one, the same bytes."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from protocols.errors import ConfigError, EntryError
from protocols.ledger.keyfile import sync_folder
from protocols.ledger.verify import CHECKPOINT_NAME, ENTRIES_NAME

_OURS = (CHECKPOINT_NAME, ENTRIES_NAME)


def write_export(folder: Path, *, note: str, leaves: Iterable[bytes]) -> None:
    """Write a log for an auditor, in place of an older export; whole, or not at all.

    Args:
        folder: Where; absent, empty, or an older export.
        note: The checkpoint; written as it is, not verified.
        leaves: All leaves under it, in order.

    Raises:
        ConfigError: ``folder`` holds something else than an export, or cannot be written.
        EntryError: A leaf holds a line end, so it is no canonical JSON.
    """
    folder = folder.absolute()
    fresh = folder.with_name(f".{folder.name}.new")
    try:
        _refuse_strangers(folder)
        _remove(fresh)
        for name, chunks in _files(note, leaves):
            _write(fresh / name, chunks)
        _swap(fresh, folder)
    except OSError as err:
        raise ConfigError(f"{folder.name}: the log cannot be written here") from err
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _files(note: str, leaves: Iterable[bytes]) -> Iterator[tuple[str, Iterable[bytes]]]:
    yield ENTRIES_NAME, map(_line, leaves)
    yield CHECKPOINT_NAME, (note.encode("utf-8"),)


def _line(leaf: bytes) -> bytes:
    if b"\n" in leaf:
        raise EntryError("a leaf is one line")
    return leaf + b"\n"


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _refuse_strangers(folder: Path) -> None:
    names = {item.name for item in folder.iterdir()} if folder.exists() else set()
    if names.difference(_OURS):
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
