"""The audit of an exported log, from its bytes, the charter and the signatures alone.

The numbers in comments are the steps of ``docs/ledger-format.md``, "How to check a log". Steps
6 to 8, which need what was said before, are in ``history.py``, ``rounds.py`` and ``account.py``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress

from protocols.errors import (
    CheckpointError,
    FolderError,
    InclusionError,
    LogSizeError,
    PolicyError,
    RoleError,
    RollbackError,
    SplitViewError,
    VerificationError,
)
from protocols.ledger.audit import Audit, CharterRow, Finding, WitnessRow, finding
from protocols.ledger.canonical import digest
from protocols.ledger.checkpoint import Checkpoint, open_checkpoint
from protocols.ledger.cosignature import check_quorum, cosignatures_in
from protocols.ledger.entry import (
    COORDINATOR,
    POLICY,
    AuditReport,
    Entry,
    PartnerEntry,
    entry_in,
)
from protocols.ledger.envelope import Envelope, parse_envelope, verify_envelope
from protocols.ledger.history import History, Logged
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.policy import SIGNATURES_NAME, policy_envelope
from protocols.ledger.succession import Succession
from protocols.ledger.terms import Terms
from protocols.ledger.tiles import check_tiles, leaves_in, size_of
from protocols.ledger.tree import Tree

CHECKPOINT_NAME = "checkpoint"
WITNESSED_NAME = "witnessed"
_NOTES = (CHECKPOINT_NAME, WITNESSED_NAME)


def verify_log(
    terms: Terms,
    *,
    signatures: bytes,
    files: Mapping[str, bytes],
    saved: Sequence[bytes] = (),
) -> Audit:
    """Check everything that an exported log claims, and price it again.

    Args:
        terms: Of the latest charter, obtained out of band.
        signatures: Bytes of the charter's ``signatures.json``.
        files: Path to bytes of every file in the exported folder.
        saved: Checkpoints of this log that the reader kept from earlier, or has from others.

    Returns:
        All findings rather than the first; without any, the log is true. The numbers of a log
        with findings are what its readable, signed entries add up to. That a log is of another
        charter stands first: everything after follows from it.
    """
    leaves = _leaves(files)
    tree = Tree(map(leaf_hash, leaves))
    succession = Succession(terms)
    history = History(succession.charters, root_at=tree.root_at)
    story = [
        finding(f"leaf {index}", err)
        for index, leaf in enumerate(leaves)
        for err in _take(leaf, index, succession, history)
    ]
    # Whose cosignatures count depends on the charter in force; they are known now, and said first.
    notes = _Notes(succession, tree)
    findings = [
        *_check_charter(succession, len(leaves)),
        *_check_folder(files, len(leaves)),
        *_check_signatures(terms, signatures),
        *notes.check_checkpoint(files),
        *notes.check_witnessed(files),
        *notes.check_saved(saved),
        *story,
    ]
    findings += [
        finding(f"partner {name}", err)
        for name, err in (*history.check_end(), *history.check_witnessed(notes.witnessed))
    ]
    return Audit(
        charter=terms.charter.hex(),
        origin=terms.log.origin,
        size=len(leaves),
        root=tree.root.hex(),
        findings=tuple(findings),
        partners=history.partners(),
        witnessed=notes.witnessed,
        quorum=terms.quorum,
        witnesses=notes.witnesses(),
        charters=tuple(CharterRow(item.charter.hex(), at) for at, item in succession.begun),
        epochs=history.epochs(),
        amends=history.amends(),
        reports=history.reports(),
        releases=history.releases(),
        cohort_changes=history.cohort_changes(),
        sums=history.sums(),
        faults=history.faults(),
        voids=history.voids(),
        unreleased=history.unreleased(),
    )


def _leaves(files: Mapping[str, bytes]) -> list[bytes]:
    """Return the leaves up to the first bundle that cannot be read."""
    leaves: list[bytes] = []
    with suppress(VerificationError):  # said by step 1, file by file
        leaves.extend(leaves_in(files, size_of(files)))
    return leaves


def _check_charter(succession: Succession, size: int) -> Iterator[Finding]:
    # (4) Said before the rest, since nothing of another charter's log can fit this one.
    ours = succession.charters.latest.charter.hex()[:16]
    for index, name in succession.foreign:
        said = f"the log is of charter {name[:16]}, not of {ours}"
        later = f"the log goes on under charter {name[:16]}, which {ours} does not know: get it"
        yield finding(f"leaf {index}", PolicyError(later if index else said))
    if size == 0:
        yield finding("leaf 0", PolicyError("the log is empty; expected the charter"))
    if succession.begun and not succession.is_complete:
        index, terms = succession.begun[-1]
        said = f"the log is under charter {terms.charter.hex()[:16]} until now, not under {ours}"
        yield finding(f"leaf {index}", PolicyError(said))


def _check_folder(files: Mapping[str, bytes], size: int) -> Iterator[Finding]:
    # (1) Nothing but checkpoints and whole tiles of exactly the entries: what else lies there would
    # be read by people and checked by nobody.
    tiles = {path: raw for path, raw in files.items() if path not in _NOTES}
    for path, err in check_tiles(tiles, max(size, size_of(files))):
        yield finding(ascii(path).strip("'"), err)


def _check_signatures(terms: Terms, signatures: bytes) -> Iterator[Finding]:
    # (2) Everybody whom the charter names has signed exactly this charter.
    try:
        policy_envelope(terms, signatures)
    except VerificationError as err:
        yield finding(SIGNATURES_NAME, err)


class _Notes:
    """The checkpoints in the folder and those that were kept, against the tree of the leaves."""

    def __init__(self, succession: Succession, tree: Tree) -> None:
        self._succession, self._tree = succession, tree
        self._cosigned: dict[str, WitnessRow] = {}
        self.witnessed = 0

    def witnesses(self) -> tuple[WitnessRow, ...]:
        """Return what each witness cosigned last."""
        names = self._succession.charters.latest.witnesses
        return tuple(self._cosigned.get(name, WitnessRow(name, 0, 0)) for name in names)

    def check_checkpoint(self, files: Mapping[str, bytes]) -> Iterator[Finding]:
        # (3) Every byte is under the signed root; hashed before anything in it is interpreted.
        if CHECKPOINT_NAME not in files:
            yield finding(CHECKPOINT_NAME, FolderError("the file is missing"))
            return
        try:
            checkpoint = self._open(files[CHECKPOINT_NAME])
            if checkpoint.size != self._tree.size:
                raise LogSizeError(
                    f"{self._tree.size} leaves, the checkpoint is over {checkpoint.size}"
                )
            if checkpoint.root != self._tree.root:
                raise InclusionError("the leaves do not lead to the signed root")
            self._take_cosignatures(files[CHECKPOINT_NAME].decode(), checkpoint.size)
        except VerificationError as err:
            yield finding(CHECKPOINT_NAME, err)

    def check_witnessed(self, files: Mapping[str, bytes]) -> Iterator[Finding]:
        # (3) A quorum of witnesses has seen this log, at least up to here.
        if WITNESSED_NAME not in files:
            return
        try:
            checkpoint = self._open(files[WITNESSED_NAME])
            self._check_prefix(checkpoint, "a quorum of witnesses")
            note = files[WITNESSED_NAME].decode()
            terms = self._succession.at(checkpoint.size)
            check_quorum(note, terms.witnesses, terms.quorum)
            self._take_cosignatures(note, checkpoint.size)
        except VerificationError as err:
            yield finding(WITNESSED_NAME, err)

    def check_saved(self, saved: Sequence[bytes]) -> Iterator[Finding]:
        # (3) It goes on from what was seen of it before.
        for number, note in enumerate(saved, start=1):
            try:
                self._check_prefix(self._open(note), "the reader")
            except VerificationError as err:
                yield finding(f"saved checkpoint {number}", err)

    def _open(self, note: bytes) -> Checkpoint:
        try:
            return open_checkpoint(note.decode("utf-8"), self._succession.charters.latest.log)
        except UnicodeDecodeError as err:
            raise CheckpointError("the checkpoint is not UTF-8") from err

    def _check_prefix(self, seen: Checkpoint, who: str) -> None:
        if seen.size > self._tree.size:
            raise RollbackError(f"{who} saw {seen.size} leaves, this log has {self._tree.size}")
        if self._tree.root_at(seen.size) != seen.root:
            raise SplitViewError(f"{who} saw another log of {seen.size} leaves than this")

    def _take_cosignatures(self, note: str, size: int) -> None:
        terms = self._succession.at(size)
        found = cosignatures_in(note, terms.witnesses)
        for item in found:
            if size >= self._cosigned.get(item.witness, WitnessRow(item.witness, 0, 0)).size:
                self._cosigned[item.witness] = WitnessRow(item.witness, size, item.at)
        if len(found) >= terms.quorum:
            self.witnessed = max(self.witnessed, size)


def _take(
    leaf: bytes, index: int, succession: Succession, history: History
) -> Iterator[VerificationError]:
    """Yield what is wrong with one leaf; only its signer's own words reach ``history``."""
    try:
        envelope = parse_envelope(leaf)
        if envelope.payload_type == POLICY:
            # (4) A charter, which succeeds those before it, and which all of its parties signed.
            yield from succession.take(index, envelope)
            history.admit(succession.at(index + 1))
            history.skip()
            return
        if index == 0:
            yield PolicyError("the first leaf is not a charter")
        entry = entry_in(envelope)
        errors = list(_check_entry(envelope, entry, succession))
    except VerificationError as err:
        history.skip()
        yield err
        return
    yield from errors
    if errors:
        history.skip()
    else:
        yield from history.take(Logged(index, digest(leaf).hex(), entry))


def _check_entry(
    envelope: Envelope, entry: Entry, succession: Succession
) -> Iterator[VerificationError]:
    # (5) It is under a charter in force, by somebody who may say such a thing, and signed by them.
    signer, terms = entry.link.signer, succession.charters.of(entry.link.charter)
    yield from succession.check_in_force(entry.link)
    if signer not in _signers_of(entry, terms):
        yield RoleError(f"{signer} may not make a {type(entry).__name__}")
        return
    try:
        keys = {signer: terms.key_of(signer)}
        verify_envelope(envelope, payload_type=entry.payload_type, keys=keys)
    except VerificationError as err:
        yield err


def _signers_of(entry: Entry, terms: Terms) -> Collection[str]:
    """Return who may make an entry of its kind."""
    if isinstance(entry, AuditReport):
        return terms.auditor
    return terms.partners if isinstance(entry, PartnerEntry) else (COORDINATOR,)
