"""The rules of the policy book: entries one after the other become a book, or are refused."""

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import assert_never

from protocols.errors import ChainError, DateError, RoleError, TurnError
from server.policies.acts import (
    FIRST,
    NOTICE_S,
    Act,
    Activate,
    Approve,
    Entry,
    RetirePolicy,
    RetireProduct,
    Submit,
)
from server.policies.book import Book, Change, Life


def fold(entries: Sequence[Entry]) -> Book:
    """Return what entries come to, whose signatures were verified; the policies are not in it.

    What a book says of an instant never changes by later entries, from ``NOTICE_S`` after the
    last one backwards.

    Raises:
        ChainError: An entry does not follow the one before it.
        DateError: It is dated before the one before it, or takes effect too early to be known.
        TurnError: It does not fit what was done before.
        RoleError: An author approves what he submitted.
    """
    folding = Folding()
    for entry in entries:
        folding.take(entry)
    return folding.book()


class Folding:
    """Takes one entry after the other; one that is refused leaves it as it was."""

    def __init__(self) -> None:
        """Begin with an empty book."""
        self._lives: dict[bytes, Life] = {}
        self._changes: dict[str, list[Change]] = {}
        self._links: list[bytes] = []
        self._last_s = 0

    def book(self) -> Book:
        """Return what was taken so far."""
        lives = MappingProxyType({**self._lives})
        changes = {product: tuple(sorted(made)) for product, made in self._changes.items()}
        return Book(lives, MappingProxyType(changes), tuple(self._links))

    def take(self, entry: Entry) -> None:
        """Take one more entry; raises as ``fold`` does."""
        act = entry.act
        self._check_place(act)
        match act:
            case Submit():
                self._submit(act)
            case Approve():
                self._approve(act)
            case Activate():
                self._activate(act)
            case RetirePolicy():
                self._retire_policy(act)
            case RetireProduct():
                self._retire_product(act)
            case _:
                assert_never(act)
        self._links.append(entry.digest)
        self._last_s = act.place.at

    def _check_place(self, act: Act) -> None:
        before = self._links[-1] if self._links else FIRST
        if (act.place.seq, act.place.prev) != (len(self._links), before.hex()):
            raise ChainError("an act does not follow the one before it")
        if act.place.at < self._last_s:
            raise DateError("an act is dated before the one before it; are the clocks right?")

    def _submit(self, act: Submit) -> None:
        digest = bytes.fromhex(act.policy)
        if digest in self._lives:
            raise TurnError("submit: the policy was submitted before")
        self._lives[digest] = Life(
            product=act.product,
            file_digest=bytes.fromhex(act.file),
            author=act.place.officer,
            submitted_s=act.place.at,
        )

    def _approve(self, act: Approve) -> None:
        digest, life = self._life("approve", act.policy)
        if life.approver is not None:
            raise TurnError("approve: the policy was approved before")
        if life.retired_s is not None:
            raise TurnError("approve: the policy is retired; submit another one")
        if act.place.officer == life.author:
            raise RoleError("approve: the author may not approve; it takes another person")
        self._lives[digest] = replace(
            life,
            approver=act.place.officer,
            proof_digest=bytes.fromhex(act.proof),
            approved_s=act.place.at,
        )

    def _activate(self, act: Activate) -> None:
        digest, life = self._life("activate", act.policy)
        if life.approver is None:
            raise TurnError("activate: the policy is a draft; another person must approve it first")
        if act.product != life.product:
            raise TurnError("activate: the policy was submitted for another product")
        if life.is_retired(act.since):
            raise TurnError("activate: the policy is retired by then; submit another one")
        _check_notice("activate", act.since, act)
        self._change(act.product, Change(act.since, act.place.seq, digest))

    def _retire_policy(self, act: RetirePolicy) -> None:
        digest, life = self._life("retire", act.policy)
        if life.is_retired(act.since):
            raise TurnError("retire: the policy is retired by then already")
        _check_notice("retire", act.since, act)
        self._lives[digest] = replace(life, retired_s=act.since)

    def _retire_product(self, act: RetireProduct) -> None:
        if act.product not in self._changes:
            raise TurnError("retire: the product never had a policy")
        _check_notice("retire", act.since, act)
        self._change(act.product, Change(act.since, act.place.seq, None))

    def _life(self, verb: str, policy: str) -> tuple[bytes, Life]:
        digest = bytes.fromhex(policy)
        if digest not in self._lives:
            raise TurnError(f"{verb}: the policy was never submitted")
        return digest, self._lives[digest]

    def _change(self, product: str, change: Change) -> None:
        self._changes.setdefault(product, []).append(change)


def _check_notice(verb: str, since_s: int, act: Act) -> None:
    if since_s < act.place.at + NOTICE_S:
        raise DateError(f"{verb}: expected to take effect {NOTICE_S} seconds from now, or later")
