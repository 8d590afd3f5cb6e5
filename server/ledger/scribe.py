"""The scribe: writes the coordinator's entries, takes the partners', and proves them back."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import SuccessionError, VerificationError
from protocols.ledger.entry import (
    COORDINATOR,
    NO_ENTRY,
    POLICY,
    AuditReport,
    Authorise,
    Entry,
    Link,
    PartnerEntry,
    Pin,
    RoundOpen,
    entry_in,
    parse_entry,
    sign_entry,
)
from protocols.ledger.envelope import Envelope, parse_envelope
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.evidence import (
    Evidence,
    Inclusion,
    consistency,
    evidence_bytes,
    inclusion,
)
from protocols.ledger.pins import Pins
from protocols.ledger.rounds import Rounds
from protocols.ledger.succession import Succession, check_parties
from protocols.ledger.terms import Terms
from server.ledger.auditor import AuditorChain
from server.ledger.chain import PartnerChain
from server.ledger.log import Log
from server.ledger.witnesses import Witnesses


class Scribe:
    """One federation's log, indexed by who said what."""

    def __init__(
        self,
        log: Log,
        *,
        terms: Terms,
        key: Ed25519PrivateKey,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the log.

        Args:
            log: The log; empty, or under this charter, or under one that it succeeds.
            terms: The charter's terms.
            key: The coordinator's order key.
            clock: Seconds since 1970.

        Raises:
            VerificationError: The log is of another charter.
        """
        self._log, self._terms, self._key, self._clock = log, terms, key, clock
        self._succession = Succession(terms)
        self._places: dict[str, dict[int, int]] = {}
        self._rounds, self._pins = Rounds(self._succession.charters), Pins(log.tree.root_at)
        self._chains: dict[str, PartnerChain] = {}
        self._auditor = AuditorChain(self._succession, self._pins)
        self.witnesses = Witnesses(log, terms)
        self._head, self._latest = (-1, NO_ENTRY), 0
        self._admit(terms)
        for index, leaf in enumerate(log.leaves()):
            envelope = parse_envelope(leaf)
            if envelope.payload_type == POLICY:
                self._take_policy(index, envelope)
            else:
                self._note(index, envelope, entry_in(envelope))

    @property
    def in_force(self) -> str:
        """Digest of the charter that the log is under now, hex; empty before the first."""
        return self._succession.begun[-1][1].charter.hex() if self._succession.begun else ""

    @property
    def in_force_since(self) -> int:
        """Position of that charter's leaf in the log."""
        return self._succession.begun[-1][0]

    def check_successor(self) -> None:
        """Return if this charter may come after all that the log holds.

        Raises:
            SuccessionError: It does not succeed exactly the log's charters, a party is not who it
                was, or a partner has spent more than a cap.
        """
        held, succeeds = len(self._succession.begun), len(self._terms.succeeds)
        if held != succeeds:
            raise SuccessionError(f"the charter succeeds {succeeds}, and the log holds {held}")
        for fault in check_parties((x for _, x in self._succession.begun), self._terms):
            raise fault
        for name, chain in self._chains.items():
            for over in chain.check_caps():
                raise SuccessionError(
                    f"{name} may have spent more than this charter allows: {over}"
                )

    def enact(self, policy: Envelope) -> None:
        """Put this charter in force: its leaf is the log's first, or succeeds the one before.

        Args:
            policy: The charter, signed by all of its parties.

        Raises:
            SuccessionError: As ``check_successor``.
        """
        self.check_successor()
        index = self._log.append([policy.to_bytes()])
        self._take_policy(index, policy)

    def link(self, run: str) -> Link:
        """Return where the coordinator's next entry stands."""
        return Link(
            charter=self._terms.charter.hex(),
            signer=COORDINATOR,
            seq=self._head[0] + 1,
            prev=self._head[1],
            pin=Pin(self._log.tree.size, self._log.tree.root.hex()),
            at=self.now(),
            run=run,
        )

    def now(self) -> int:
        """Return the time, seconds since 1970, never before that of an entry of our own."""
        return max(int(self._clock()), self._latest)

    def sign(self, entry: Entry) -> Envelope:
        """Sign the coordinator's next entry; it must be appended before another is made."""
        envelope = sign_entry(entry, self._key)
        self._head = (entry.link.seq, envelope.digest.hex())
        return envelope

    def append(self, leaves: Sequence[bytes]) -> int:
        """Log leaves in one step under one new checkpoint; return the first one's index."""
        first = self._log.append(leaves)
        for index, leaf in enumerate(leaves, start=first):
            self._note(index, *parse_entry(leaf))
        return first

    def new_from(self, partner: str, leaves: bytes) -> list[bytes]:
        """Return those of a partner's leaves that are new, to be appended next.

        Raises:
            VerificationError: As ``PartnerChain.take``; then none is to be appended.
        """
        return self._chains[partner].take(leaves)

    def add_report(self, leaf: bytes) -> int:
        """Log what the auditor said, and return where it stands.

        Raises:
            VerificationError: As ``AuditorChain.check``; then it is not logged.
        """
        self._auditor.check(leaf)
        return self.append([leaf])

    def evidence(self, partner: str, leaves: bytes) -> bytes:
        """Return proof that the log holds each of these leaves of a partner, and only grew.

        An authorisation is shown under the last checkpoint with a quorum, everything else under the
        last one.
        """
        entries = [parse_entry(leaf)[1] for leaf in leaves.splitlines()]
        seqs = [entry.link.seq for entry in entries if entry.link.seq in self._places[partner]]
        last = max((self._places[partner][seq] for seq in seqs), default=-1)
        note, size, tree = self._log.note, self._log.size, self._log.tree
        is_new = any(isinstance(entry, Authorise) for entry in entries)
        if is_new and self._log.witnessed and last < self.witnesses.witnessed:
            note, size = self._log.witnessed, self.witnesses.witnessed
        known = sorted(self.witnesses.may_have_seen(partner))
        self.witnesses.hand_out(partner, size)
        evidence = Evidence(
            note=note,
            consistency=tuple(
                consistency(old, tree.consistency_path(old, size)) for old in known if old < size
            ),
            inclusions=tuple(self._inclusion(partner, seq, size) for seq in seqs),
        )
        return evidence_bytes(evidence)

    def _inclusion(self, partner: str, seq: int, size: int) -> Inclusion:
        index = self._places[partner][seq]
        return inclusion(seq, index, self._log.tree.inclusion_path(index, size=size))

    def last_seq(self, partner: str) -> int:
        """Return the number of a partner's last entry in the log; -1 if there is none."""
        return max(self._places[partner], default=-1)

    def entries(self) -> Iterator[tuple[Envelope, Entry]]:
        """Return every entry of the log that is no charter, in order."""
        for envelope in map(parse_envelope, self._log.leaves()):
            if envelope.payload_type != POLICY:
                yield envelope, entry_in(envelope)

    def said(self, partner: str, run: str) -> bytes:
        """Return what the log holds of a partner in one run, one entry a line."""
        said = (
            envelope.to_bytes()
            for envelope, entry in self.entries()
            if (entry.link.signer, entry.link.run) == (partner, run)
        )
        return b"\n".join(said)

    def prices(self, partners: Iterable[str]) -> dict[str, Epsilons]:
        """Return what each partner's borrowers may have spent, by the log."""
        return {name: self._chains[name].price for name in partners}

    def not_closed_by(self, run: str) -> tuple[str, ...]:
        """Return the partners that authorised a run and have not closed it, sorted."""
        return tuple(sorted(name for name, x in self._chains.items() if x.is_open(run)))

    @property
    def terms(self) -> Terms:
        """The charter's terms."""
        return self._terms

    @property
    def log(self) -> Log:
        """The log itself."""
        return self._log

    def _admit(self, terms: Terms) -> None:
        for name in terms.partners:
            self._places.setdefault(name, {})
            fresh = PartnerChain(
                name,
                succession=self._succession,
                rounds=self._rounds,
                pins=self._pins,
                clock=self._clock,
            )
            self._chains.setdefault(name, fresh)

    def _take_policy(self, index: int, policy: Envelope) -> None:
        for fault in self._succession.take(index, policy):
            raise fault
        if self._succession.foreign:
            raise VerificationError(
                "the log goes on under a later charter; use that one, or adopt it again"
                if index
                else "the log belongs to another charter; use another folder"
            )
        self._admit(self._succession.at(index + 1))
        self._pins.record(None)

    def _note(self, index: int, envelope: Envelope, entry: Entry) -> None:
        signer = entry.link.signer
        self._pins.record(entry.link)
        if signer == COORDINATOR:
            self._head, self._latest = (entry.link.seq, envelope.digest.hex()), entry.link.at
            if isinstance(entry, RoundOpen):
                list(self._rounds.open(envelope.digest.hex(), entry))
            return
        if isinstance(entry, AuditReport):
            self._auditor.read(envelope.digest.hex(), entry)
        if isinstance(entry, PartnerEntry):
            self._places[signer][entry.link.seq] = index
            self._chains[signer].read(envelope.digest.hex(), entry)
