"""The log as one story: everybody's entries in turn, each judged by those before it."""

from collections.abc import Iterator
from dataclasses import dataclass

from protocols.errors import (
    ChainError,
    ReplayError,
    TurnError,
    UnknownRunError,
    VerificationError,
)
from protocols.ledger.account import Account
from protocols.ledger.audit import (
    ChargeRow,
    CohortChange,
    FaultRow,
    PartnerRow,
    PricePoint,
    ReleaseRow,
    SumRow,
    UnreleasedRow,
    VoidRow,
)
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_FAULT,
    Entry,
    Link,
    ReleaseEntry,
    RoundClose,
    RoundOpen,
    Spend,
)
from protocols.ledger.rounds import Rounds
from protocols.ledger.terms import Terms


@dataclass(frozen=True)
class Logged:
    """A leaf that is shown to be its signer's own words.

    Attributes:
        index: Its position in the log.
        name: Digest of its bytes, by which later entries name it, hex.
    """

    index: int
    name: str
    entry: Entry


class History:
    """Takes verified entries in log order."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._names: set[str] = set()
        self._last: dict[str, tuple[int, str]] = {}
        self._rounds = Rounds(terms)
        self._accounts = {name: Account(terms) for name in terms.partners}
        self._releases: list[ReleaseEntry] = []
        self._sums: list[SumRow] = []
        self._faults: list[FaultRow] = []
        self._voids: list[VoidRow] = []

    def take(self, logged: Logged) -> Iterator[VerificationError]:
        """Record the next entry, and yield what is wrong with it, given those before it."""
        if logged.name in self._names:
            yield ReplayError(f"entry {logged.entry.link.seq} of {logged.entry.link.signer} again")
            return
        self._names.add(logged.name)
        # (6) Every signer's entries follow one another.
        yield from self._check_chain(logged.name, logged.entry.link)
        # (7) and (8) What it says fits what was said before, and costs what it claims.
        yield from self._judge(logged.name, logged.entry)

    def check_end(self) -> Iterator[tuple[str, VerificationError]]:
        """Yield each partner whose borrowers may have spent more than a cap, and why."""
        for name, account in self._accounts.items():
            for err in account.check_caps():
                yield name, err

    def partners(self) -> tuple[PartnerRow, ...]:
        """Return one row for each partner of the charter, in its order."""
        return tuple(self._partner(name, account) for name, account in self._accounts.items())

    def releases(self) -> tuple[ReleaseRow, ...]:
        """Return one row for each release, in log order."""
        return tuple(self._release(entry) for entry in self._releases)

    def cohort_changes(self) -> tuple[CohortChange, ...]:
        """Return every change of a run's cohort, in log order."""
        runs = self._rounds.cohorts.items()
        return tuple(CohortChange(run, left) for run, item in runs for left in item.changes)

    def sums(self) -> tuple[SumRow, ...]:
        """Return every opened sum, in log order."""
        return tuple(self._sums)

    def faults(self) -> tuple[FaultRow, ...]:
        """Return every opened sum that was not used, in log order."""
        return tuple(self._faults)

    def voids(self) -> tuple[VoidRow, ...]:
        """Return every attempt whose sum was not opened, in log order."""
        return tuple(self._voids)

    def unreleased(self) -> tuple[UnreleasedRow, ...]:
        """Return every run that a partner authorised and that has no release."""
        runs = dict.fromkeys(run for account in self._accounts.values() for run in account.runs)
        without = (run for run in runs if run not in self._rounds.released_runs)
        return tuple(UnreleasedRow(run, self._not_closed_by(run)) for run in without)

    def _check_chain(self, name: str, link: Link) -> Iterator[VerificationError]:
        seq, last = self._last.get(link.signer, (-1, NO_ENTRY))
        self._last[link.signer] = (link.seq, name)
        if link.seq != seq + 1:
            yield ChainError(f"{link.signer}: entry {link.seq} follows entry {seq}")
        elif link.prev != last:
            yield ChainError(f"{link.signer}: entry {link.seq} names another entry before it")

    def _judge(self, name: str, entry: Entry) -> Iterator[VerificationError]:
        match entry:
            case RoundOpen():
                yield from self._rounds.open(name, entry)
            case RoundClose():
                yield from self._rounds.close(entry)
                self._record_end(entry, self._rounds.order_of(entry))
            case ReleaseEntry():
                yield from self._take_release(entry)
            case Spend():
                yield from self._rounds.spend(name, entry)
                yield from self._accounts[entry.link.signer].take(entry)
            case _:  # an Authorise or a RunClose
                yield from self._accounts[entry.link.signer].take(entry)

    def _record_end(self, entry: RoundClose, order: RoundOpen | None) -> None:
        place = (entry.link.run, entry.step.round, entry.step.attempt)
        if entry.fault != NO_FAULT:
            self._faults.append(FaultRow(*place, entry.fault))
        if entry.missing:
            self._voids.append(VoidRow(*place, entry.missing))
        elif order:
            self._sums.append(
                SumRow(
                    entry.link.at,
                    *place,
                    query=order.mechanism.query,
                    noise_multiplier=order.mechanism.noise_multiplier,
                    cohort=order.cohort,
                    contrasts=entry.contrasts,
                    squares_milli=entry.squares_milli,
                    fault=entry.fault,
                )
            )

    def _take_release(self, entry: ReleaseEntry) -> Iterator[VerificationError]:
        run = entry.link.run
        authorised = {name for account in self._accounts.values() for name in account.runs}
        if run not in authorised:
            yield UnknownRunError(f"nobody authorised run {run}, which is said to have a release")
        elif run not in self._rounds.completed_runs:
            yield UnknownRunError(f"run {run} has a release and no complete round")
        if run in self._rounds.released_runs:
            yield TurnError(f"a second release of run {run}")
        self._rounds.released_runs.add(run)
        self._releases.append(entry)

    def _partner(self, name: str, account: Account) -> PartnerRow:
        return PartnerRow(
            name=name,
            runs=len(account.runs),
            spends=account.spends,
            open_runs=account.open_runs,
            price=account.price,
            spent=account.priced(account.spent),
            claimed=account.claimed,
            charges=tuple(
                ChargeRow(run, item.query, item.noise_multiplier, count, is_open)
                for run, item, count, is_open in account.charges
            ),
            history=tuple(PricePoint(link.at, link.run, spent) for link, spent in account.history),
            released_cap_micro=self._terms.released_cap_micro,
            worst_cap_micro=self._terms.worst_cap_micro,
        )

    def _release(self, entry: ReleaseEntry) -> ReleaseRow:
        run = entry.link.run
        return ReleaseRow(entry.manifest_digest, run, self._not_closed_by(run))

    def _not_closed_by(self, run: str) -> tuple[str, ...]:
        return tuple(sorted(name for name, a in self._accounts.items() if run in a.open_runs))
