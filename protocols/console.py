"""The command line's edge: one of our errors becomes one line and its exit status."""

import sys
from collections.abc import Callable

from protocols.errors import ScoringError


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
