"""How much a tenant may ask: a bucket of rows, and a guard against probing one person.

Nothing here reads a clock, and none that stands still or goes back grants anything. All of it is
kept in memory, per process: what a tenant may ask at P processes is P times what its rules say.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from pydantic import Field

from protocols.contracts.features import Contract
from protocols.errors import ScoringError

MOST_SUBJECTS = 100_000  # that are remembered of one tenant: some 34 MiB
_HASH_BYTES = 8  # two of 100,000 subjects share a count once in 4e9 such tenants
_AT_ONCE = 2  # ended windows that are dropped for each that begins: more never pile up


class RateLimitError(ScoringError):
    """A tenant asks for more than it may now; nothing was spent.

    Attributes:
        retry_after_s: When the same question would be answered if nothing else were asked before;
            None where it never will be, so that it must be made smaller.
    """

    def __init__(self, message: str, *, retry_after_s: float | None) -> None:
        """Keep how long to wait."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Limits(Contract):
    """What one tenant may ask.

    Attributes:
        rows_per_second: Rows that a tenant may ask for in the long run.
        burst: Rows that it may ask for at once after a pause; so the most of one request, too.
        per_subject: Questions about one subject in a window, which begins with the first of them.
        per_subject_window_s: Length of that window.
    """

    rows_per_second: float = Field(ge=0.001, le=1e9)
    burst: int = Field(ge=1, le=100_000_000)
    per_subject: int = Field(default=20, ge=1, le=1_000_000_000)
    per_subject_window_s: int = Field(default=3_600, ge=1, le=31 * 86_400)


class Meter:
    """What one tenant has spent. Used by one thread."""

    def __init__(self, limits: Limits, *, now_s: float, key: bytes) -> None:
        """Begin with a full bucket and no subjects; ``key`` hides those that come."""
        self._limits = limits
        self._now_s = now_s
        self._bucket = Bucket(limits, now_s=now_s)
        self._guard = SubjectGuard(key)

    def change(self, limits: Limits, *, now_s: float) -> None:
        """Go on under other limits; what was spent stays spent."""
        self._limits = limits
        self._bucket.change(limits, now_s=self._later(now_s))

    def spend(self, rows: int, subjects: Sequence[str], *, now_s: float) -> None:
        """Take rows from the bucket and count a question for each of ``subjects``, or neither.

        Raises:
            RateLimitError: There are too few rows, or a subject was asked about too often.
        """
        now_s = self._later(now_s)
        filled = self._bucket.check(rows, now_s=now_s)
        asked = self._guard.check(subjects, self._limits, now_s=now_s)
        self._bucket.keep(filled - rows, now_s=now_s)
        self._guard.count(asked, self._limits, now_s=now_s)

    def give_back(self, rows: int, subjects: Sequence[str], *, now_s: float) -> None:
        """Undo what was spent on questions that got no answer, through no fault of the tenant's."""
        now_s = self._later(now_s)
        self._bucket.give_back(rows, now_s=now_s)
        self._guard.give_back(subjects)

    def _later(self, now_s: float) -> float:
        """Return the latest time that was seen: a clock that goes back is waited for."""
        self._now_s = max(self._now_s, now_s)
        return self._now_s


class Bucket:
    """A token bucket: over any time never more than burst + rate x time. Times never go back."""

    def __init__(self, limits: Limits, *, now_s: float) -> None:
        """Begin full."""
        self._rate, self._burst = limits.rows_per_second, limits.burst
        self._rows, self._at_s = float(limits.burst), now_s

    def change(self, limits: Limits, *, now_s: float) -> None:
        """Go on with another rate and burst, and with no more rows than there were."""
        self.keep(self._filled(now_s), now_s=now_s)
        self._rate, self._burst = limits.rows_per_second, limits.burst

    def check(self, rows: int, *, now_s: float) -> float:
        """Return the rows that there are if they are so many; takes none.

        Raises:
            RateLimitError: There are fewer.
        """
        if rows < 0:
            raise RuntimeError("rows must not be negative: they would fill the bucket")
        if rows > self._burst:
            raise RateLimitError("more rows than one request may have", retry_after_s=None)
        filled = self._filled(now_s)
        if rows > filled:
            wait_s = (rows - filled) / self._rate
            raise RateLimitError("too many rows; ask again later", retry_after_s=wait_s)
        return filled

    def give_back(self, rows: int, *, now_s: float) -> None:
        """Put rows back that were taken, as far as the bucket holds them."""
        self.keep(min(float(self._burst), self._filled(now_s) + rows), now_s=now_s)

    def keep(self, rows: float, *, now_s: float) -> None:
        """Go on from so many rows."""
        self._rows, self._at_s = rows, now_s

    def _filled(self, now_s: float) -> float:
        return min(float(self._burst), self._rows + (now_s - self._at_s) * self._rate)


