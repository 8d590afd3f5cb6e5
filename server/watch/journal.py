"""A journal whose steps are timed, for whoever watches."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from server.journal.record import Draft, Key, Record
from server.serving.once import Store

LOOK, COMMIT = "look", "commit"  # is there an answer; store it

Stepped = Callable[[str, float, float], None]  # the step; its begin and end by time.monotonic()


@dataclass(frozen=True)
class TimedJournal:
    """Does what a journal does, and tells how long it took, also when it failed."""

    journal: Store
    told: Sequence[Stepped]

    def find(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        """Return the record of each key that has one."""
        begun_s = time.monotonic()
        try:
            return self.journal.find(keys)
        finally:
            self._tell(LOOK, keys, begun_s)

    def commit_offers(self, drafts: Sequence[Draft]) -> Sequence[Record | Exception]:
        """Store what has no record yet, and return the record of each draft, or why it has none."""
        begun_s = time.monotonic()
        try:
            return self.journal.commit_offers(drafts)
        finally:
            self._tell(COMMIT, drafts, begun_s)

    def _tell(self, step: str, work: Sequence[object], begun_s: float) -> None:
        if work:  # there are drains without a question
            ended_s = time.monotonic()
            for told in self.told:
                told(step, begun_s, ended_s)
