"""A log as the folder that ``verify_log`` reads: whoever exports one writes the same bytes."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from protocols.errors import ConfigError
from protocols.ledger.keyfile import sync_folder
from protocols.ledger.tiles import most_in_tile, tile_files
from protocols.ledger.verify import CHECKPOINT_NAME, WITNESSED_NAME

_TILES = "tile"
_OURS = (CHECKPOINT_NAME, WITNESSED_NAME, _TILES)
_MOST_NOTE_BYTES = 65_536
_MOST_BYTES = 1 << 30  # of one log; a folder must not fill this machine


def write_export(
    folder: Path, *, note: str, witnessed: str | None, leaves: Iterable[bytes]
) -> None:
    """Write a log for an auditor, in place of an older export; whole, or not at all.

    Args:
        folder: Where; absent, empty, or an older export.
        note: The checkpoint; written as it is, not verified.
        witnessed: The last checkpoint that a quorum has cosigned, if there is one.
        leaves: All leaves under ``note``, in order.

    Raises:
        ConfigError: ``folder`` holds something else than an export, or cannot be written.
        OversizedLeafError: A leaf is larger than a bundle can hold.
    """
    folder = folder.absolute()
    fresh = folder.with_name(f".{folder.name}.new")
    try:
        _refuse_strangers(folder)
        _remove(fresh)
        for path, raw in export_files(note=note, witnessed=witnessed, leaves=leaves):
            _write(fresh / path, raw)
        _sync(fresh)
        _swap(fresh, folder)
    except OSError as err:
        raise ConfigError(f"{folder.name}: the log cannot be written here") from err
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def export_files(
    *, note: str, witnessed: str | None, leaves: Iterable[bytes]
) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file of an exported log."""
    yield CHECKPOINT_NAME, note.encode("utf-8")
    if witnessed:
        yield WITNESSED_NAME, witnessed.encode("utf-8")
    yield from tile_files(leaves)


def read_export(folder: Path) -> dict[str, bytes]:
    """Return path to bytes of every file in an exported log.

    What cannot be a log's file is only named, never read: it may be of any size and kind.

    Raises:
        ConfigError: There is no such folder, a file cannot be read, or there are too many bytes.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder.name}: no such folder, or it cannot be read")
    files: dict[str, bytes] = {}
    left = _MOST_BYTES
    try:
        for path in folder.rglob("*"):
            if path.is_symlink() or not path.is_dir() or not any(path.iterdir()):
                name = path.relative_to(folder).as_posix()
                files[name] = _content(path, most=_most_bytes(name), left=left)
                left -= len(files[name])
    except OSError as err:
        raise ConfigError(f"{folder.name}: a file of the log cannot be read") from err
    return files


def _most_bytes(name: str) -> int:
    return _MOST_NOTE_BYTES if name in (CHECKPOINT_NAME, WITNESSED_NAME) else most_in_tile(name)


def _content(path: Path, *, most: int, left: int) -> bytes:
    """Return a plain file's bytes; nothing of a file that is larger than its kind can be."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > most:
        return b""
    if path.stat().st_size > left:
        raise ConfigError(f"the log has more than {_MOST_BYTES} bytes")
    return path.read_bytes()


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)


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
