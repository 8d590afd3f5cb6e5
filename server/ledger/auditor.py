"""What the auditor says in the log: its reports, each in its turn."""

from protocols.errors import ChainError, RoleError
from protocols.ledger.entry import NO_ENTRY, AuditReport, Link, parse_entry
from protocols.ledger.envelope import verify_envelope
from protocols.ledger.pins import Pins, check_pin
from protocols.ledger.succession import Succession


class AuditorChain:
    """The auditor's entries, in its order; those of each one, if charters named several."""

    def __init__(self, succession: Succession, pins: Pins) -> None:
        """Begin with nothing said.

        Args:
            succession: The charters that its entries are judged by; kept up to date by the caller.
            pins: The log so far; kept up to date by the caller.
        """
        self._succession, self._pins = succession, pins
        self._last: dict[str, tuple[Link, str]] = {}

    def check(self, leaf: bytes) -> None:
        """Return if a leaf may stand next in the log.

        Raises:
            VerificationError: It is malformed, not the auditor's, out of its order, or such that a
                verifier would object to it.
        """
        envelope, entry = parse_entry(leaf)
        signer, auditors = (
            entry.link.signer,
            self._succession.charters.of(entry.link.charter).auditor,
        )
        if not isinstance(entry, AuditReport) or signer not in auditors:
            raise RoleError(f"{signer} may not add a {type(entry).__name__} outside of a run")
        keys = {signer: auditors[signer]}
        verify_envelope(envelope, payload_type=entry.payload_type, keys=keys)
        before, name = self._last.get(signer, (None, NO_ENTRY))
        seq = -1 if before is None else before.seq
        if (entry.link.seq, entry.link.prev) != (seq + 1, name):
            raise ChainError(f"{signer}: entry {entry.link.seq} does not follow entry {seq}")
        for fault in (
            *check_pin(entry.link, before),
            *self._succession.charters.check_turn(entry.link, before),
            *self._succession.check_in_force(entry.link),
            *self._pins.check(entry.link),
        ):
            raise fault

    def read(self, name: str, entry: AuditReport) -> None:
        """Take an entry that the log holds."""
        self._last[entry.link.signer] = (entry.link, name)
