"""Two officers and their policy book, in one call; clocks and keys are given."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.contracts.limit_policy import LimitPolicy
from protocols.ledger.canonical import digest
from protocols.ledger.codec import encode
from server.policies.acting import Signer
from server.policies.acts import FIRST, NOTICE_S, Act, Entry, Place
from server.policies.book import Book
from server.policies.folder import PolicyFolder
from server.policies.officers import Role, officer_text
from server.policies.proof import Proof
from server.policies.reading import verify_book

AUTHOR, APPROVER = "ana", "boris"
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
START = datetime(2026, 11, 26, 12, tzinfo=UTC)
NOTICE = timedelta(seconds=NOTICE_S)
ROLES: dict[str, Sequence[Role]] = {AUTHOR: ["author"], APPROVER: ["approver"]}


def prove_nothing(policy: LimitPolicy) -> Proof:
    """Say that no search was made; the real one takes seconds."""
    return Proof(f"policy {policy.digest.hex()}: no search was made\n")


def officer_key(name: str) -> Ed25519PrivateKey:
    """Return the same key for the same name."""
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))


def officers_toml(roles: dict[str, Sequence[Role]] = ROLES) -> str:
    """Return the file of officers with these roles."""
    keys = {name: officer_key(name).public_key().public_bytes_raw() for name in roles}
    return "\n".join(officer_text(name, roles[name], key) for name, key in keys.items())


@dataclass
class Office:
    """A policy book's folder and those who may act on it; its clock stands until it is moved."""

    path: Path
    now: datetime = START

    @property
    def folder(self) -> PolicyFolder:
        """Its files."""
        return PolicyFolder(self.path)

    @property
    def book(self) -> Book:
        """The book, checked."""
        return verify_book(self.path)

    def by(self, name: str) -> Signer:
        """Return an officer at work."""
        return Signer(self.path, officer_key(name), lambda: self.now)

    def submitted(self, toml: str) -> bytes:
        """Submit a policy and return its digest."""
        return self.by(AUTHOR).submit(toml.encode(), where="policy.toml")

    def approved(self, toml: str) -> bytes:
        """Submit and approve a policy and return its digest."""
        digest = self.submitted(toml)
        self.by(APPROVER).approve(digest, prove=prove_nothing)
        return digest

    def activated(self, toml: str) -> bytes:
        """Submit, approve and activate a policy, wait until it is active, return its digest."""
        digest = self.approved(toml)
        self.by(APPROVER).activate(digest)
        self.now += NOTICE
        return digest


def open_office(
    path: Path, *, now: datetime = START, roles: dict[str, Sequence[Role]] = ROLES
) -> Office:
    """Make a folder with officers and no policy."""
    path.mkdir(parents=True)
    (path / "officers.toml").write_text(officers_toml(roles), encoding="utf-8")
    return Office(path, now)


def write_policies(path: Path, *tomls: str) -> Office:
    """Make a folder anew in which policies are active since long ago, each after the one before."""
    shutil.rmtree(path, ignore_errors=True)
    office = open_office(path, now=LONG_AGO)
    for toml in tomls:
        office.activated(toml)
    office.now = datetime.now(UTC)
    return office


@dataclass(frozen=True)
class Step:
    """One act, before it has a place.

    Attributes:
        officer: Who acts.
        at: Seconds since 1970.
        made: Makes it.
    """

    officer: str
    at: int
    made: Callable[[Place], Act]


def entries_of(steps: Iterable[Step]) -> list[Entry]:
    """Return entries that follow one another, without signatures, for what is pure."""
    entries: list[Entry] = []
    for step in steps:
        before = entries[-1].digest if entries else FIRST
        act = step.made(Place(len(entries), before.hex(), step.officer, step.at))
        entries.append(Entry(act, digest(encode(act))))
    return entries
