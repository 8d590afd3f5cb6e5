"""The budget book: every entry a partner ever signed, written before it has any effect.

What is promised and spent follows from the entries alone, by the auditor's own arithmetic; nothing
is ever refunded. One book per partner and population; its file is ``book_file.py``.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clients.partner.book_file import BookFile, Order, Stored
from protocols.errors import (
    BudgetExhaustedError,
    CapError,
    CohortChangedError,
    CohortError,
    ConfigError,
    ConflictingOrderError,
    OrderRefusedError,
    PolicyError,
    ScoringError,
    UnprovenEntryError,
    VerificationError,
)
from protocols.ledger.chain import Chain
from protocols.ledger.charge import dearest, worth
from protocols.ledger.charters import Charters
from protocols.ledger.entry import (
    NO_ENTRY,
    Amend,
    Authorise,
    DatasetEpoch,
    Link,
    PartnerEntry,
    Pin,
    RoundOpen,
    RunClose,
    Spend,
    parse_entry,
    sign_entry,
)
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.evidence import Proven
from protocols.ledger.messages import AskAuthorise
from protocols.ledger.terms import Terms, terms_in

_REFUSALS: dict[type[VerificationError], type[ScoringError]] = {
    CapError: BudgetExhaustedError,
    CohortError: CohortChangedError,
}


class BudgetBook:
    """What this partner has promised, spent and said.

    Privacy: the record that every epsilon of this partner is computed from.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        key: Ed25519PrivateKey,
        terms: Terms,
        commit: Callable[[str], str] = lambda _: NO_ENTRY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open a book, or begin one.

        Args:
            path: The SQLite file.
            name: The partner's name.
            key: Signs its entries.
            terms: The charter's terms, made stricter by the partner's own policy. It is the charter
                of all entries, or succeeds theirs: what they spent stays spent.
            commit: Returns the commitment to the data of runs, hex, for a place in the log; only a
                node has data.
            clock: Seconds since 1970.

        Raises:
            ConfigError: The file is no budget book, the charter does not succeed the book's, or it
                names another key.
            VerificationError: Its entries are not this partner's, or do not follow one another.
        """
        self._name, self._key, self._terms = name, key, terms
        self._commit, self._clock = commit, clock
        self._file = BookFile(path)
        if terms.partners.get(name) != key.public_key().public_bytes_raw():
            raise ConfigError("the identity key is not the one the charter names")
        try:
            self._charters = Charters(terms, map(terms_in, self._file.policies()))
            self._chain = self._replay()
        except PolicyError as err:
            raise ConfigError(f"{path.name}: not this charter's book: {err}") from err

    @property
    def last_seq(self) -> int:
        """Number of the last entry; -1 in a new book."""
        return self._chain.last_seq

    @property
    def open_runs(self) -> tuple[str, ...]:
        """Runs that are authorised and not closed."""
        return self._chain.account.open_runs

    @property
    def terms(self) -> Terms:
        """What its entries are judged by."""
        return self._terms

    @property
    def pin(self) -> Pin:
        """The last checkpoint that this partner was shown, and cosigns."""
        return max(self._file.pin(), self._chain.pin, key=lambda pin: pin.size)

    @property
    def spent(self) -> Epsilons:
        """What all spends so far cost."""
        return self._priced()

    @property
    def most(self) -> Epsilons:
        """What may have been spent, open authorisations at their maximum."""
        return self._chain.account.price

    @property
    def spends(self) -> int:
        """How many attempts were paid for."""
        return self._chain.account.spends

    def stored_reply(self, order: Order) -> Stored | None:
        """Return the reply to exactly this order, None if the order is new.

        Raises:
            ConflictingOrderError: Another order has this place.
            OrderRefusedError: The order was begun and its reply never stored: whatever it cost is
                spent, and it is not answered any more.
        """
        known = self._file.reply_at(order.place)
        if known is None:
            return None
        name, reply = known
        if name != order.name:
            raise ConflictingOrderError("another order was received for this place in the run")
        if reply is None:
            raise OrderRefusedError("spent without a reply; a new attempt is needed")
        return reply

    def authorise(self, ask: AskAuthorise, order: Order, *, mask_key: str) -> None:
        """Promise a run at most what it asks; every run before it is closed first, or none is.

        Args:
            ask: What the coordinator asks for.
            order: What it came in.
            mask_key: The run's public mask key, hex.

        Raises:
            BudgetExhaustedError: Spends, open promises and this run together pass a cap.
            OrderRefusedError: The run breaks another term.
        """
        self._write(self._authorising(ask, mask_key), order)

    def reserve(self, opened: RoundOpen, order: Order) -> str:
        """Write down that an attempt is paid for, before any noise is drawn.

        Returns:
            Digest of the spend, hex.

        Raises:
            BudgetExhaustedError, OrderRefusedError: The attempt is not within a promise.
        """
        entry = Spend(
            link=self._link(opened.link.run),
            step=opened.step,
            order=order.name,
            mechanism=opened.mechanism,
            cohort=opened.cohort,
            spent=self._priced(worth(opened.mechanism)),
        )
        return self._write([entry], order)

    def amend(self, spend: str, noise_multiplier: str, *, over_cap: bool = False) -> None:
        """Say that a spend had less noise than it says, and so was dearer.

        Args:
            spend: Name of the spend, hex.
            noise_multiplier: What the noise really was over C, a decimal.
            over_cap: Whether to say so although it passes a cap, which every auditor will find.

        Raises:
            OrderRefusedError: There is no such spend, or it would become cheaper.
            BudgetExhaustedError: A cap would be passed.
        """
        account = self._chain.account
        run, more = account.correction(spend, noise_multiplier)
        entry = Amend(self._link(run), spend, noise_multiplier, self._priced(more))
        if not over_cap:
            self._check_caps(entry.spent)
        self._write([entry], None)

    def close(self, run: str, order: Order) -> None:
        """Say the last word on a run; what it did not spend of its promise lapses.

        Raises:
            OrderRefusedError: The run was never authorised.
        """
        if run not in self._chain.account.runs:
            raise OrderRefusedError("a run that was never authorised cannot be closed")
        if run in self._chain.account.open_runs:
            self._write([self._closing(run)], order)

    def store_reply(self, order: Order, reply: Stored) -> None:
        """Keep a reply, durably, before its first byte leaves."""
        self._file.store_reply(order, reply)

    def leaf_of(self, seq: int) -> bytes | None:
        """Return an entry by its number."""
        return self._file.leaf_of(seq)

    def unproven(self) -> bytes:
        """Return the entries whose inclusion was not shown yet, one a line."""
        return b"".join(leaf + b"\n" for leaf in self._file.unproven())

    def mark_proven(self, proven: Proven) -> None:
        """Keep which entries the log is shown to hold, and under which checkpoint."""
        self._file.mark_proven(proven)

    def check_proven(self, run: str, *, most_unproven: int) -> None:
        """Raise unless the log is shown to hold the run's authorisation and its spends.

        Args:
            run: The run that an order belongs to.
            most_unproven: Replies that may have been lost on the way.

        Raises:
            UnprovenEntryError: It is not.
        """
        entries = [parse_entry(leaf)[1] for leaf in self._file.unproven()]
        here = [entry for entry in entries if entry.link.run == run]
        if any(isinstance(entry, Authorise) for entry in here) or len(here) > most_unproven:
            raise UnprovenEntryError("the coordinator has not shown that its log holds our entries")

    def last_step(self, run: str) -> tuple[int, int]:
        """Return round and attempt of the last spend in a run; zeros if there is none."""
        return self._chain.account.last_step(run)

    def close_file(self) -> None:
        """Close the file."""
        self._file.close()

    def _authorising(self, ask: AskAuthorise, mask_key: str) -> Iterator[PartnerEntry]:
        for run in self._chain.account.open_runs:
            yield self._closing(run)
        # For every run, whether the data have changed or not: that is nobody else's to know.
        link = self._link(ask.run)
        yield DatasetEpoch(link, self._commit(f"{link.charter} {link.signer} {link.seq}"))
        most = dearest(ask.queries, spare_attempts=ask.spare_attempts)
        cap = self._terms.run_cap_micro
        if cap is not None and self._chain.account.priced(most).released_micro > cap:
            raise BudgetExhaustedError("the run would pass the most that own policy gives one run")
        yield Authorise(
            link=self._link(ask.run),
            queries=ask.queries,
            spare_attempts=ask.spare_attempts,
            epoch=self._chain.account.epoch,
            code_digest=self._terms.code_digest,
            mask_key=mask_key,
            most=self._priced(most),
        )

    def _closing(self, run: str) -> RunClose:
        return RunClose(
            link=self._link(run),
            spends=self._chain.account.spends_in(run),
            spent=self._priced(),
        )

    def _link(self, run: str) -> Link:
        return self._chain.link(run, at=int(self._clock()), pin=self.pin)

    def _priced(self, more: Fraction = Fraction(0)) -> Epsilons:
        return self._chain.account.priced(self._chain.account.spent + more)

    def _write(self, entries: Iterable[PartnerEntry], order: Order | None) -> str:
        """Check entries as the auditor will, sign them, and commit them with their order, or none.

        Args:
            entries: Each may be made when those before it are taken.
            order: What they answer; None if nobody asked.

        Returns:
            Digest of the last one, hex.
        """
        leaves = []
        try:
            for entry in entries:
                leaf = sign_entry(entry, self._key)
                self._judge(leaf.digest.hex(), entry)
                leaves.append((entry.link.seq, leaf.to_bytes()))
            self._file.append(leaves, order, policy=self._terms.policy)
        except BaseException:  # whatever it was, memory must not be ahead of the file
            self._chain = self._replay()
            raise
        return self._chain.name_of(self._chain.last_seq)

    def _judge(self, name: str, entry: PartnerEntry) -> None:
        faults = list(self._chain.take(name, entry))
        if faults:
            kind = _REFUSALS.get(type(faults[0]), OrderRefusedError)
            raise kind(f"an auditor would object: {faults[0]}") from faults[0]
        if isinstance(entry, Spend):
            self._check_caps(entry.spent)

    def _check_caps(self, spent: Epsilons) -> None:
        """Hold a promise of yesterday to the caps of today: a policy may have become stricter."""
        over_released = spent.released_micro > self._terms.released_cap_micro
        if over_released or spent.worst_micro > self._terms.worst_cap_micro:
            raise BudgetExhaustedError("the spend would pass a cap of charter or own policy")

    def _replay(self) -> Chain:
        """Read the book from its first entry; old entries are priced, not judged again."""
        chain = Chain(self._name, self._charters)
        for leaf in self._file.leaves():
            envelope, entry = chain.read(leaf)
            list(chain.take(envelope.digest.hex(), entry))
        return chain
