"""One process at a time works with a node's files."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocols.errors import ConfigError


@contextmanager
def only_process(state_dir: Path) -> Iterator[None]:
    """Hold the node's lock; the system drops it when the process dies, however it dies.

    Raises:
        ConfigError: Another process holds it.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "node.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise ConfigError(f"another process runs the node in {state_dir}") from err
        yield
