"""What a running server follows: looked at by a thread, and kept as it was where it is wrong."""

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

from protocols.errors import ScoringError

_JOIN_S = 5.0  # a disk that hangs must not keep a server from stopping


class Followed(NamedTuple):
    """How what is followed is called.

    Attributes:
        name: Of the thread.
        not_taken: Event of the log, once for each problem.
        again: Event of the log, once a problem is over.
    """

    name: str
    not_taken: str
    again: str


class Following:
    """A thread that looks now and then, until closed; a look that fails changes nothing."""

    def __init__(
        self,
        take: Callable[[], None],
        followed: Followed,
        log: logging.Logger,
        *,
        look_every_s: float,
    ) -> None:
        """Begin to look.

        Args:
            take: Takes what is there by now; raises, and has then changed nothing, if it is wrong.
            followed: How it is called.
            log: Told of problems.
            look_every_s: Time between two looks.
        """
        self._take, self._followed, self._log = take, followed, log
        self._every_s = look_every_s
        self._problem: str | None = None
        self._looking = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=followed.name, daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Why what is there is not taken, or None; what was taken before still counts."""
        return self._problem

    def look(self) -> None:
        """Take what is there by now; if that fails, name the problem."""
        with self._looking:
            try:
                self._take()
            except ScoringError as err:
                self._note(str(err))
            except Exception as err:  # nothing may end the looks; its text may hold anything
                self._note(f"unexpected error: {type(err).__name__}")
            else:
                self._note(None)

    def close(self) -> None:
        """Stop looking; what was taken last stays."""
        self._closed.set()
        self._thread.join(_JOIN_S)

    def _watch(self) -> None:
        while not self._closed.wait(self._every_s):
            self.look()

    def _note(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        if problem is None:
            self._log.info(self._followed.again)
        else:
            self._log.error(self._followed.not_taken, extra={"problem": problem})
