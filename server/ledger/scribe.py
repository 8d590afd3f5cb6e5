"""The scribe: writes the coordinator's entries, takes the partners', and proves them back."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import VerificationError
from protocols.ledger.entry import (
    COORDINATOR,
    NO_ENTRY,
    Entry,
    Link,
    PartnerEntry,
    RoundOpen,
    parse_entry,
    sign_entry,
)
from protocols.ledger.envelope import Envelope
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.evidence import Evidence, evidence_bytes, inclusion
from protocols.ledger.rounds import Rounds
from protocols.ledger.terms import Terms
from server.ledger.chain import PartnerChain
from server.ledger.log import Log


class Scribe:
    """One federation's log, indexed by who said what."""

    def __init__(
        self,
        log: Log,
        *,
        terms: Terms,
        policy: Envelope,
        key: Ed25519PrivateKey,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the log, or begin it with the signed charter.

        Args:
            log: The log.
            terms: The charter's terms.
            policy: The charter, signed by all; the first leaf.
            key: The coordinator's order key.
            clock: Seconds since 1970.

        Raises:
            VerificationError: The log begins with another charter.
        """
        self._log, self._terms, self._key, self._clock = log, terms, key, clock
        self._places: dict[str, dict[int, int]] = {name: {} for name in terms.partners}
        self._rounds = Rounds(terms)
        self._chains = {
            name: PartnerChain(name, terms=terms, rounds=self._rounds) for name in terms.partners
        }
        self._head = (-1, NO_ENTRY)
        if log.size == 0:
            log.append([policy.to_bytes()])
        if log.leaf(0) != policy.to_bytes():
            raise VerificationError("the log belongs to another charter; use another folder")
        for index, leaf in enumerate(log.leaves()):
            if index:
                self._note(index, *parse_entry(leaf))

    def link(self, run: str) -> Link:
        """Return where the coordinator's next entry stands."""
        return Link(
            charter=self._terms.charter.hex(),
            signer=COORDINATOR,
            seq=self._head[0] + 1,
            prev=self._head[1],
            at=int(self._clock()),
            run=run,
        )

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

    def evidence(self, partner: str, leaves: bytes) -> bytes:
        """Return proof that the log holds each of these leaves of a partner."""
        places = self._places[partner]
        seqs = [parse_entry(leaf)[1].link.seq for leaf in leaves.splitlines()]
        proofs = [
            inclusion(seq, places[seq], self._log.inclusion_path(places[seq]))
            for seq in seqs
            if seq in places
        ]
        return evidence_bytes(Evidence(note=self._log.note, inclusions=tuple(proofs)))

    def last_seq(self, partner: str) -> int:
        """Return the number of a partner's last entry in the log; -1 if there is none."""
        return max(self._places[partner], default=-1)

    def entries(self) -> Iterator[tuple[Envelope, Entry]]:
        """Return every entry of the log after the charter, in order."""
        return (parse_entry(leaf) for leaf in islice(self._log.leaves(), 1, None))

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

    @property
    def log(self) -> Log:
        """The log itself."""
        return self._log

    def _note(self, index: int, envelope: Envelope, entry: Entry) -> None:
        signer = entry.link.signer
        if signer == COORDINATOR:
            self._head = (entry.link.seq, envelope.digest.hex())
            if isinstance(entry, RoundOpen):
                list(self._rounds.open(envelope.digest.hex(), entry))
            return
        self._places[signer][entry.link.seq] = index
        if isinstance(entry, PartnerEntry):
            self._chains[signer].read(envelope.digest.hex(), entry)
