"""Where a run stands: a fold over its entries in the log, so that it can be taken up again."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from protocols.errors import MaskKeyError
from protocols.ledger.entry import (
    MISSING_NOISE,
    NO_KEY,
    Authorise,
    Entry,
    PlannedQuery,
    ReleaseEntry,
    RoundClose,
    RoundOpen,
    RunClose,
    Step,
)
from protocols.ledger.envelope import Envelope
from protocols.ledger.terms import Terms
from protocols.secagg.keys import RunKey


@dataclass(frozen=True)
class OpenedRound:
    """A round that is over.

    Attributes:
        cohort: Partners whose contributions were opened.
        parameters_digest: SHA-256 of the question's parameters, hex.
        sum_digest: SHA-256 of the sum, hex.
    """

    cohort: tuple[str, ...]
    parameters_digest: str
    sum_digest: str


@dataclass
class RunState:
    """What the coordinator must know of a run to go on with it.

    Attributes:
        charter: Digest of the charter that it was authorised under, hex; empty before that.
        signers: Partners that authorised the run.
        authorisations: Signed authorisations by partner, of those that can take part.
        allowed: What each of them allows, and its mask key.
        cohort: Partners asked last, or to be asked first.
        missing: Those of them for want of whom the last attempt is void.
        rounds: Rounds that are over, in order.
        waiting: The order that was not closed yet, if there is one.
        release: The run's last entry, once there is a release.
        lacks_noise: Whether a sum held too little noise, so that the run is over.
        closed_by: Partners that answer no more orders of the run.
    """

    charter: str = ""
    signers: set[str] = field(default_factory=set)
    authorisations: dict[str, Envelope] = field(default_factory=dict)
    allowed: dict[str, Authorise] = field(default_factory=dict)
    cohort: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    rounds: list[OpenedRound] = field(default_factory=list)
    waiting: tuple[Envelope, RoundOpen] | None = None
    release: tuple[Envelope, ReleaseEntry] | None = None
    lacks_noise: bool = False
    closed_by: set[str] = field(default_factory=set)
    _last: Step | None = None
    _asked: str = ""
    _orders: int = 0
    _changes: int = 0

    def note(self, envelope: Envelope, entry: Entry) -> None:
        """Take the run's next entry."""
        match entry:
            case Authorise():
                self.charter = entry.link.charter
                self.signers.add(entry.link.signer)
                if _has_usable_key(entry):
                    self.authorisations[entry.link.signer] = envelope
                    self.cohort = tuple(sorted(self.authorisations))
                    self.allowed[entry.link.signer] = entry
            case RoundOpen():
                self._changes += self._orders > 0 and entry.cohort != self.cohort
                self._orders += 1
                self.cohort, self._last = entry.cohort, entry.step
                self._asked = entry.parameters_digest
                self.waiting, self.missing = (envelope, entry), ()
            case RoundClose():
                self.waiting, self.missing = None, entry.missing
                self.lacks_noise = self.lacks_noise or entry.fault == MISSING_NOISE
                if entry.is_complete:
                    self.rounds.append(OpenedRound(self.cohort, self._asked, entry.sum_digest))
            case RunClose():
                self.closed_by.add(entry.link.signer)
            case ReleaseEntry():
                self.release = (envelope, entry)

    def leave_out_misfits(self, queries: tuple[PlannedQuery, ...]) -> tuple[str, ...]:
        """Go on without partners that allow something else than the run asks, or share a mask key.

        Whose key it really is cannot be told, so all that claim it are left out.

        Returns:
            Their names.
        """
        keys = Counter(item.mask_key for item in self.allowed.values() if item.mask_key != NO_KEY)
        misfits = tuple(
            name
            for name, item in self.allowed.items()
            if item.queries != queries or keys[item.mask_key] > 1
        )
        for name in misfits:
            del self.authorisations[name], self.allowed[name]
        self.cohort = tuple(name for name in self.cohort if name not in misfits)
        return misfits

    def resume(self, terms: Terms) -> None:
        """Ask the whole cohort again, where too few were left: whoever was missing may be back."""
        if self.next_cohort(terms) is None:
            self.missing = ()

    def may_shrink(self, terms: Terms) -> bool:
        """Return whether the run could go on with one partner less."""
        return self._changes < terms.most_cohort_changes and len(self.cohort) > terms.minimum_cohort

    @property
    def is_unfinished(self) -> bool:
        """Whether the run was begun and can be taken up again."""
        is_over = self.release is not None or self.lacks_noise or bool(self.closed_by)
        return bool(self.signers) and not is_over

    @property
    def repeated(self) -> int:
        """Attempts beyond one for each round."""
        return self._orders - len(self.rounds) - (self.waiting is not None)

    @property
    def next_step(self) -> Step:
        """Round and attempt of the next order."""
        number = len(self.rounds) + 1
        attempts = self._last.attempt if self._last and self._last.round == number else 0
        return Step(number, attempts + 1)

    def next_cohort(self, terms: Terms) -> tuple[str, ...] | None:
        """Return who is asked next: those who were not missing; None if they may not go on."""
        left = tuple(name for name in self.cohort if name not in self.missing)
        if not self.missing:
            return left
        may_change = self._changes < terms.most_cohort_changes
        return left if may_change and len(left) >= terms.minimum_cohort else None


def _has_usable_key(allowed: Authorise) -> bool:
    """Return whether peers can mask with a partner's key: else every one of them would refuse."""
    try:
        if allowed.mask_key != NO_KEY:
            RunKey.create().shared_with(bytes.fromhex(allowed.mask_key))
    except MaskKeyError:
        return False
    return True


def unfinished_runs(entries: Iterable[tuple[Envelope, Entry]], *, charter: str) -> tuple[str, ...]:
    """Return the runs that can be taken up again under a charter, by its digest; in log order."""
    states: dict[str, RunState] = {}
    for envelope, entry in entries:
        if entry.link.charter == charter:
            states.setdefault(entry.link.run, RunState()).note(envelope, entry)
    return tuple(name for name, state in states.items() if state.is_unfinished)


def run_state(entries: Iterable[tuple[Envelope, Entry]], run: str) -> RunState:
    """Return where a run stands, from all entries of the log in order."""
    state = RunState()
    for envelope, entry in entries:
        if entry.link.run == run:
            state.note(envelope, entry)
    return state
