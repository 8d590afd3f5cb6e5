"""What an officer does to policies: checked against the whole book, signed, and on disk."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import ConfigError, ContractError, TurnError
from protocols.ledger.canonical import digest
from protocols.ledger.envelope import key_id
from server.policies.acts import (
    NOTICE_S,
    Act,
    Activate,
    Approve,
    Entry,
    Place,
    RetirePolicy,
    RetireProduct,
    Submit,
    sign_act,
)
from server.policies.book import Book, seconds_of
from server.policies.errors import UnprovenPolicyError
from server.policies.folder import MOST_FILE_BYTES, PolicyFolder
from server.policies.folding import Folding
from server.policies.officers import check_allowed, read_officers
from server.policies.proof import Proof, Prove
from server.policies.reading import (
    policy_from_bytes,
    read_entries,
    verify_book,
    with_policies,
)

Clock = Callable[[], datetime]

_NOT_YET = "0" * 64  # in place of a proof's digest, to ask whether an approval would be allowed
_NO_LINE = bytes(32)  # of an act that is not signed; no act follows it


def utc_now() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)


class Taken(NamedTuple):
    """What is active from an instant on because of an act.

    Attributes:
        product: Whose policy changes.
        since_s: Seconds since 1970.
    """

    product: str
    since_s: int


@dataclass(frozen=True)
class Signer:
    """Somebody who may act on the policies of one folder.

    Every method checks the whole book first, and raises VerificationError if it is not what it
    was, or if the act breaks a rule; then nothing was written. ConfigError: a file cannot be read
    or written, or the policy's digest is unknown.

    Attributes:
        path: The folder.
        key: Signs; its public half is in ``officers.toml``.
        clock: Says when.
    """

    path: Path
    key: Ed25519PrivateKey
    clock: Clock = utc_now

    def submit(self, raw: bytes, *, where: str) -> bytes:
        """Hand in a policy's file as a draft, and return the policy's digest.

        Raises:
            ContractError: It does not load, or names another author than the officer.
        """
        if len(raw) > MOST_FILE_BYTES:
            raise ConfigError(f"{where}: expected at most {MOST_FILE_BYTES} bytes")
        policy = policy_from_bytes(raw, where=where)
        named = policy.digest

        def made(place: Place) -> Act:
            if place.officer != policy.author:
                raise ContractError(f"{where}: author must be {place.officer}, who hands it in")
            return Submit(place, policy=named.hex(), file=digest(raw).hex(), product=policy.product)

        path = self._folder.policy_file(named)
        self._act(made, before=lambda: self._folder.keep(path, raw))
        return named

    def approve(self, policy: bytes, *, prove: Prove) -> Proof:
        """Approve another person's draft, once its proof was run and finds nothing.

        Raises:
            UnprovenPolicyError: The proof finds a counterexample.
        """
        proposed = verify_book(self.path).policy(policy)
        # A proof takes a minute, which nobody should wait who may not approve.
        self._next(lambda place: Approve(place, policy=policy.hex(), proof=_NOT_YET))
        proof = prove(proposed)
        if proof.counterexamples:
            raise UnprovenPolicyError("approve: the policy fails its proof", said=proof.said)
        path = self._folder.proof_file(proof.digest)
        self._act(
            lambda place: Approve(place, policy=policy.hex(), proof=proof.digest.hex()),
            before=lambda: self._folder.keep(path, proof.raw),
        )
        return proof

    def activate(self, policy: bytes, *, since: datetime | None = None) -> Taken:
        """Make an approved policy the one of its product from an instant on; None: as soon as can.

        Whichever is active then ends then. To roll back is to activate an earlier one again.
        """
        product = verify_book(self.path).life(policy).product

        def made(place: Place) -> Act:
            since_s = _since(since, place)
            return Activate(place, policy=policy.hex(), product=product, since=since_s)

        return self._taken(product, self._act(made))

    def retire_policy(self, policy: bytes, *, since: datetime | None = None) -> Taken:
        """Let a policy never be active again from an instant on; None: as soon as can be."""
        product = verify_book(self.path).life(policy).product
        act = self._act(
            lambda place: RetirePolicy(place, policy=policy.hex(), since=_since(since, place))
        )
        return self._taken(product, act)

    def retire_product(self, product: str, *, since: datetime | None = None) -> Taken:
        """Let a product have no policy from an instant on; None: as soon as can be."""
        act = self._act(
            lambda place: RetireProduct(place, product=product, since=_since(since, place))
        )
        return self._taken(product, act)

    @property
    def _folder(self) -> PolicyFolder:
        return PolicyFolder(self.path)

    def _taken(self, product: str, act: Act) -> Taken:
        assert isinstance(act, Activate | RetirePolicy | RetireProduct)
        return Taken(product, act.since)

    def _act(
        self, made: Callable[[Place], Act], *, before: Callable[[], object] = lambda: None
    ) -> Act:
        """Add what is made of the next place to the book; ``before`` writes what it names."""
        with self._folder.writing():
            act = self._next(made)
            before()
            self._folder.append(sign_act(act, self.key).to_bytes())
        return act

    def _next(self, made: Callable[[Place], Act]) -> Act:
        """Return what is made of the next place, once no rule and no role forbids it."""
        folder = self._folder
        officers, folding = read_officers(folder.officers), Folding()
        for entry in read_entries(folder, officers):
            folding.take(entry)
        book = with_policies(folder, folding.book())
        officer = officers.holder_of(key_id(self.key.public_key()))
        now_s = seconds_of(self.clock())
        act = made(Place(len(book.links), book.head.hex(), officer.name, now_s))
        check_allowed(act, officer)
        folding.take(Entry(act, _NO_LINE))
        return act


def resolve(book: Book, text: str) -> bytes:
    """Return the digest that begins with ``text``, hex.

    Raises:
        TurnError: No policy's does, or several do.
    """
    found = [named for named in book.lives if named.hex().startswith(text.lower())]
    if len(found) != 1 or not text:
        several = "several policies begin so; give more digits" if found and text else "no policy"
        raise TurnError(f"policy: {several}; fedscore-server policy list shows them")
    return found[0]


def _since(asked: datetime | None, place: Place) -> int:
    if asked is None:
        return place.at + NOTICE_S
    if asked.tzinfo is None or asked.microsecond:
        raise ConfigError("from: expected an instant in whole seconds, with its time zone")
    return seconds_of(asked)
