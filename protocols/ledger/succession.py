"""Charters as a log puts them in force, one after another: who signed each, whose keys changed.

A name stands for one party for ever. A new key of it counts only if the key before has signed the
charter too, so nobody else, not even all others together, can go on in its place.
"""

from collections.abc import Iterable, Iterator

from protocols.errors import PolicyError, SuccessionError, VerificationError
from protocols.ledger.canonical import digest
from protocols.ledger.charters import Charters
from protocols.ledger.entry import COORDINATOR, POLICY, Entry
from protocols.ledger.envelope import Envelope, verify_envelope
from protocols.ledger.terms import Terms, terms_in


class Succession:
    """The charters of a log in the order of its leaves.

    Attributes:
        charters: The latest one, and those that the log has shown so far.
        foreign: Position and digest of every charter in the log that does not lead to the latest.
    """

    def __init__(self, latest: Terms) -> None:
        """Begin before the first leaf.

        Args:
            latest: Of the last charter, obtained out of band.
        """
        self.charters = Charters(latest)
        self.foreign: list[tuple[int, str]] = []
        self._begun: list[tuple[int, Terms]] = []

    @property
    def begun(self) -> tuple[tuple[int, Terms], ...]:
        """Each charter that is or was in force, with its leaf's position."""
        return tuple(self._begun)

    @property
    def is_complete(self) -> bool:
        """Whether the latest charter is in force."""
        return bool(self._begun) and self._begun[-1][1].charter == self.charters.latest.charter

    def at(self, size: int) -> Terms:
        """Return what is in force after so many leaves; the latest before there is any."""
        begun = [terms for index, terms in self._begun if index < size]
        return begun[-1] if begun else self.charters.latest

    def take(self, index: int, envelope: Envelope) -> Iterator[VerificationError]:
        """Put a charter in force, unless it is a foreign one, and yield what is wrong with it.

        Raises:
            EntryError: It is no charter.
            PolicyError: It comes out of turn. Then it is not in force.
        """
        name = digest(envelope.payload).hex()
        if not self.charters.leads_to_latest(name):
            self.foreign.append((index, name))
            return
        terms, before = terms_in(envelope.payload), [item for _, item in self._begun]
        try:
            self.charters.add(terms)
        except SuccessionError as err:
            yield err
        if len(terms.succeeds) != len(before):
            raise PolicyError(
                f"a charter that succeeds {len(terms.succeeds)} stands after {len(before)}"
            )
        self._begun.append((index, self.charters.of(name)))
        try:
            verify_envelope(envelope, payload_type=POLICY, keys=terms.charter_signers)
        except VerificationError as err:
            yield err
        yield from check_parties(before, terms)

    def check_in_force(self, entry: Entry) -> Iterator[PolicyError]:
        """Yield an error if an entry's charter is not in force where it stands.

        What partners and auditor signed before they had a new charter may still come in; the
        coordinator itself has it.
        """
        charter, begun = entry.link.charter, [terms.charter.hex() for _, terms in self._begun]
        if begun and charter not in begun:
            yield PolicyError(f"under charter {charter[:16]}, which the log does not hold yet")
        elif begun and entry.link.signer == COORDINATOR and charter != begun[-1]:
            yield PolicyError(
                f"the coordinator goes on under charter {charter[:16]}, which is over"
            )


def check_parties(before: Iterable[Terms], after: Terms) -> Iterator[SuccessionError]:
    """Yield an error for each party that is not who it was under the charters before.

    Args:
        before: All of them, oldest first.
        after: What succeeds them.
    """
    keys: dict[str, bytes] = {}
    owners: dict[bytes, str] = {}
    auditors: set[str] = set()
    for terms in before:
        keys |= terms.parties
        owners |= {key: name for name, key in terms.parties.items()}
        auditors |= set(terms.auditor)
    for name, key in after.parties.items():
        if after.keys_before.get(name, key) != keys.get(name, key):
            yield SuccessionError(f"{name} has another key, and the key before has not signed")
        if owners.get(key, name) != name:
            yield SuccessionError(f"{name} has the key that was {owners[key]}'s")
        if name in keys and (name in auditors) != (name in after.auditor):
            yield SuccessionError(f"{name} cannot be partner and auditor of one log")
