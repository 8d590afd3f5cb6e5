"""One partner's side of the log: what it allowed, spent and closed, and what that costs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from protocols.errors import (
    AmendError,
    AuthorisationError,
    BudgetResetError,
    CapError,
    EpochError,
    PriceError,
    RunCloseError,
    TermsError,
    TurnError,
    VerificationError,
    WeakNoiseError,
)
from protocols.ledger.charge import dearest, most_of, worth
from protocols.ledger.charters import Charters
from protocols.ledger.cohorts import Cohorts
from protocols.ledger.entry import (
    NO_ENTRY,
    NO_KEY,
    Amend,
    Authorise,
    DatasetEpoch,
    Link,
    Mechanism,
    PartnerEntry,
    RunClose,
    Spend,
    Step,
)
from protocols.ledger.epsilons import Epsilons, epsilons_of
from protocols.ledger.price import parse_decimal
from protocols.ledger.terms import Terms


@dataclass
class _Run:
    """What one partner said of one run; filled while the log is read."""

    cohorts: Cohorts
    allowed: list[Authorise] = field(default_factory=list)
    authorised: Fraction = Fraction(0)
    asked: Counter[Mechanism] = field(default_factory=Counter)
    spent: Counter[Mechanism] = field(default_factory=Counter)  # as corrected since
    mu2: Fraction = Fraction(0)  # of ``spent``
    steps: set[Step] = field(default_factory=set)
    is_closed: bool = False
    counted: Fraction = Fraction(0)  # what of it is in the account's total

    @property
    def is_priced_as_spent(self) -> bool:
        """Whether what it spent counts, and not the authorised maximum."""
        return self.is_closed or self.mu2 >= self.authorised

    @property
    def most(self) -> Fraction:
        """What it spent if closed; else the authorised maximum, or more if more was spent."""
        return self.mu2 if self.is_priced_as_spent else self.authorised

    @property
    def charges(self) -> Counter[Mechanism]:
        """What ``most`` is the price of."""
        if self.is_priced_as_spent:
            return +self.spent
        each = (most_of(item.queries, spare_attempts=item.spare_attempts) for item in self.allowed)
        return sum(each, start=Counter[Mechanism]())


class Account:
    """Takes a partner's entries in log order; what breaks a rule is recorded and priced too.

    Each entry is judged by the charter it is under; totals are priced by the latest.
    """

    def __init__(self, charters: Charters) -> None:
        self._charters = charters
        self._terms = charters.latest  # of the entry that is judged
        self._runs: dict[str, _Run] = {}
        self._spent, self._most = Fraction(0), Fraction(0)
        self._spends: dict[str, tuple[str, Mechanism]] = {}  # name to run and what it costs now
        self._mask_keys: set[str] = set()
        self._history: list[tuple[Link, Epsilons]] = []
        self._claimed: tuple[Epsilons, Fraction] | None = None  # and the delta that it is at
        self._epoch = NO_ENTRY
        self._before_epoch = Fraction(0)  # what was spent when the epoch began

    def take(self, name: str, entry: PartnerEntry) -> Iterator[VerificationError]:
        """Record the partner's next entry, and yield what is wrong with it.

        Args:
            name: Digest of the entry, hex.
            entry: What it says.
        """
        self._terms = self._charters.of(entry.link.charter)
        if isinstance(entry, DatasetEpoch):
            self._epoch = name
            self._before_epoch = self._spent
            return
        run = self._run(entry.link.run)
        match entry:
            case Authorise():
                yield from self._authorise(entry, run)
            case Spend():
                yield from self._spend(name, entry, run)
            case Amend():
                try:
                    yield from self._amend(entry, run)
                except AmendError as err:
                    yield err
            case _:  # a RunClose
                yield from self._close(entry, run)

    def correction(self, spend: str, noise_multiplier: str) -> tuple[str, Fraction]:
        """Return the run of a spend, and how much ``mu^2`` it is worth more with other noise.

        Raises:
            AmendError: There is no such spend.
        """
        if spend not in self._spends:
            raise AmendError("there is no such spend to correct")
        run, before = self._spends[spend]
        return run, worth(Mechanism(before.query, noise_multiplier)) - worth(before)

    @property
    def epoch(self) -> str:
        """Name of the data-set epoch in force, hex; zeros before the first."""
        return self._epoch

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of the runs it authorised, in log order."""
        return tuple(name for name, run in self._runs.items() if run.allowed)

    @property
    def open_runs(self) -> tuple[str, ...]:
        """Names of the runs without a run-close that is true."""
        return tuple(name for name, run in self._runs.items() if not run.is_closed)

    @property
    def spends(self) -> int:
        """Number of spends in all runs."""
        return sum(run.asked.total() for run in self._runs.values())

    def spends_in(self, run: str) -> int:
        """Number of spends in one run."""
        return self._runs[run].asked.total() if run in self._runs else 0

    def last_step(self, run: str) -> tuple[int, int]:
        """Round and attempt of the last spend in one run; zeros if there is none."""
        steps = self._runs[run].steps if run in self._runs else set[Step]()
        return max(((step.round, step.attempt) for step in steps), default=(0, 0))

    @property
    def spent(self) -> Fraction:
        """``mu^2`` of every spend so far."""
        return self._spent

    @property
    def most(self) -> Fraction:
        """``mu^2`` that may have been spent: open runs count at their authorised maximum."""
        return self._most

    @property
    def price(self) -> Epsilons:
        """What the partner's borrowers may have spent: open runs at their authorised maximum."""
        return self.priced(self.most)

    def priced(self, mu2: Fraction) -> Epsilons:
        """Return what a history costs under the latest charter's terms."""
        return _priced(mu2, self._charters.latest)

    @property
    def charges(self) -> Iterator[tuple[str, Mechanism, int, bool]]:
        """What ``price`` is the price of: run, mechanism, how often, and whether only promised."""
        for name, run in self._runs.items():
            for item, count in run.charges.items():
                yield name, item, count, not run.is_priced_as_spent

    @property
    def history(self) -> Sequence[tuple[Link, Epsilons]]:
        """Every spend, and what all until then cost."""
        return self._history

    @property
    def claimed(self) -> Epsilons | None:
        """What the partner last said that its spends cost; None if that was at another delta."""
        claimed, delta = self._claimed or (None, None)
        return claimed if delta == self._charters.latest.delta else None

    def check_caps(self) -> Iterator[VerificationError]:
        """Yield an error for either view in which ``price`` is above the latest charter's cap."""
        return _check_caps(self._most, self._charters.latest)

    def is_open(self, run: str) -> bool:
        """Return whether a run has entries of this partner and no run-close that is true."""
        return run in self._runs and not self._runs[run].is_closed

    def has_authorised(self, run: str) -> bool:
        """Return whether the partner authorised a run."""
        return run in self._runs and bool(self._runs[run].allowed)

    def _add(self, more: Fraction, run: _Run) -> None:
        self._spent += more
        run.mu2 += more
        self._count(run)

    def _count(self, run: _Run) -> None:
        """Bring the total up to date after a run has changed."""
        self._most += run.most - run.counted
        run.counted = run.most

    def _run(self, name: str) -> _Run:
        fresh = _Run(Cohorts(most_changes=self._terms.most_cohort_changes))
        return self._runs.setdefault(name, fresh)

    def _authorise(self, entry: Authorise, run: _Run) -> Iterator[VerificationError]:
        if run.allowed:
            yield TurnError(f"run {entry.link.run} is authorised a second time")
        yield from _check_authorise(entry, self._terms)
        if entry.mask_key in self._mask_keys:
            yield AuthorisationError(f"run {entry.link.run} has the mask key of an earlier run")
        self._mask_keys |= {entry.mask_key} - {NO_KEY}
        if entry.epoch != self._epoch or entry.epoch == NO_ENTRY:
            yield EpochError(f"run {entry.link.run} names another epoch than the one in force")
        run.allowed.append(entry)
        run.authorised += dearest(entry.queries, spare_attempts=entry.spare_attempts)
        self._count(run)
        yield from self._check_claim(entry.most, mu2=self.most)
        yield from _check_caps(self.most, self._terms)

    def _spend(self, name: str, entry: Spend, run: _Run) -> Iterator[VerificationError]:
        if run.is_closed:
            yield TurnError(f"a spend in run {entry.link.run} after its run-close")
        if entry.step in run.steps:
            yield TurnError(
                f"a second spend in round {entry.step.round}, attempt {entry.step.attempt}"
            )
        run.steps.add(entry.step)
        run.asked[entry.mechanism] += 1
        run.spent[entry.mechanism] += 1
        self._spends[name] = (entry.link.run, entry.mechanism)
        self._add(worth(entry.mechanism), run)
        yield from _check_covered(entry, run)
        yield from run.cohorts.take(entry.cohort)
        yield from self._record_claim(entry.link, entry.spent)

    def _amend(self, entry: Amend, run: _Run) -> Iterator[VerificationError]:
        of_run, more = self.correction(entry.spend, entry.noise_multiplier)
        if of_run != entry.link.run or more <= 0:
            yield AmendError("a correction is of its spend's run, and may only make it dearer")
            return
        _, before = self._spends[entry.spend]
        after = Mechanism(before.query, entry.noise_multiplier)
        run.spent[before] -= 1
        run.spent[after] += 1
        self._spends[entry.spend] = (of_run, after)
        self._add(more, run)
        yield from self._record_claim(entry.link, entry.spent)

    def _record_claim(self, link: Link, claimed: Epsilons) -> Iterator[VerificationError]:
        self._claimed = claimed, self._terms.delta
        self._history.append((link, self.priced(self._spent)))
        yield from self._check_claim(claimed, mu2=self._spent)

    def _check_claim(self, claimed: Epsilons, *, mu2: Fraction) -> Iterator[VerificationError]:
        is_now = _priced(mu2, self._terms)
        if claimed.is_about(is_now):
            return
        said = f"claims epsilons {claimed.in_words()} micro, recomputed {is_now.in_words()}"
        if claimed.is_about(_priced(mu2 - self._before_epoch, self._terms)):
            yield BudgetResetError(f"{said}; a new epoch of the data resets nothing")
        else:
            yield PriceError(said)

    def _close(self, entry: RunClose, run: _Run) -> Iterator[VerificationError]:
        if not run.allowed:
            yield AuthorisationError(f"run {entry.link.run} is closed but was never authorised")
        if run.is_closed:
            yield TurnError(f"run {entry.link.run} is closed a second time")
        counted = run.asked.total()
        if entry.spends != counted:
            yield RunCloseError(f"claims {entry.spends} spends, the log has {counted}")
        # A run-close that is not true frees nothing: the run stays priced at its maximum.
        run.is_closed = run.is_closed or entry.spends == counted
        self._count(run)
        self._claimed = entry.spent, self._terms.delta
        yield from self._check_claim(entry.spent, mu2=self._spent)


