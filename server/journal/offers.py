"""Offers that stand: what one borrower may still take up, counted before another is made.

Two answers about one borrower at the same moment would each see the same debts, and together give
more than either may. So an answer says beside which offers it was decided, and is stored only if
those are the ones that stand at that instant; see docs/limits.md, "Offers that stand".
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from protocols.contracts.money import MAX_MINOR

_TAG = b"fedscore/obligor/v1"


class Offer(NamedTuple):
    """What an answer offers to one borrower; times are microseconds since 1970.

    Attributes:
        obligor: Whom; see ``obligor_of``.
        counted: Answers whose offers the question counts itself.
        offered_minor: What other offers were taken to stand for; None if it made no difference.
        line_minor: What the borrower had of it before.
        limit_minor: What the borrower has of it now.
        stands_until: When it lapses.
    """

    obligor: bytes
    counted: frozenset[str]
    offered_minor: int | None
    line_minor: int
    limit_minor: int
    stands_until: int


class Raised(NamedTuple):
    """What a person gives over an answer: its offer stands for no less, and lapses no sooner."""

    answer_id: str
    limit_minor: int
    stands_until: int


class StandingOffer(NamedTuple):
    """An offer as it is stored."""

    answer_id: str
    obligor: bytes
    line_minor: int
    limit_minor: int
    stands_until: int

    @property
    def added_minor(self) -> int:
        """By how much the borrower may owe more; a lower limit takes nothing off other offers."""
        return max(0, self.limit_minor - self.line_minor)


def obligor_of(tenant: str, currency: str, subject: str) -> bytes:
    """Return the name under which offers to a borrower are counted.

    It does not say who that is, but shows whether a guess was right.
    """
    # No tenant's name, currency or subject holds a NUL, so no two of these have the same bytes.
    named = "\0".join((tenant, currency, subject)).encode()
    return hashlib.sha256(_TAG + b"\0" + named).digest()


def offered_minor(offers: Iterable[StandingOffer], counted: frozenset[str], now: int) -> int:
    """Return what a borrower's offers stand for, but for those that the question counts itself.

    Args:
        offers: All to this borrower.
        counted: Answers that do not count.
        now: Microseconds since 1970.
    """
    total = sum(
        offer.added_minor
        for offer in offers
        if offer.answer_id not in counted and offer.stands_until > now
    )
    return min(total, MAX_MINOR)
