"""Pins: all signers have seen one and the same log, and none of them an older one than before.

Dates are held against those that a signer has seen: an entry is not dated long before what two
others had dated by then. Two, since one signer with a wrong clock, or with a reason to lie, could
otherwise put all others in the wrong.
"""

from collections.abc import Callable, Iterator

from protocols.errors import (
    DateError,
    PinError,
    RollbackError,
    SplitViewError,
    VerificationError,
)
from protocols.ledger.entry import Link

CLOCKS_APART_S = 600  # how far two signers' clocks may be apart


def check_pin(link: Link, before: Link | None) -> Iterator[PinError]:
    """Yield an error if a signer pins an older checkpoint than in its entry before."""
    if before is not None and link.pin.size < before.pin.size:
        yield PinError(f"{link.signer}: entry {link.seq} pins an older checkpoint than before")


class Pins:
    """The log as its signers pinned it. Every leaf is recorded, in order."""

    def __init__(self, root_at: Callable[[int], bytes]) -> None:
        """Begin before the first leaf.

        Args:
            root_at: Returns the root over so many of the log's first leaves, 32 bytes.
        """
        self._root_at = root_at
        self._dates: dict[str, int] = {}  # by signer: its latest date
        self._second = [0]  # by number of leaves: the latest date that two signers agree on

    def check(self, link: Link) -> Iterator[VerificationError]:
        """Yield what is wrong with the pin and the date of an entry that comes next."""
        size, here = link.pin.size, len(self._second) - 1
        if size > here:
            yield RollbackError(
                f"{link.signer} has seen {size} leaves before this one, the log has {here}"
            )
            return
        if size and self._root_at(size).hex() != link.pin.root:
            yield SplitViewError(f"{link.signer} has seen another log of {size} leaves than this")
        if link.at + CLOCKS_APART_S < self._second[size]:
            yield DateError(
                f"{link.signer} dates its entry {link.seq} before entries that it had seen"
            )

    def record(self, link: Link | None) -> None:
        """Take the place and date of the next leaf; None if it is nobody's entry."""
        if link is not None:
            self._dates[link.signer] = max(link.at, self._dates.get(link.signer, 0))
        dates = sorted(self._dates.values())
        self._second.append(dates[-2] if len(dates) > 1 else 0)
