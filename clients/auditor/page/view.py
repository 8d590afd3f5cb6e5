"""From a snapshot to what the templates show: rows in order, texts for numbers and times."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clients.auditor.page.charts import Chart, budget_charts
from clients.auditor.page.state import Snapshot
from clients.auditor.page.words import Say
from protocols.ledger.audit import Audit, Finding, PartnerRow, PricePoint
from protocols.ledger.entry import LATEST
from protocols.ledger.epsilons import LENDERS_SHOWN, Epsilons

_MOST_ROUNDS = 100
_MOST_FINDINGS = 50
_SILENT = timedelta(seconds=90)


@dataclass(frozen=True)
class Bar:
    """One budget as text and as the widths of a bar, in thousandths of the cap."""

    spent_micro: int
    held_micro: int
    cap_micro: int
    left_micro: int

    @property
    def total_micro(self) -> int:
        """What counts against the cap."""
        return self.spent_micro + self.held_micro

    @property
    def is_over(self) -> bool:
        """Whether the cap is passed."""
        return self.total_micro > self.cap_micro

    @property
    def spent_width(self) -> int:
        """Width of what is spent."""
        return self._width(self.spent_micro)

    @property
    def total_width(self) -> int:
        """Width of what is spent or held."""
        return self._width(self.total_micro)

    def _width(self, micro: int) -> int:
        return min(1000, micro * 1000 // self.cap_micro) if self.cap_micro else 1000


@dataclass(frozen=True)
class Budget:
    """One partner's row."""

    row: PartnerRow
    released: Bar
    worst: Bar


@dataclass(frozen=True)
class Round:
    """One attempt that ended: used, opened but not used, or void.

    Attributes:
        at: Seconds since 1970; None if it is void, which has no time in the audit.
        missing: For want of whom it is void.
        fault: Why its sum is not used; "none" if it is.
    """

    run: str
    round: int
    attempt: int
    at: int | None = None
    query: str = ""
    noise_multiplier: str = ""
    cohort: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    fault: str = "none"


@dataclass(frozen=True)
class Persons:
    """What a person with several lenders may have spent, at partners with the same history."""

    names: tuple[str, ...]
    price: Epsilons
    lenders: tuple[int, ...]


@dataclass(frozen=True)
class Page:
    """Everything the templates show of one snapshot.

    Attributes:
        snapshot: What it is made of.
        is_lost: Whether the log cannot be read now.
        is_silent: Whether nothing was heard of the check for long.
        kinds: Kinds of findings with how many there are, most first.
        findings: The first of them.
        rounds: The latest first.
        rounds_left_out: How many earlier ones there are.
        points: Each partner's last point in each run, latest first.
    """

    snapshot: Snapshot
    is_lost: bool
    is_silent: bool
    kinds: tuple[tuple[str, int], ...] = ()
    findings: tuple[Finding, ...] = ()
    budgets: tuple[Budget, ...] = ()
    persons: tuple[Persons, ...] = ()
    charts: tuple[Chart, ...] = ()
    rounds: tuple[Round, ...] = ()
    rounds_left_out: int = 0
    points: tuple[tuple[str, PricePoint], ...] = ()

    @property
    def audit(self) -> Audit | None:
        """The audit, if there is one."""
        return self.snapshot.audit

    @property
    def tone(self) -> str:
        """One word for the state: checking, lost, true or untrue."""
        if self.audit is None:
            return "lost" if self.is_lost else "checking"
        return "true" if self.audit.is_true else "untrue"

    @property
    def is_empty(self) -> bool:
        """Whether the log is true and holds nothing but the charter."""
        return (
            self.audit is not None
            and self.audit.is_true
            and self.audit.size == len(self.audit.charters)
        )


def page_of(snapshot: Snapshot, *, now: datetime, say: Say) -> Page:
    """Return what to show of ``snapshot``."""
    seen = snapshot.seen_at
    is_lost = snapshot.lost_since is not None
    is_silent = not is_lost and seen is not None and now - seen > _SILENT
    audit = snapshot.audit
    if audit is None:
        return Page(snapshot, is_lost, is_silent)
    rounds = rounds_of(audit)
    return Page(
        snapshot=snapshot,
        is_lost=is_lost,
        is_silent=is_silent,
        kinds=tuple(Counter(item.kind for item in audit.findings).most_common()),
        findings=audit.findings[:_MOST_FINDINGS],
        budgets=tuple(_budget(row) for row in audit.partners),
        persons=_persons(audit.partners),
        charts=budget_charts(audit.partners, say),
        rounds=rounds[:_MOST_ROUNDS],
        rounds_left_out=max(0, len(rounds) - _MOST_ROUNDS),
        points=_last_points(audit.partners),
    )


def rounds_of(audit: Audit) -> tuple[Round, ...]:
    """Return every attempt that ended, the latest first."""
    ended = [
        Round(row.run, row.round, row.attempt, row.at, row.query, row.noise_multiplier,
              row.cohort, fault=row.fault)
        for row in audit.sums
    ]  # fmt: skip
    ended += [Round(row.run, row.round, row.attempt, missing=row.missing) for row in audit.voids]
    began: dict[str, int] = {}
    for run, at in _times(audit):
        began[run] = min(at, began.get(run, at))
    # A run that nobody answered has no time: it is shown first, as if it had just begun.
    return tuple(
        sorted(
            ended,
            key=lambda row: (began.get(row.run, 2**62), row.run, row.round, row.attempt),
            reverse=True,
        )
    )


def say_time(moment: datetime | int | None) -> str:
    """Return a time in UTC to the second; empty for None, what no calendar has as a number."""
    if moment is None:
        return ""
    if isinstance(moment, int) and moment > LATEST:
        return str(moment)
    at = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) else moment
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _times(audit: Audit) -> Sequence[tuple[str, int]]:
    points = [(point.run, point.at) for row in audit.partners for point in row.history]
    return points + [(row.run, row.at) for row in audit.sums]


def _budget(row: PartnerRow) -> Budget:
    spent, price = row.spent, row.price
    return Budget(
        row,
        Bar(spent.released_micro, price.released_micro - spent.released_micro,
            row.released_cap_micro, row.released_left_micro),
        Bar(spent.worst_micro, price.worst_micro - spent.worst_micro,
            row.worst_cap_micro, row.worst_left_micro),
    )  # fmt: skip


def _persons(partners: Sequence[PartnerRow]) -> tuple[Persons, ...]:
    lenders = tuple(range(1, min(LENDERS_SHOWN, len(partners)) + 1))
    return tuple(
        Persons(tuple(row.name for row in partners if row.price == price), price, lenders)
        for price in dict.fromkeys(row.price for row in partners)
    )


def _last_points(partners: Sequence[PartnerRow]) -> tuple[tuple[str, PricePoint], ...]:
    last = {(row.name, point.run): point for row in partners for point in row.history}
    named = [(name, point) for (name, _), point in last.items()]
    return tuple(sorted(named, key=lambda pair: (-pair[1].at, pair[0])))
