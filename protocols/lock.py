"""One process at a time works with some files."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from protocols.errors import ConfigError

_LOOK_S = 0.05


@contextmanager
def only_process(folder: Path, what: str, *, patience_s: float = 0.0) -> Iterator[None]:
    """Hold a folder's lock; the system drops it when the process dies, however it dies.

    Args:
        folder: Made if it is absent.
        what: What only one process may do; names the lock's file.
        patience_s: How long to wait for another process that is about to end.

    Raises:
        ConfigError: Another process holds it, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f"{what}.lock").open("w")
    except OSError as err:
        raise ConfigError(f"{folder.name}: no folder can be made here") from err
    with lock:
        end = time.monotonic() + patience_s
        while not _is_ours(lock):
            if time.monotonic() >= end:
                raise ConfigError(
                    f"another process works with the {what} in {folder.name}; end it, or wait"
                )
            time.sleep(_LOOK_S)
        yield


def _is_ours(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
