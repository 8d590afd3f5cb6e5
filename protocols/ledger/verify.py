"""The audit of an exported log, from its bytes, the charter and the signatures alone.

The numbers in comments are the steps of ``docs/ledger-format.md``, "How to check a log". Steps
6 to 8, which need what was said before, are in ``history.py``, ``rounds.py`` and ``account.py``.
"""

from collections.abc import Iterator, Mapping, Sequence

from protocols.errors import (
    CheckpointError,
    EntryError,
    FolderError,
    InclusionError,
    LogSizeError,
    PolicyError,
    RoleError,
    VerificationError,
)
from protocols.ledger.audit import Audit, Finding, finding
from protocols.ledger.canonical import digest
from protocols.ledger.checkpoint import Checkpoint, open_checkpoint
from protocols.ledger.entry import (
    COORDINATOR,
    POLICY,
    Authorise,
    Entry,
    RunClose,
    Spend,
    entry_in,
)
from protocols.ledger.envelope import Envelope, parse_envelope, verify_envelope
from protocols.ledger.history import History, Logged
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.policy import SIGNATURES_NAME, policy_envelope
from protocols.ledger.terms import Terms
from protocols.ledger.tree import Tree

CHECKPOINT_NAME = "checkpoint"
ENTRIES_NAME = "entries.jsonl"


def verify_log(terms: Terms, *, signatures: bytes, files: Mapping[str, bytes]) -> Audit:
    """Check everything that an exported log claims, and price it again.

    Args:
        terms: Of the charter, obtained out of band.
        signatures: Bytes of the charter's ``signatures.json``.
        files: Name to bytes of every file in the exported folder.

    Returns:
        All findings rather than the first; without any, the log is true. The numbers of a log
        with findings are what its readable, signed entries add up to. That a log is of another
        charter stands first: everything after follows from it.
    """
    leaves = _split_lines(files.get(ENTRIES_NAME, b""))
    findings = [
        *_check_charter(terms, leaves),
        *_check_folder(files),
        *_check_signatures(terms, signatures),
        *_check_tree(terms, files, leaves),
        *_check_policy(terms, leaves),
    ]
    history = History(terms)
    for index, leaf in enumerate(leaves):
        findings += [finding(f"leaf {index}", err) for err in _take(leaf, index, terms, history)]
    findings += [finding(f"partner {name}", err) for name, err in history.check_end()]
    return Audit(
        charter=terms.charter.hex(),
        origin=terms.log.origin,
        size=len(leaves),
        findings=tuple(findings),
        partners=history.partners(),
        releases=history.releases(),
        cohort_changes=history.cohort_changes(),
        sums=history.sums(),
        faults=history.faults(),
        voids=history.voids(),
        unreleased=history.unreleased(),
    )


def _check_charter(terms: Terms, leaves: Sequence[bytes]) -> Iterator[Finding]:
    # (4) Said before the rest, since nothing of another charter's log can fit this one.
    found = _policy_of(leaves)
    if found is not None and found.payload != terms.policy:
        theirs, ours = digest(found.payload).hex()[:16], terms.charter.hex()[:16]
        yield finding("leaf 0", PolicyError(f"the log is of charter {theirs}, not of {ours}"))


def _policy_of(leaves: Sequence[bytes]) -> Envelope | None:
    """Return the first leaf if it is a charter, whichever and whoever signed it."""
    try:
        envelope = parse_envelope(leaves[0]) if leaves else None
    except EntryError:
        return None
    return envelope if envelope and envelope.payload_type == POLICY else None


def _check_folder(files: Mapping[str, bytes]) -> Iterator[Finding]:
    # (1) Nothing but the two files: a third one would be read by people and checked by nobody.
    expected = {CHECKPOINT_NAME, ENTRIES_NAME}
    for name in sorted(set(files) ^ expected):
        said = "is missing" if name in expected else "does not belong to a log"
        yield finding(ascii(name).strip("'"), FolderError(f"the file {said}"))


