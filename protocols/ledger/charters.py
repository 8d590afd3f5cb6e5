"""The charters of one log: a later one succeeds all before it; each entry is judged by its own.

A successor may change partners, their keys, caps, delta and code. It keeps the log, the coordinator
and who adds how much of the noise: what was spent before is the same mu^2 after, and no charter
resets a budget.
"""

from collections.abc import Iterable, Iterator

from protocols.errors import ChainError, PolicyError, SuccessionError
from protocols.ledger.entry import Link
from protocols.ledger.terms import Terms


class Charters:
    """The latest charter, and what is known of those that it succeeds.

    Attributes:
        latest: Terms of the latest.
    """

    def __init__(self, latest: Terms, earlier: Iterable[Terms] = ()) -> None:
        """Begin with the latest.

        Args:
            latest: Obtained out of band, and signed by all whom it names.
            earlier: Those before it that are known.

        Raises:
            PolicyError: As ``add``.
        """
        self.latest = latest
        self._lineage = (*latest.succeeds, latest.charter.hex())
        self._known = {latest.charter.hex(): latest}
        for terms in earlier:
            self.add(terms)

    def add(self, terms: Terms) -> None:
        """Know a charter that the latest succeeds; its digest is what shows that it is.

        Raises:
            PolicyError: The latest does not succeed it.
            SuccessionError: The latest may not succeed it; it is known all the same.
        """
        name = terms.charter.hex()
        if (*terms.succeeds, name) != self._lineage[: len(terms.succeeds) + 1]:
            raise PolicyError(f"charter {name[:16]} is none that {self._lineage[-1][:16]} succeeds")
        self._known.setdefault(name, terms)
        if _kept(terms) != _kept(self.latest):
            raise SuccessionError("a charter keeps log, order key and noise of those before it")

    def leads_to_latest(self, charter: str) -> bool:
        """Return whether a charter, by its digest in hex, is the latest or one that it succeeds."""
        return charter in self._lineage

    def of(self, charter: str) -> Terms:
        """Return a charter's terms by its digest, hex.

        Raises:
            PolicyError: It is not known.
        """
        if charter not in self._known:
            raise PolicyError(f"under charter {charter[:16]}, which is not one of this log's")
        return self._known[charter]

    def number(self, charter: str) -> int:
        """Return how many charters a known one succeeds."""
        return self._lineage.index(charter)

    def check_turn(self, link: Link, before: Link | None) -> Iterator[ChainError]:
        """Yield an error if a signer goes back to an older charter than in its entry before."""
        if before is not None and self.number(link.charter) < self.number(before.charter):
            yield ChainError(f"{link.signer}: entry {link.seq} is under an older charter")


def _kept(terms: Terms) -> tuple[object, ...]:
    return terms.log, terms.order_key, terms.sharing
