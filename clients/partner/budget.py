"""The budget book: every entry a partner ever signed, written before it has any effect.

One SQLite file per partner and population, ``synchronous=FULL``. It holds the partner's own chain
of signed log entries, which order each answers, and the reply once there is one. What is spent
follows from the entries alone, by the auditor's own arithmetic; nothing is ever refunded.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import (
    BudgetExhaustedError,
    CapError,
    ChainError,
    CohortChangedError,
    CohortError,
    ConfigError,
    ConflictingOrderError,
    OrderRefusedError,
    RoundError,
    ScoringError,
    UnprovenEntryError,
    VerificationError,
)
from protocols.ledger.account import Account
from protocols.ledger.charge import dearest, worth
from protocols.ledger.checkpoint import Checkpoint
from protocols.ledger.entry import (
    NO_ENTRY,
    Authorise,
    Link,
    PartnerEntry,
    RoundOpen,
    RunClose,
    Spend,
    parse_entry,
    sign_entry,
)
from protocols.ledger.envelope import Envelope, verify_envelope
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.messages import AskAuthorise
from protocols.ledger.terms import Terms

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL, is_proven INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS orders (
    place TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, answer BLOB, vector BLOB) STRICT;
CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER PRIMARY KEY, root BLOB NOT NULL) STRICT;
"""


_REFUSALS: dict[type[VerificationError], type[ScoringError]] = {
    CapError: BudgetExhaustedError,
    CohortError: CohortChangedError,
}


@dataclass(frozen=True)
class Order:
    """An order by its place, of which there is one, and its name, of which there is one.

    Attributes:
        place: Run, and round and attempt or what else is asked.
        name: Digest of the order's envelope, hex.
    """

    place: str
    name: str


