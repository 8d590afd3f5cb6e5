"""One partner's entries as it signed them: each follows the one before, and all are priced."""

from collections.abc import Iterator

from protocols.errors import ChainError, SignatureError, VerificationError
from protocols.ledger.account import Account
from protocols.ledger.charters import Charters
from protocols.ledger.entry import NO_ENTRY, NO_PIN, Link, PartnerEntry, Pin, parse_entry
from protocols.ledger.envelope import Envelope, verify_envelope
from protocols.ledger.pins import check_pin


class Chain:
    """A partner's entries in its order. Who holds it decides what becomes of faults.

    Attributes:
        account: What the entries so far promise and spend.
    """

    def __init__(self, partner: str, charters: Charters) -> None:
        """Begin with nothing said.

        Args:
            partner: Its name.
            charters: What entries are judged by, and the partner's keys.
        """
        self.account = Account(charters)
        self._partner, self._charters = partner, charters
        self._names: list[str] = []  # digest of each entry, by its number
        self._last: Link | None = None

    @property
    def last_seq(self) -> int:
        """Number of the last entry; -1 before the first."""
        return len(self._names) - 1

    @property
    def pin(self) -> Pin:
        """What the last entry pins."""
        return self._last.pin if self._last else NO_PIN

    def link(self, run: str, *, at: int, pin: Pin) -> Link:
        """Return where the partner's next entry stands."""
        return Link(
            charter=self._charters.latest.charter.hex(),
            signer=self._partner,
            seq=len(self._names),
            prev=self._names[-1] if self._names else NO_ENTRY,
            pin=pin,
            at=at,
            run=run,
        )

    def name_of(self, seq: int) -> str:
        """Return the digest of an entry by its number, hex."""
        return self._names[seq]

    def read(self, leaf: bytes) -> tuple[Envelope, PartnerEntry]:
        """Parse an entry that must be this partner's own; takes nothing.

        Raises:
            EntryError: Malformed.
            SignatureError: Not the partner's, or of a kind that no partner makes.
            PolicyError: Under a charter that is not known.
        """
        envelope, entry = parse_entry(leaf)
        if entry.link.signer != self._partner or not isinstance(entry, PartnerEntry):
            raise SignatureError(f"{self._partner}: an entry is not this partner's own")
        partners = self._charters.of(entry.link.charter).partners
        if self._partner not in partners:
            raise SignatureError(f"{self._partner}: an entry is under a charter without it")
        keys = {self._partner: partners[self._partner]}
        verify_envelope(envelope, payload_type=entry.payload_type, keys=keys)
        return envelope, entry

    def take(self, name: str, entry: PartnerEntry) -> Iterator[VerificationError]:
        """Take the partner's next entry, and yield what an auditor would object to.

        Raises:
            ChainError: It does not follow the one before it. Then it is not taken.
        """
        link = entry.link
        expected = self.link(link.run, at=link.at, pin=link.pin)
        if (link.seq, link.prev) != (expected.seq, expected.prev):
            raise ChainError(f"{self._partner}: entry {link.seq} does not follow the one before it")
        yield from check_pin(link, self._last)
        yield from self._charters.check_turn(link, self._last)
        self._names.append(name)
        self._last = link
        yield from self.account.take(name, entry)
