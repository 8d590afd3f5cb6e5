"""A policy book from its folder: every signature, link, rule and file of it checked."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from protocols.contracts.limit_policy import LimitPolicy
from protocols.errors import ContractError, FolderError, VerificationError
from protocols.ledger.canonical import digest
from server.decisions.policy import policy_from_table
from server.policies.acts import Entry, parse_act
from server.policies.book import NO_POLICIES, Book, Life
from server.policies.folder import PolicyFolder
from server.policies.folding import fold
from server.policies.officers import Officers, read_officers, verify_act


def verify_book(
    path: Path,
    *,
    officers: Path | None = None,
    at_hand: Mapping[bytes, LimitPolicy] = NO_POLICIES,
) -> Book:
    """Return the book in a folder, once all of it is checked; needs nothing but its files.

    Args:
        path: The folder.
        officers: Who may act, if you keep a list of your own; that of the folder else.
        at_hand: Policies by digest that need not be parsed again.

    Raises:
        ConfigError: A file cannot be read, or the officers' breaks a rule.
        VerificationError: A line, its signature, its place, its date or what it does is wrong; or
            a policy's or a proof's file is not the one that was signed for.
    """
    folder = PolicyFolder(path)
    entries = read_entries(folder, read_officers(officers or folder.officers))
    return with_policies(folder, fold(entries), at_hand=at_hand)


def read_entries(folder: PolicyFolder, officers: Officers) -> list[Entry]:
    """Return the acts of a book, each shown to be signed by an officer who might do so.

    Raises:
        ConfigError: The book cannot be read.
        VerificationError: One of them is malformed, or not signed so; says which.
    """
    entries = []
    for number, line in enumerate(folder.lines(), start=1):
        try:
            envelope, act = parse_act(line)
            entries.append(Entry(verify_act(act, envelope, officers), digest(line)))
        except VerificationError as err:
            raise type(err)(f"{folder.book.name} line {number}: {err}") from err
    return entries


def with_policies(
    folder: PolicyFolder, book: Book, *, at_hand: Mapping[bytes, LimitPolicy] = NO_POLICIES
) -> Book:
    """Return a book with the policies that it names, each shown to be the one that was submitted.

    Raises:
        FolderError: A file is gone, is not what was signed for, or does not load.
    """
    policies = {one: _policy(folder, one, life, at_hand) for one, life in book.lives.items()}
    return replace(book, policies=policies)


def policy_from_bytes(raw: bytes, *, where: str) -> LimitPolicy:
    """Return the policy in a TOML file's bytes; ``where`` names it in errors.

    Raises:
        ContractError: It is not TOML in UTF-8, or breaks a rule.
    """
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as err:
        raise ContractError(f"{where}: not TOML in UTF-8") from err
    return policy_from_table(table, where=where)


def _policy(
    folder: PolicyFolder, named: bytes, life: Life, at_hand: Mapping[bytes, LimitPolicy]
) -> LimitPolicy:
    path = folder.policy_file(named)
    raw = folder.read(path, life.file_digest)
    if life.proof_digest is not None:
        folder.read(folder.proof_file(life.proof_digest), life.proof_digest)
    if named in at_hand:
        return at_hand[named]
    try:
        policy = policy_from_bytes(raw, where=path.name)
    except ContractError as err:
        raise FolderError(f"policies/{err}; is this version older than the policy?") from err
    if (policy.digest, policy.product) != (named, life.product):
        raise FolderError(
            f"policies/{path.name}: is not the policy that was submitted by this name"
        )
    return policy
