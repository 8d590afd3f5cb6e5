"""What one partner has said so far, and whether its next words may stand in the log.

A partner's entries are judged by the auditor's own rules before they are logged: a log that took
everything would let one broken or hostile partner spoil the verdict on all.
"""

from collections.abc import Iterator

from protocols.errors import ChainError, PolicyError, SignatureError, VerificationError
from protocols.ledger.account import Account
from protocols.ledger.entry import NO_ENTRY, PartnerEntry, Spend, parse_entry
from protocols.ledger.envelope import Envelope, verify_envelope
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.rounds import Rounds
from protocols.ledger.terms import Terms


class PartnerChain:
    """One partner's entries, in its order."""

    def __init__(self, partner: str, *, terms: Terms, rounds: Rounds) -> None:
        """Begin with nothing said.

        Args:
            partner: Its name in the charter.
            terms: The charter's terms.
            rounds: The orders so far; kept up to date by the caller.
        """
        self._partner, self._terms, self._rounds = partner, terms, rounds
        self._said: list[tuple[str, PartnerEntry]] = []  # by seq: digest, and the entry
        self._account = Account(terms)

    @property
    def price(self) -> Epsilons:
        """What the partner's borrowers may have spent."""
        return self._account.price

    def take(self, leaves: bytes) -> list[bytes]:
        """Return those of the partner's leaves that are new, once all are shown to be right.

        Raises:
            VerificationError: One is malformed, another's, out of order, other than it was, or such
                that the auditor would object. Then none of them is taken.
        """
        before = len(self._said)
        try:
            return [leaf for leaf in leaves.splitlines() if self._is_new(leaf)]
        except VerificationError:
            del self._said[before:]
            self._account = Account(self._terms)
            for _, entry in self._said:
                list(self._account.take(entry))
            raise

    def read(self, name: str, entry: PartnerEntry) -> None:
        """Take an entry that the log holds already; it is the auditor's to judge."""
        if entry.link.seq >= len(self._said):
            list(self._judge(name, entry))

    def _is_new(self, leaf: bytes) -> bool:
        envelope, entry = self._read_own(leaf)
        name, seq = envelope.digest.hex(), entry.link.seq
        if seq < len(self._said):
            if self._said[seq][0] != name:
                raise ChainError(f"{self._partner}: entry {seq} is another than it was")
            return False
        last = self._said[-1][0] if self._said else NO_ENTRY
        if (seq, entry.link.prev) != (len(self._said), last):
            raise ChainError(f"{self._partner}: entry {seq} does not follow the one before it")
        for fault in self._judge(name, entry):
            raise fault
        return True

    def _read_own(self, leaf: bytes) -> tuple[Envelope, PartnerEntry]:
        envelope, entry = parse_entry(leaf)
        if entry.link.signer != self._partner or not isinstance(entry, PartnerEntry):
            raise SignatureError("a partner sent an entry that is not its own")
        keys = {self._partner: self._terms.partners[self._partner]}
        verify_envelope(envelope, payload_type=entry.payload_type, keys=keys)
        if entry.link.charter != self._terms.charter.hex():
            raise PolicyError("a partner sent an entry under another charter")
        return envelope, entry

    def _judge(self, name: str, entry: PartnerEntry) -> Iterator[VerificationError]:
        self._said.append((name, entry))
        if isinstance(entry, Spend):
            yield from self._rounds.spend(name, entry)
        yield from self._account.take(entry)
