"""The log as one story: everybody's entries in turn, each judged by those before it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from protocols.errors import (
    ChainError,
    GapError,
    ReplayError,
    TurnError,
    UnclosedRunError,
    UnknownRunError,
    VerificationError,
    WitnessError,
)
from protocols.ledger.account import Account
from protocols.ledger.audit import (
    AmendRow,
    AuditReportRow,
    ChargeRow,
    CohortChange,
    EpochRow,
    FaultRow,
    PartnerRow,
    PricePoint,
    ReleaseRow,
    SumRow,
    UnreleasedRow,
    VoidRow,
)
from protocols.ledger.charters import Charters
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_FAULT,
    Amend,
    AuditReport,
    Authorise,
    DatasetEpoch,
    Entry,
    Link,
    PartnerEntry,
    ReleaseEntry,
    RoundClose,
    RoundOpen,
    Spend,
)
from protocols.ledger.pins import Pins, check_pin
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

    def __init__(self, charters: Charters, *, root_at: Callable[[int], bytes]) -> None:
        """Begin with nothing said.

        Args:
            charters: What entries are judged by; the caller adds those that the log shows.
            root_at: Returns the root over so many of the log's first leaves, 32 bytes.
        """
        self._charters = charters
        self._pins = Pins(root_at)
        self._names: set[str] = set()
        self._told: set[tuple[str, type[VerificationError]]] = set()
        self._last: dict[str, tuple[Link, str]] = {}
        self._rounds = Rounds(charters)
        self._accounts: dict[str, Account] = {}
        self.admit(charters.latest)
        self._releases: list[ReleaseEntry] = []
        self._epochs: list[tuple[DatasetEpoch, str]] = []
        self._allowed: list[tuple[int, Authorise]] = []
        self._amends: list[AmendRow] = []
        self._reports: list[AuditReportRow] = []
        self._sums: list[SumRow] = []
        self._faults: list[FaultRow] = []
        self._voids: list[VoidRow] = []

    def admit(self, terms: Terms) -> None:
        """Keep account of every partner of a charter, from now on and for ever."""
        for name in terms.partners:
            self._accounts.setdefault(name, Account(self._charters))

    def skip(self) -> None:
        """Pass over a leaf that is nobody's entry."""
        self._pins.record(None)

    def take(self, logged: Logged) -> Iterator[VerificationError]:
        """Record the next entry, and yield what is wrong with it, given those before it."""
        if logged.name in self._names:
            self.skip()
            yield ReplayError(f"entry {logged.entry.link.seq} of {logged.entry.link.signer} again")
            return
        self._names.add(logged.name)
        # (6) Every signer's entries follow one another, and all have seen this log.
        yield from self._check_chain(logged.name, logged.entry.link)
        yield from self._check_pin(logged.entry.link)
        # (7) and (8) What it says fits what was said before, and costs what it claims.
        yield from self._judge(logged)
        self._pins.record(logged.entry.link)

    def check_end(self) -> Iterator[tuple[str, VerificationError]]:
        """Yield each partner whose borrowers may have spent more than a cap, and why."""
        for name, account in self._accounts.items():
            for err in account.check_caps():
                yield name, err

    def partners(self) -> tuple[PartnerRow, ...]:
        """Return one row for each partner: the latest charter's in its order, then earlier ones."""
        return tuple(self._partner(name, account) for name, account in self._accounts.items())

    def releases(self) -> tuple[ReleaseRow, ...]:
        """Return one row for each release, in log order."""
        return tuple(self._release(entry) for entry in self._releases)

    def cohort_changes(self) -> tuple[CohortChange, ...]:
        """Return every change of a run's cohort, in log order."""
        runs = self._rounds.cohorts.items()
        return tuple(CohortChange(run, left) for run, item in runs for left in item.changes)

    def check_witnessed(self, size: int) -> Iterator[tuple[str, WitnessError]]:
        """Yield every run that a partner spent in before a quorum had cosigned its authorisation.

        Args:
            size: Leaves under the last checkpoint that is cosigned by a quorum.
        """
        for index, entry in self._allowed:
            signer, run = entry.link.signer, entry.link.run
            if index >= size and self._accounts[signer].spends_in(run):
                said = f"spent in run {run}, whose authorisation no quorum of witnesses has seen"
                yield signer, WitnessError(said)

    def epochs(self) -> tuple[EpochRow, ...]:
        """Return every epoch of a partner's data, in log order, with the runs under it."""
        runs = defaultdict(list)
        for _, item in self._allowed:
            runs[item.epoch].append(item.link.run)
        return tuple(
            EpochRow(
                partner=entry.link.signer,
                name=name,
                commitment=entry.commitment,
                at=entry.link.at,
                runs=tuple(runs[name]),
            )
            for entry, name in self._epochs
        )

    def amends(self) -> tuple[AmendRow, ...]:
        """Return every correction, in log order."""
        return tuple(self._amends)

    def reports(self) -> tuple[AuditReportRow, ...]:
        """Return what the auditor said before, in log order."""
        return tuple(self._reports)

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
        before, last = self._last.get(link.signer, (None, NO_ENTRY))
        seq = -1 if before is None else before.seq
        self._last[link.signer] = (link, name)
        if link.seq > seq + 1:
            yield GapError(f"{link.signer}: entry {link.seq} follows entry {seq}")
        elif link.seq != seq + 1:
            yield ChainError(f"{link.signer}: entry {link.seq} follows entry {seq}")
        elif link.prev != last:
            yield ChainError(f"{link.signer}: entry {link.seq} names another entry before it")
        yield from check_pin(link, before)
        yield from self._charters.check_turn(link, before)

    def _check_pin(self, link: Link) -> Iterator[VerificationError]:
        for err in self._pins.check(link):
            if (link.signer, type(err)) not in self._told:  # what follows from it is not repeated
                self._told.add((link.signer, type(err)))
                yield err

    def _judge(self, logged: Logged) -> Iterator[VerificationError]:
        name, entry = logged.name, logged.entry
        match entry:
            case RoundOpen():
                yield from self._rounds.open(name, entry)
            case RoundClose():
                yield from self._rounds.close(entry)
                self._record_end(entry, self._rounds.order_of(entry))
            case ReleaseEntry():
                yield from self._take_release(entry)
            case AuditReport():
                self._reports.append(_report(name, entry))
            case _:  # a partner's entry
                if isinstance(entry, Spend):
                    yield from self._rounds.spend(name, entry)
                yield from self._accounts[entry.link.signer].take(name, entry)
                self._list(logged.index, name, entry)

    def _list(self, index: int, name: str, entry: PartnerEntry) -> None:
        match entry:
            case DatasetEpoch():
                self._epochs.append((entry, name))
            case Authorise():
                self._allowed.append((index, entry))
            case Amend():
                link, noise = entry.link, entry.noise_multiplier
                self._amends.append(AmendRow(link.signer, link.run, entry.spend, noise))

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
        if not any(account.has_authorised(run) for account in self._accounts.values()):
            yield UnknownRunError(f"nobody authorised run {run}, which is said to have a release")
        elif run not in self._rounds.completed_runs:
            yield UnknownRunError(f"run {run} has a release and no complete round")
        elif self._rounds.completed_runs[run] != entry.link.charter:
            yield UnknownRunError(f"run {run} has a release under another charter than its own")
        if run in self._rounds.released_runs:
            yield TurnError(f"a second release of run {run}")
        if entry.not_closed_by != self._not_closed_by(run):
            both = (entry.not_closed_by, self._not_closed_by(run))
            said, found = (", ".join(names) or "nobody" for names in both)
            yield UnclosedRunError(
                f"a release says that run {run} is not closed by {said}; the log says by {found}"
            )
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
            released_cap_micro=self._charters.latest.released_cap_micro,
            worst_cap_micro=self._charters.latest.worst_cap_micro,
        )

    def _release(self, entry: ReleaseEntry) -> ReleaseRow:
        run = entry.link.run
        return ReleaseRow(entry.manifest_digest, run, self._not_closed_by(run))

    def _not_closed_by(self, run: str) -> tuple[str, ...]:
        return tuple(sorted(name for name, item in self._accounts.items() if item.is_open(run)))


def _report(name: str, entry: AuditReport) -> AuditReportRow:
    return AuditReportRow(
        auditor=entry.link.signer,
        name=name,
        at=entry.link.at,
        size=entry.link.pin.size,
        findings=entry.findings,
        report_digest=entry.report_digest,
    )