@dataclass(frozen=True)
class Stored:
    """A reply as it was stored, to be sent again byte by byte."""

    answer: bytes
    vector: bytes


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
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open a book, or begin one.

        Args:
            path: The SQLite file.
            name: The partner's name.
            key: Signs its entries.
            terms: The charter's terms, made stricter by the partner's own policy.
            clock: Seconds since 1970.

        Raises:
            ConfigError: The file is no budget book.
            ChainError: Its entries do not follow one another.
            SignatureError: One is not signed by this key.
        """
        self._name, self._key, self._terms, self._clock = name, key, terms, clock
        try:
            path.touch(mode=0o600)  # it holds this partner's own sums, noised by itself alone
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            self._head, self._account = self._replay()
        except (OSError, sqlite3.Error) as err:
            raise ConfigError(f"{path.name}: cannot be used as a budget book") from err

    @property
    def last_seq(self) -> int:
        """Number of the last entry; -1 in a new book."""
        return self._head[0]

    @property
    def open_runs(self) -> tuple[str, ...]:
        """Runs that are authorised and not closed."""
        return self._account.open_runs

    @property
    def spent(self) -> Epsilons:
        """What all spends so far cost."""
        return self._priced()

    @property
    def most(self) -> Epsilons:
        """What may have been spent, open authorisations at their maximum."""
        return self._account.price

    @property
    def spends(self) -> int:
        """How many attempts were paid for."""
        return self._account.spends

    def stored_reply(self, order: Order) -> Stored | None:
        """Return the reply to exactly this order, None if the order is new.

        Raises:
            ConflictingOrderError: Another order has this place.
            OrderRefusedError: The order was begun and its reply never stored: whatever it cost is
                spent, and it is not answered any more.
        """
        row = self._db.execute(
            "SELECT name, answer, vector FROM orders WHERE place = ?", (order.place,)
        ).fetchone()
        if row is None:
            return None
        if row[0] != order.name:
            raise ConflictingOrderError("another order was received for this place in the run")
        if row[1] is None:
            raise OrderRefusedError("spent without a reply; a new attempt is needed")
        return Stored(answer=row[1], vector=row[2])

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

    def close(self, run: str, order: Order) -> None:
        """Say the last word on a run; what it did not spend of its promise lapses."""
        if run in self._account.open_runs:
            self._write([self._closing(run)], order)

    def store_reply(self, order: Order, reply: Stored) -> None:
        """Keep a reply, durably, before its first byte leaves."""
        with self._writing():
            self._db.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?) ON CONFLICT (place)"
                " DO UPDATE SET answer = excluded.answer, vector = excluded.vector",
                (order.place, order.name, reply.answer, reply.vector),
            )

    def leaf_of(self, seq: int) -> bytes | None:
        """Return an entry by its number."""
        row = self._db.execute("SELECT leaf FROM entries WHERE seq = ?", (seq,)).fetchone()
        return None if row is None else bytes(row[0])

    def unproven(self) -> bytes:
        """Return the entries whose inclusion was not shown yet, one a line."""
        rows = self._db.execute("SELECT leaf FROM entries WHERE is_proven = 0 ORDER BY seq")
        return b"".join(bytes(leaf) + b"\n" for (leaf,) in rows)

    def mark_proven(self, seqs: Sequence[int], checkpoint: Checkpoint) -> None:
        """Keep which entries a checkpoint includes, and the checkpoint.

        Raises:
            UnprovenEntryError: The log is shorter than it was, or differs at the same size.
        """
        row = self._db.execute("SELECT max(size), root FROM checkpoints").fetchone()
        size, root = row[0] or 0, row[1]
        if checkpoint.size < size or (checkpoint.size == size and checkpoint.root != root):
            raise UnprovenEntryError(
                "the log went back; keep this node's files and tell the auditor"
            )
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO checkpoints VALUES (?, ?)",
                (checkpoint.size, checkpoint.root),
            )
            self._db.executemany(
                "UPDATE entries SET is_proven = 1 WHERE seq = ?", [(seq,) for seq in seqs]
            )

    def check_proven(self, run: str, *, most_unproven: int) -> None:
        """Raise unless the log is shown to hold the run's authorisation and its spends.

        Args:
            run: The run that an order belongs to.
            most_unproven: Replies that may have been lost on the way.

        Raises:
            UnprovenEntryError: It is not.
        """
        rows = self._db.execute("SELECT leaf FROM entries WHERE is_proven = 0").fetchall()
        entries = [parse_entry(bytes(leaf))[1] for (leaf,) in rows]
        here = [entry for entry in entries if entry.link.run == run]
        if any(isinstance(entry, Authorise) for entry in here) or len(here) > most_unproven:
            raise UnprovenEntryError("the coordinator has not shown that its log holds our entries")

    def last_step(self, run: str) -> tuple[int, int]:
        """Return round and attempt of the last spend in a run; zeros if there is none."""
        return self._account.last_step(run)

    def close_file(self) -> None:
        """Close the file."""
        self._db.close()

    def _authorising(self, ask: AskAuthorise, mask_key: str) -> Iterator[PartnerEntry]:
        for run in self._account.open_runs:
            yield self._closing(run)
        yield Authorise(
            link=self._link(ask.run),
            queries=ask.queries,
            spare_attempts=ask.spare_attempts,
            code_digest=self._terms.code_digest,
            mask_key=mask_key,
            most=self._priced(dearest(ask.queries, spare_attempts=ask.spare_attempts)),
        )

    def _closing(self, run: str) -> RunClose:
        spends = self._account.spends_in(run)
        return RunClose(link=self._link(run), spends=spends, spent=self._priced())

    def _priced(self, more: Fraction = Fraction(0)) -> Epsilons:
        return self._account.priced(self._account.spent + more)

    def _link(self, run: str) -> Link:
        return Link(
            charter=self._terms.charter.hex(),
            signer=self._name,
            seq=self._head[0] + 1,
            prev=self._head[1],
            at=int(self._clock()),
            run=run,
        )

    def _write(self, entries: Iterable[PartnerEntry], order: Order) -> str:
        """Check entries as the auditor will, sign them, and commit them with their order, or none.

        Args:
            entries: Each may be made when those before it are taken.
            order: What they answer.

        Returns:
            Digest of the last one, hex.
        """
        leaves = []
        try:
            for entry in entries:
                self._judge(entry)
                leaf = sign_entry(entry, self._key)
                leaves.append((entry.link.seq, leaf.to_bytes()))
                self._head = (entry.link.seq, leaf.digest.hex())
            with self._writing():
                self._db.executemany("INSERT INTO entries VALUES (?, ?, 0)", leaves)
                self._db.execute(
                    "INSERT INTO orders VALUES (?, ?, NULL, NULL)", (order.place, order.name)
                )
        except ScoringError:
            self._head, self._account = self._replay()  # as if none had been taken
            raise
        return self._head[1]

    def _judge(self, entry: PartnerEntry) -> None:
        faults = list(self._account.take(entry))
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

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as err:
            raise RoundError("the budget book cannot be written; is the disk full?") from err

    def _replay(self) -> tuple[tuple[int, str], Account]:
        """Read the book from its first entry; old entries are priced, not judged again."""
        head, account = (-1, NO_ENTRY), Account(self._terms)
        for seq, leaf in self._db.execute("SELECT seq, leaf FROM entries ORDER BY seq"):
            envelope, entry = parse_entry(bytes(leaf))
            self._check_link(envelope, entry.link, head, seq)
            if not isinstance(entry, PartnerEntry):
                raise ChainError(f"budget book: entry {seq} is of a kind that no partner makes")
            list(account.take(entry))
            head = (seq, envelope.digest.hex())
        return head, account

    def _check_link(self, envelope: Envelope, link: Link, head: tuple[int, str], seq: int) -> None:
        key = self._key.public_key().public_bytes_raw()
        verify_envelope(envelope, payload_type=envelope.payload_type, keys={self._name: key})
        if (link.seq, link.prev) != (head[0] + 1, head[1]) or seq != link.seq:
            raise ChainError(f"budget book: entry {seq} does not follow the one before it")
