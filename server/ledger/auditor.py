"""What the auditor says in the log: its reports, each in its turn."""

from protocols.errors import ChainError, PolicyError, RoleError
from protocols.ledger.entry import NO_ENTRY, AuditReport, Link, parse_entry
from protocols.ledger.envelope import verify_envelope
from protocols.ledger.pins import Pins, check_pin
from protocols.ledger.terms import Terms


class AuditorChain:
    """The auditor's entries, in its order."""

    def __init__(self, terms: Terms, pins: Pins) -> None:
        """Begin with nothing said.

        Args:
            terms: The charter's terms.
            pins: The log so far; kept up to date by the caller.
        """
        self._terms, self._pins = terms, pins
        self._last: tuple[Link | None, str] = (None, NO_ENTRY)

    def check(self, leaf: bytes) -> None:
        """Return if a leaf may stand next in the log.

        Raises:
            VerificationError: It is malformed, not the auditor's, out of its order, or such that a
                verifier would object to it.
        """
        envelope, entry = parse_entry(leaf)
        signer = entry.link.signer
        if not isinstance(entry, AuditReport) or signer not in self._terms.auditor:
            raise RoleError(f"{signer} may not add a {type(entry).__name__} outside of a run")
        keys = {signer: self._terms.auditor[signer]}
        verify_envelope(envelope, payload_type=entry.payload_type, keys=keys)
        if entry.link.charter != self._terms.charter.hex():
            raise PolicyError("the report is under another charter")
        before, name = self._last
        seq = -1 if before is None else before.seq
        if (entry.link.seq, entry.link.prev) != (seq + 1, name):
            raise ChainError(f"{signer}: entry {entry.link.seq} does not follow entry {seq}")
        for fault in (*check_pin(entry.link, before), *self._pins.check(entry.link)):
            raise fault

    def read(self, name: str, entry: AuditReport) -> None:
        """Take an entry that the log holds."""
        self._last = (entry.link, name)
