"""The policies that a server decides by: the book's, followed by a thread beside the calls."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from protocols.contracts.applicants import RequestError, Violation
from protocols.contracts.limit_policy import LimitPolicy
from protocols.decision_errors import GoneError
from protocols.errors import ContractError, RollbackError, SplitViewError, TurnError
from server.following import Followed, Following
from server.policies.book import Book, seconds_of
from server.policies.errors import NoActivePolicyError
from server.policies.folder import FileState, PolicyFolder
from server.policies.reading import verify_book

_LOG = logging.getLogger(__name__)
_FOLLOWED = Followed("policies", "policies not taken", "policies are followed again")


class Policies:
    """A policy book that is kept up with its folder; another book than before is never taken."""

    def __init__(
        self,
        path: Path,
        *,
        currency: str,
        clock: Callable[[], datetime],
        look_every_s: float = 1.0,
    ) -> None:
        """Check the whole book, then look for more until closed.

        Args:
            path: The folder.
            currency: Of the releases that are served; policies in force must be in it.
            clock: Says what is in force.
            look_every_s: Time between two looks. A change is known at the look after it, and
                takes effect ``NOTICE_S`` after it was signed.

        Raises:
            ConfigError: A file cannot be read, or the officers' breaks a rule.
            ContractError: A policy that is or will be active is in another currency.
            VerificationError: The book is not what officers signed.
        """
        self._path, self._currency, self._clock = path, currency, clock
        # Before reading, so that what comes meanwhile shows at the next look.
        self._seen: tuple[FileState, FileState] | None = PolicyFolder(path).state()
        self._book = verify_book(path)
        self._check_currency(self._book)
        self._following = Following(self._take, _FOLLOWED, _LOG, look_every_s=look_every_s)

    @property
    def book(self) -> Book:
        """The book as it is known now."""
        return self._book

    @property
    def problem(self) -> str | None:
        """Why the folder is not followed, or None; what was known before still counts."""
        return self._following.problem

    def for_question(self, product: str, at: datetime) -> LimitPolicy:
        """Return the policy that decides a question.

        Args:
            product: What is asked for; "" is the only product that has a policy.
            at: When it is decided, aware.

        Raises:
            NoActivePolicyError: None is active then.
            RequestError: Several products have one, and the question names none.
        """
        book = self._book  # once: it may be replaced meanwhile
        named = product or _only(book.active_products(at))
        digest = book.active_digest(named, at)
        if digest is None:
            raise NoActivePolicyError("no limit policy is active for the product")
        return book.policies[digest]

    def by_digest(self, digest: bytes) -> LimitPolicy | None:
        """Return a policy, active or not any more; None of one that the book does not know."""
        return self._book.policies.get(digest)

    def officers_of(self, digest: bytes) -> Collection[str]:
        """Return who wrote and approved a policy.

        Raises:
            GoneError: The book does not know it, so that nobody may act as if they had no part.
        """
        try:
            return [name for name in self._book.officers_of(digest) if name is not None]
        except TurnError as err:
            raise GoneError("the policy of the decision is not in the book") from err

    def close(self) -> None:
        """Stop looking; what was known last stays."""
        self._following.close()

    def look(self) -> None:
        """Take what was added since; if that fails keep all as it was, and name the problem."""
        self._following.look()

    def _take(self) -> None:
        state = PolicyFolder(self._path).state()
        if state == self._seen:
            return
        self._seen = None  # until all of it is taken
        self._take_book()
        self._seen = state

    def _take_book(self) -> None:
        before = self._book
        book = verify_book(self._path, at_hand=before.policies)
        _check_goes_on(before, book)
        self._check_currency(book)
        if book.links == before.links:
            return
        self._book = book  # one assignment: a reader sees all of the old or all of the new
        _LOG.info("policies taken", extra={"acts": len(book.links), "head": book.head.hex()})
        self._warn_of_late(book, len(before.links))

    def _warn_of_late(self, book: Book, known: int) -> None:
        """Log what took effect before it was known here: clocks differ, or files came too late."""
        now_s = seconds_of(self._clock())
        changes = [change for made in book.changes.values() for change in made]
        late = [now_s - one.since_s for one in changes if one.seq >= known and one.since_s < now_s]
        if late:
            _LOG.warning("policy known after it took effect", extra={"late_s": max(late)})

    def _check_currency(self, book: Book) -> None:
        for digest in book.in_force(self._clock()):
            if book.policies[digest].currency != self._currency:
                raise ContractError(
                    f"policy {digest.hex()}: currency must be {self._currency}, as in the release"
                )


def _only(products: list[str]) -> str:
    if not products:
        raise NoActivePolicyError("no limit policy is active")
    if len(products) > 1:
        rule = "must name one of the products, since several have an active policy"
        raise RequestError([Violation("product", rule)])
    return products[0]


def _check_goes_on(before: Book, after: Book) -> None:
    """Raise unless a book begins with all of another: what was signed cannot be taken back.

    Raises:
        RollbackError: It is shorter.
        SplitViewError: It says something else.
    """
    if after.links[: len(before.links)] == before.links:
        return
    if before.links[: len(after.links)] == after.links:
        raise RollbackError("book.jsonl: is shorter than it was; restore it from a newer copy")
    raise SplitViewError("book.jsonl: is another book than it was; restore the one that it was")