def _check_signatures(terms: Terms, signatures: bytes) -> Iterator[Finding]:
    # (2) Everybody whom the charter names has signed exactly this charter.
    try:
        policy_envelope(terms, signatures)
    except VerificationError as err:
        yield finding(SIGNATURES_NAME, err)


def _check_tree(
    terms: Terms, files: Mapping[str, bytes], leaves: Sequence[bytes]
) -> Iterator[Finding]:
    # (3) Every byte is under the signed root; hashed before anything in it is interpreted.
    entries = files.get(ENTRIES_NAME, b"")
    if entries and not entries.endswith(b"\n"):
        yield finding(ENTRIES_NAME, EntryError("the last line has no end"))
    if CHECKPOINT_NAME not in files:
        return
    try:
        checkpoint = _open(files[CHECKPOINT_NAME], terms)
    except CheckpointError as err:
        yield finding(CHECKPOINT_NAME, err)
        return
    if checkpoint.size != len(leaves):
        said = f"{len(leaves)} leaves, the checkpoint is over {checkpoint.size}"
        yield finding(ENTRIES_NAME, LogSizeError(said))
    elif checkpoint.root != Tree(map(leaf_hash, leaves)).root:
        said = "the leaves do not lead to the signed root"
        yield finding(ENTRIES_NAME, InclusionError(said))


def _check_policy(terms: Terms, leaves: Sequence[bytes]) -> Iterator[Finding]:
    # (4) The log begins with this charter, signed by all.
    try:
        if not leaves:
            raise PolicyError("the log is empty; expected the charter")
        envelope = parse_envelope(leaves[0])
        if envelope.payload_type != POLICY:
            raise PolicyError("the first leaf is not a charter")
        if envelope.payload != terms.policy:
            return  # said before everything else
        verify_envelope(envelope, payload_type=POLICY, keys=terms.charter_signers)
    except VerificationError as err:
        yield finding("leaf 0", err)


def _take(leaf: bytes, index: int, terms: Terms, history: History) -> Iterator[VerificationError]:
    """Yield what is wrong with one leaf; only its signer's own words reach ``history``."""
    try:
        envelope = parse_envelope(leaf)
        if envelope.payload_type == POLICY:
            if index > 0:
                yield PolicyError("a charter stands after the first leaf")
            return
        entry = entry_in(envelope)
    except EntryError as err:
        # Leaf 0 was reported in step 4 already.
        if index > 0:
            yield err
        return
    errors = list(_check_entry(envelope, entry, terms))
    yield from errors
    if not errors:
        yield from history.take(Logged(index, digest(leaf).hex(), entry))


def _check_entry(envelope: Envelope, entry: Entry, terms: Terms) -> Iterator[VerificationError]:
    # (5) It is under this charter, by somebody who may say such a thing, and signed by them.
    signer = entry.link.signer
    if entry.link.charter != terms.charter.hex():
        yield PolicyError(f"under charter {entry.link.charter[:16]}, not this one")
    is_partner_kind = isinstance(entry, Authorise | Spend | RunClose)
    if signer not in (terms.partners if is_partner_kind else (COORDINATOR,)):
        yield RoleError(f"{signer} may not make a {type(entry).__name__}")
        return
    try:
        keys = {signer: terms.key_of(signer)}
        verify_envelope(envelope, payload_type=entry.payload_type, keys=keys)
    except VerificationError as err:
        yield err


def _open(note: bytes, terms: Terms) -> Checkpoint:
    try:
        text = note.decode("utf-8")
    except UnicodeDecodeError as err:
        raise CheckpointError("the checkpoint is not UTF-8") from err
    return open_checkpoint(text, terms.log)


def _split_lines(raw: bytes) -> list[bytes]:
    """Return the lines, without their ends; what follows the last end is a line too."""
    lines = raw.split(b"\n")
    return lines if lines[-1] else lines[:-1]
