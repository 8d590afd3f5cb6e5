"""What the page knows of the log, and the thread that finds it out; a page view never verifies."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from clients.auditor.page.source import LogSource
from clients.auditor.pricing import Pricing
from protocols.errors import CheckpointError, ScoringError
from protocols.ledger.audit import Audit
from protocols.ledger.checkpoint import Checkpoint, open_checkpoint
from protocols.ledger.terms import Terms
from protocols.ledger.verify import CHECKPOINT_NAME, verify_log

_log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Price = Callable[[Audit], Pricing]


@dataclass(frozen=True)
class Snapshot:
    """What is known of the log at one moment.

    Attributes:
        audit: Of the last log that was read; None until the first verification is through.
        pricing: Of ``audit``, by several accountants; None until it is computed.
        checkpoint: The signed size and root; None if the note does not open.
        verified_at: When ``audit`` was made.
        seen_at: When the log was last read and was what ``audit`` is of.
        lost_since: When reading it first failed since then; None while it can be read.
        problem: Why it failed; for the reader, English.
        is_verifying: Whether a changed log is being checked.
    """

    audit: Audit | None = None
    pricing: Pricing | None = None
    checkpoint: Checkpoint | None = None
    verified_at: datetime | None = None
    seen_at: datetime | None = None
    lost_since: datetime | None = None
    problem: str = ""
    is_verifying: bool = False


class Watcher:
    """Reads the log again and again, and verifies it whenever it has changed."""

    def __init__(
        self,
        source: LogSource,
        *,
        terms: Terms,
        signatures: bytes,
        price: Price,
        clock: Clock,
        settle_s: float,
    ) -> None:
        """Watch ``source``.

        Args:
            source: Where the log comes from.
            terms: The charter's.
            signatures: Bytes of ``signatures.json``.
            price: Prices an audit by several accountants; may take its time.
            clock: The time, aware.
            settle_s: How long a log that is not true gets to be a half-written one.
        """
        self._source = source
        self._terms = terms
        self._signatures = signatures
        self._price = price
        self._clock = clock
        self._settle_s = settle_s
        self._stop = threading.Event()
        self._files: Mapping[str, bytes] | None = None
        self._true_note: tuple[bytes, ...] = ()
        self._now = Snapshot()

    def snapshot(self) -> Snapshot:
        """Return what is known now; waits for nothing."""
        return self._now

    def run(self, every_s: float) -> None:
        """Look every so many seconds until ``stop`` is called."""
        while not self._stop.is_set():
            self.look()
            self._stop.wait(every_s)

    def stop(self) -> None:
        """End ``run`` soon."""
        self._stop.set()

    def look(self) -> None:
        """Read the log once, and verify it if it has changed."""
        try:
            files = self._source.files()
            if files != self._files:
                self._now = replace(self._now, is_verifying=True)
                self._take(files)
            self._now = replace(self._now, seen_at=self._clock(), lost_since=None, problem="")
        except ScoringError as err:
            self._lose(str(err))
        except Exception:  # an edge: a dead thread would show an old verdict for ever
            _log.exception("the live page could not check the log")
            self._lose("the check itself failed; see the console of fedscore-audit")

    def _take(self, files: Mapping[str, bytes]) -> None:
        audit = self._verify(files)
        if not audit.is_true:
            # An export or a copy may be under way: only what stands still is called untrue.
            self._stop.wait(self._settle_s)
            again = self._source.files()
            if again != files:
                files, audit = again, self._verify(again)
        if audit.is_true:
            self._true_note = (files[CHECKPOINT_NAME],)
        now = self._clock()
        # The verdict first: other accountants take longer.
        self._now = Snapshot(
            audit=audit,
            checkpoint=self._checkpoint_in(files),
            verified_at=now,
            seen_at=now,
        )
        self._files = files
        self._now = replace(self._now, pricing=self._price(audit))

    def _verify(self, files: Mapping[str, bytes]) -> Audit:
        # What was true here once must still be the beginning of the log.
        return verify_log(
            self._terms, signatures=self._signatures, files=files, saved=self._true_note
        )

    def _checkpoint_in(self, files: Mapping[str, bytes]) -> Checkpoint | None:
        try:
            note = files.get(CHECKPOINT_NAME, b"").decode("utf-8")
            return open_checkpoint(note, self._terms.log)
        except (CheckpointError, UnicodeDecodeError):
            return None

    def _lose(self, problem: str) -> None:
        since = self._now.lost_since or self._clock()
        self._now = replace(self._now, lost_since=since, problem=problem, is_verifying=False)