def _priced(mu2: Fraction, terms: Terms) -> Epsilons:
    return epsilons_of(mu2, delta=terms.delta, sharing=terms.sharing)


def _check_caps(most: Fraction, terms: Terms) -> Iterator[CapError]:
    price = _priced(most, terms)
    for view, micro, cap in (
        ("released", price.released_micro, terms.released_cap_micro),
        ("worst", price.worst_micro, terms.worst_cap_micro),
    ):
        if micro > cap:
            yield CapError(f"{view} epsilon {micro} micro is above the cap of {cap}")


def _check_authorise(entry: Authorise, terms: Terms) -> Iterator[VerificationError]:
    for planned in entry.queries:
        if parse_decimal(planned.mechanism.noise_multiplier) < terms.minimum_noise:
            yield WeakNoiseError(
                f"noise of {planned.mechanism.query} is below the charter's minimum"
            )
    rounds = sum(planned.rounds for planned in entry.queries)
    if rounds > terms.most_rounds:
        yield TermsError(f"{rounds} rounds planned, the charter allows {terms.most_rounds}")
    if entry.spare_attempts > terms.spare_attempts:
        yield TermsError(
            f"{entry.spare_attempts} spare attempts, the charter allows {terms.spare_attempts}"
        )
    if entry.code_digest != terms.code_digest:
        yield TermsError("the code that answers is not the charter's")
    if (entry.mask_key != NO_KEY) != terms.sharing.is_shared:
        yield TermsError("mode distributed needs a mask key, and mode local has none")


def _check_covered(entry: Spend, run: _Run) -> Iterator[VerificationError]:
    if not run.allowed:
        yield AuthorisationError(f"a spend in run {entry.link.run} before it is authorised")
        return
    allowed = run.allowed[0]
    if allowed.link.charter != entry.link.charter:
        yield AuthorisationError(f"run {entry.link.run} was authorised under another charter")
        return
    planned = {item.mechanism: item.rounds for item in allowed.queries}
    if entry.mechanism not in planned:
        yield AuthorisationError(
            f"{entry.mechanism.query} with noise {entry.mechanism.noise_multiplier} is not "
            "authorised"
        )
        return
    beyond = sum(max(0, count - planned.get(item, 0)) for item, count in run.asked.items())
    if beyond > allowed.spare_attempts:
        yield AuthorisationError(
            f"{beyond} attempts beyond the plan, {allowed.spare_attempts} authorised"
        )
