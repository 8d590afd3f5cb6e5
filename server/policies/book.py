"""The policy book: which policy is active for a product at an instant, and who stands for it.

Pure: entries in, a book out, which never changes. Instants are whole seconds since 1970 inside.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple

from protocols.contracts.limit_policy import LimitPolicy
from protocols.errors import RollbackError, TurnError
from server.policies.acts import FIRST

Status = Literal["draft", "approved", "active", "replaced", "retired"]

NO_POLICIES: Mapping[bytes, LimitPolicy] = MappingProxyType({})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Life:
    """What became of one policy so far.

    Attributes:
        file_digest: SHA-256 of its file, 32 bytes.
        author: Who submitted it.
        approver: Who approved it, or None: it is a draft.
        proof_digest: SHA-256 of what its proof said, or None.
        submitted_s, approved_s: When; seconds since 1970.
        retired_s: From when on it is never active; None if it is not retired.
    """

    product: str
    file_digest: bytes
    author: str
    submitted_s: int
    approver: str | None = None
    proof_digest: bytes | None = None
    approved_s: int | None = None
    retired_s: int | None = None

    def is_retired(self, at_s: int) -> bool:
        """Return whether it is never active from then on."""
        return self.retired_s is not None and self.retired_s <= at_s


class Change(NamedTuple):
    """From ``since_s`` on a product has this policy, or none; of equals the later act counts."""

    since_s: int
    seq: int
    policy: bytes | None


class Span(NamedTuple):
    """A policy was, is or will be active from ``since_s`` until before ``until_s``, or for ever."""

    policy: bytes
    since_s: int
    until_s: int | None


class Stands(NamedTuple):
    """Who answers for a policy; ``approver`` is None for a draft."""

    author: str
    approver: str | None


@dataclass(frozen=True)
class Book:
    """All that the acts so far come to.

    Attributes:
        lives: By digest of the policy, in the order in which they were submitted.
        changes: By product, sorted.
        links: Digest of each line, in order.
        policies: By digest, as their files say.
    """

    lives: Mapping[bytes, Life]
    changes: Mapping[str, Sequence[Change]]
    links: tuple[bytes, ...]
    policies: Mapping[bytes, LimitPolicy] = field(default_factory=lambda: NO_POLICIES)

    @property
    def head(self) -> bytes:
        """Return the digest of the last line, which stands for the whole book; zeros if empty."""
        return self.links[-1] if self.links else FIRST

    def active(self, product: str, at: datetime) -> LimitPolicy | None:
        """Return the policy of a product at an aware instant, or None if it has none then."""
        found = self.active_digest(product, at)
        return None if found is None else self.policies[found]

    def active_digest(self, product: str, at: datetime) -> bytes | None:
        """Return the digest of ``active``."""
        return self._active(product, seconds_of(at))

    def active_products(self, at: datetime) -> list[str]:
        """Return the products that have a policy at an aware instant."""
        at_s = seconds_of(at)
        return [product for product in self.changes if self._active(product, at_s) is not None]

    def policy(self, digest: bytes) -> LimitPolicy:
        """Return a policy that was ever submitted, retired ones too.

        Raises:
            TurnError: There is none of that digest.
        """
        self.life(digest)
        return self.policies[digest]

    def officers_of(self, digest: bytes) -> Stands:
        """Return who answers for a policy.

        Raises:
            TurnError: There is none of that digest.
        """
        life = self.life(digest)
        return Stands(life.author, life.approver)

    def life(self, digest: bytes) -> Life:
        """Return what became of a policy.

        Raises:
            TurnError: There is none of that digest.
        """
        if digest not in self.lives:
            raise TurnError("policy: none of that digest was submitted")
        return self.lives[digest]

    def spans(self, product: str) -> list[Span]:
        """Return when each policy was, is or will be active, by what is known; earliest first."""
        changes = self.changes.get(product, ())
        named = {change.policy for change in changes if change.policy is not None}
        retired = (self.lives[digest].retired_s for digest in named)
        ends = {end_s for end_s in retired if end_s is not None}
        instants = sorted(ends.union(change.since_s for change in changes))
        spans: list[Span] = []
        for since_s, until_s in zip(instants, [*instants[1:], None], strict=False):
            found = self._active(product, since_s)
            if found is None:
                continue
            if spans and (spans[-1].policy, spans[-1].until_s) == (found, since_s):
                spans[-1] = spans[-1]._replace(until_s=until_s)
            else:
                spans.append(Span(found, since_s, until_s))
        return spans

    def spans_of(self, digest: bytes) -> list[Span]:
        """Return when one policy was, is or will be active."""
        product = self.life(digest).product
        return [span for span in self.spans(product) if span.policy == digest]

    def in_force(self, at: datetime) -> list[bytes]:
        """Return the policies that are active at an aware instant, or will be later."""
        at_s = seconds_of(at)
        spans = [span for product in self.changes for span in self.spans(product)]
        ahead = [span.policy for span in spans if span.until_s is None or span.until_s > at_s]
        return list(dict.fromkeys(ahead))

    def status(self, digest: bytes, at: datetime) -> Status:
        """Return where in its life a policy is at an aware instant."""
        life, at_s = self.life(digest), seconds_of(at)
        if life.is_retired(at_s):
            return "retired"
        if life.approver is None:
            return "draft"
        if self._active(life.product, at_s) == digest:
            return "active"
        was_active = any(span.since_s <= at_s for span in self.spans_of(digest))
        return "replaced" if was_active else "approved"

    def _active(self, product: str, at_s: int) -> bytes | None:
        changes = self.changes.get(product, ())
        place = bisect_right(changes, at_s, key=lambda change: change.since_s)
        found = changes[place - 1].policy if place else None
        # What would be active, but is retired, leaves none: nobody chose the one before it again.
        return None if found is None or self.lives[found].is_retired(at_s) else found


def check_seen(book: Book, head: str) -> Book:
    """Return a book that goes on from one whose head, hex, was noted before.

    Raises:
        RollbackError: It does not: lines that were there are gone, or it is another book.
    """
    if head not in {link.hex() for link in (FIRST, *book.links)}:
        raise RollbackError("book.jsonl: does not go on from the head that was seen before")
    return book


def seconds_of(at: datetime) -> int:
    """Return an aware instant as whole seconds since 1970, rounded down."""
    return (at - _EPOCH) // _SECOND


def instant_of(seconds: int) -> datetime:
    """Return whole seconds since 1970 as an instant in UTC."""
    return _EPOCH + seconds * _SECOND