class SubjectGuard:
    """Counts questions about each subject, in windows that begin with the first.

    Of a subject only a keyed hash is kept. At most ``most`` are remembered; beyond that the oldest
    windows leave first, and those subjects are counted from zero again. So whoever wants one to be
    forgotten early has to ask about ``most`` others first, and pays a row for each.
    A window has a fixed begin: any stretch of its length holds at most twice its questions.
    Times never go back.
    """

    def __init__(self, key: bytes, *, most: int = MOST_SUBJECTS) -> None:
        """Remember nobody."""
        self._keyed = blake2b(key=key, digest_size=_HASH_BYTES)
        self._most = most
        # By hash, oldest window first: when it began, and questions since.
        self._windows: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many subjects are remembered."""
        return len(self._windows)

    def check(
        self, subjects: Sequence[str], limits: Limits, *, now_s: float
    ) -> Mapping[bytes, int]:
        """Return how often each is asked about, by its hash; counts none.

        Raises:
            RateLimitError: One was asked about too often.
        """
        asked: dict[bytes, int] = {}
        for subject in subjects:
            name = self._hash(subject)
            asked[name] = asked.get(name, 0) + 1
        wait_s = 0.0
        for name, more in asked.items():
            wait_s = max(wait_s, self._wait_s(name, more, limits, now_s))
        if wait_s > 0:
            message = "too many questions about one applicant; ask again later"
            raise RateLimitError(message, retry_after_s=wait_s)
        return asked

    def count(self, asked: Mapping[bytes, int], limits: Limits, *, now_s: float) -> None:
        """Count what was checked."""
        for name, more in asked.items():
            began_s, before = self._window(name, limits, now_s)
            self._windows[name] = (began_s, before + more)
            if not before:
                self._windows.move_to_end(name)
                self._drop_ended(limits, now_s)

    def give_back(self, subjects: Sequence[str]) -> None:
        """Count one question less about each, unless its window has left."""
        for name in map(self._hash, subjects):
            began_s, before = self._windows.get(name, (0.0, 0))
            if before:
                self._windows[name] = (began_s, before - 1)

    def _hash(self, subject: str) -> bytes:
        hashing = self._keyed.copy()
        hashing.update(subject.encode(errors="surrogatepass"))
        return hashing.digest()

    def _wait_s(self, name: bytes, more: int, limits: Limits, now_s: float) -> float:
        if more > limits.per_subject:
            message = "more questions about one applicant than are allowed at once"
            raise RateLimitError(message, retry_after_s=None)
        began_s, before = self._window(name, limits, now_s)
        is_over = before + more > limits.per_subject
        return began_s + limits.per_subject_window_s - now_s if is_over else 0.0

    def _window(self, name: bytes, limits: Limits, now_s: float) -> tuple[float, int]:
        """Return a subject's window that goes on, or one that begins now."""
        window = self._windows.get(name)
        if window is None or _has_ended(window, limits, now_s):
            return now_s, 0
        return window

    def _drop_ended(self, limits: Limits, now_s: float) -> None:
        for _ in range(_AT_ONCE):
            oldest = next(iter(self._windows.values()))
            if len(self._windows) > self._most or _has_ended(oldest, limits, now_s):
                self._windows.popitem(last=False)


def _has_ended(window: tuple[float, int], limits: Limits, now_s: float) -> bool:
    return window[0] + limits.per_subject_window_s <= now_s
