"""The command line's edge: one of our errors becomes one line and its exit status."""

import sys
import time
from collections.abc import Callable

from protocols.errors import ScoringError

_PATIENCE_S = 2.0


def run_command(app: Callable[[], object], *, name: str) -> int:
    """Run a command line and return its exit status.

    Args:
        app: The command line; may leave by ``SystemExit`` with a status of its own.
        name: What the user typed, for the error line.
    """
    try:
        app()
    except ScoringError as err:
        sys.stderr.write(f"{name}: {type(err).__name__}: {err}\n")
        return err.exit_code
    return 0


class Still:
    """Says on stderr how far a command is, once that takes longer than two seconds."""

    def __init__(self, what: str) -> None:
        self._what, self._next = what, time.monotonic() + _PATIENCE_S

    def at(self, done: str) -> None:
        """Say it, if the last time is long enough ago."""
        if time.monotonic() >= self._next:
            sys.stderr.write(f"{self._what}: {done} ...\n")
            self._next = time.monotonic() + _PATIENCE_S
