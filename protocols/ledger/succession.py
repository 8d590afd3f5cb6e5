"""Charters as a log puts them in force, one after another: who signed each, whose keys changed.

A name stands for one party for ever. A new key of it counts only if the key before has signed the
charter too: whoever else goes on in its place, even all others together, is found by this.
"""

from collections.abc import Iterable, Iterator, Mapping

from protocols.errors import PolicyError, SuccessionError, VerificationError
from protocols.ledger.canonical import digest
from protocols.ledger.charters import Charters
from protocols.ledger.entry import COORDINATOR, POLICY, Link
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

    def check_in_force(self, link: Link) -> Iterator[PolicyError]:
        """Yield an error if an entry's charter is not in force where it stands.

        What partners and auditor signed before they had seen a new charter may still come in; the
        coordinator itself has it.
        """
        charter, begun = link.charter, [terms.charter.hex() for _, terms in self._begun]
        if begun and charter not in begun:
            yield PolicyError(f"under charter {charter[:16]}, which the log does not hold yet")
        elif begun and charter != begun[-1]:
            after, _ = self._begun[begun.index(charter) + 1]
            if link.signer == COORDINATOR or link.pin.size > after:
                yield PolicyError(f"{link.signer} goes on under charter {charter[:16]}, now over")


def check_follows(before: Terms, after: Terms) -> None:
    """Raise unless a charter to be signed follows the one in force, as its signer holds that.

    Raises:
        SuccessionError: It follows another one, or a party is not who it was.
    """
    if after.succeeds[-1:] != (before.charter.hex(),):
        raise SuccessionError(
            f"it does not follow charter {before.charter.hex()[:16]}, which you hold; get the "
            "charter in force first"
        )
    for fault in check_parties([before], after):
        raise fault


def changes(before: Terms, after: Terms) -> list[str]:
    """Say what is other than in the charter before, for who is asked to sign."""
    lines = [f"leaves   {name}" for name in before.parties if name not in after.parties]
    lines += [f"joins    {name}" for name in after.parties if name not in before.parties]
    for what, old, new in (
        ("new key  of", before.parties, after.parties),
        ("new cosign key of", before.witnesses, after.witnesses),
    ):
        lines += [f"{what} {name}" for name in new if name in old and old[name] != new[name]]
    values = (
        ("released cap, micro", before.released_cap_micro, after.released_cap_micro),
        ("worst cap, micro", before.worst_cap_micro, after.worst_cap_micro),
        ("delta", float(before.delta), float(after.delta)),
        ("quorum", before.quorum, after.quorum),
        ("least cohort", before.minimum_cohort, after.minimum_cohort),
        ("least noise", float(before.minimum_noise), float(after.minimum_noise)),
        ("most rounds", before.most_rounds, after.most_rounds),
        ("code", before.code_digest[:16], after.code_digest[:16]),
    )
    lines += [f"changed  {what}: {old} to {new}" for what, old, new in values if old != new]
    return lines or ["changed  nothing that the log judges by"]


def check_parties(before: Iterable[Terms], after: Terms) -> Iterator[SuccessionError]:
    """Yield an error for each party that is not who it was under the charters before.

    Args:
        before: All of them, oldest first.
        after: What succeeds them.
    """
    past = list(before)
    auditors = {name for terms in past for name in terms.auditor}
    last = {name: key for terms in past for name, key in terms.parties.items()}
    for name, key in after.parties.items():
        if after.keys_before.get(name, key) != last.get(name, key):
            yield SuccessionError(f"{name} has another key, and the key before has not signed")
        if name in last and (name in auditors) != (name in after.auditor):
            yield SuccessionError(f"{name} cannot be partner and auditor of one log")
    yield from _check_keys([terms.parties for terms in past], after.parties)
    yield from _check_keys([terms.witnesses for terms in past], after.witnesses)


def _check_keys(
    before: Iterable[Mapping[str, bytes]], after: Mapping[str, bytes]
) -> Iterator[SuccessionError]:
    """Yield an error for each key that was somebody else's, or that was replaced already."""
    owners: dict[bytes, str] = {}
    last: dict[str, bytes] = {}
    for named in before:
        owners |= {key: name for name, key in named.items()}
        last |= named
    for name, key in after.items():
        if owners.get(key, name) != name:
            yield SuccessionError(f"{name} has the key that was {owners[key]}'s")
        elif key in owners and key != last[name]:
            yield SuccessionError(f"{name} has a key again that was replaced")
