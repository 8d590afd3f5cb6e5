"""What one partner has said so far, and whether its next words may stand in the log.

A partner's entries are judged by the auditor's own rules before they are logged: a log that took
everything would let one broken or hostile partner spoil the verdict on all.
"""

from collections.abc import Callable, Iterator
from itertools import islice

from protocols.errors import ChainError, DateError, VerificationError
from protocols.ledger.chain import Chain
from protocols.ledger.entry import Link, PartnerEntry, Spend
from protocols.ledger.epsilons import Epsilons
from protocols.ledger.pins import CLOCKS_APART_S, Pins
from protocols.ledger.rounds import Rounds
from protocols.ledger.succession import Succession

MOST_NEW = 256  # entries of one reply; an honest one has a few


class PartnerChain:
    """One partner's entries, in its order."""

    def __init__(
        self,
        partner: str,
        *,
        succession: Succession,
        rounds: Rounds,
        pins: Pins,
        clock: Callable[[], float],
    ) -> None:
        """Begin with nothing said.

        Args:
            partner: Its name in the charter.
            succession: The charters that its entries are judged by; kept up to date by the caller.
            rounds: The orders so far; kept up to date by the caller.
            pins: The log so far; kept up to date by the caller.
            clock: Seconds since 1970.
        """
        self._partner, self._succession, self._rounds = partner, succession, rounds
        self._pins, self._clock = pins, clock
        self._said: list[tuple[str, PartnerEntry]] = []  # digest and entry, to go back to
        self._chain = self._rebuilt()

    @property
    def price(self) -> Epsilons:
        """What the partner's borrowers may have spent."""
        return self._chain.account.price

    def check_caps(self) -> Iterator[VerificationError]:
        """Yield an error for each cap of the latest charter that ``price`` is above."""
        return self._chain.account.check_caps()

    def is_open(self, run: str) -> bool:
        """Return whether the partner has not closed a run that it authorised."""
        return self._chain.account.is_open(run)

    def take(self, leaves: bytes) -> list[bytes]:
        """Return those of the partner's leaves that are new, once all are shown to be right.

        They are at most ``MOST_NEW``; a partner that has more sends them again.

        Raises:
            VerificationError: One is malformed, another's, out of order, other than it was, or such
                that the auditor would object. Then none of them is taken.
        """
        before = len(self._said)
        try:
            new = (leaf for leaf in leaves.splitlines() if self._is_new(leaf))
            return list(islice(new, MOST_NEW))
        except VerificationError:
            del self._said[before:]
            self._chain = self._rebuilt()
            raise

    def read(self, name: str, entry: PartnerEntry) -> None:
        """Take an entry that the log holds already; it is the auditor's to judge."""
        if entry.link.seq > self._chain.last_seq:
            list(self._judge(name, entry))

    def _is_new(self, leaf: bytes) -> bool:
        envelope, entry = self._chain.read(leaf)
        name, seq = envelope.digest.hex(), entry.link.seq
        if seq <= self._chain.last_seq:
            if self._chain.name_of(seq) != name:
                raise ChainError(f"{self._partner}: entry {seq} is another than it was")
            return False
        for fault in (*self._check_now(entry.link), *self._judge(name, entry)):
            raise fault
        return True

    def _check_now(self, link: Link) -> Iterator[VerificationError]:
        """Yield what is wrong with an entry that is logged next, at this hour."""
        yield from self._pins.check(link)
        yield from self._succession.check_in_force(link)
        if link.at > self._clock() + CLOCKS_APART_S:
            yield DateError(f"{self._partner} dates its entry {link.seq} after now")

    def _judge(self, name: str, entry: PartnerEntry) -> Iterator[VerificationError]:
        faults = list(self._chain.take(name, entry))
        self._said.append((name, entry))
        if isinstance(entry, Spend):
            yield from self._rounds.spend(name, entry)
        yield from faults

    def _rebuilt(self) -> Chain:
        chain = Chain(self._partner, self._succession.charters)
        for name, entry in self._said:
            list(chain.take(name, entry))
        return chain
