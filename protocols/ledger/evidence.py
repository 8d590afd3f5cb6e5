"""Proof for a partner that the log holds its entries and goes on from what it was shown before."""

from collections.abc import Callable
from dataclasses import dataclass

from protocols.errors import EntryError, InclusionError, RollbackError, WitnessError
from protocols.ledger.canonical import from_base64, to_base64
from protocols.ledger.checkpoint import Checkpoint, open_checkpoint
from protocols.ledger.codec import check_range, decode, encode
from protocols.ledger.cosignature import check_quorum
from protocols.ledger.entry import Authorise, Pin, parse_entry
from protocols.ledger.merkle import verify_consistency, verify_inclusion
from protocols.ledger.terms import Terms

_LONGEST_PATH = 64  # no tree is higher


@dataclass(frozen=True)
class Inclusion:
    """Where one leaf stands in the tree.

    Attributes:
        seq: Number of the entry among its signer's.
        index: Number of the leaf in the log.
        path: Sibling hashes in base64, lowest first.
    """

    seq: int
    index: int
    path: tuple[str, ...]

    def __post_init__(self) -> None:
        check_range(self.seq, "seq", 0, 2**40)
        check_range(self.index, "index", 0, 2**40)
        _check_path(self.path)


@dataclass(frozen=True)
class Consistency:
    """That the log goes on from a smaller one.

    Attributes:
        size: Leaves of the smaller one.
        path: Hashes in base64, as RFC 9162 orders them.
    """

    size: int
    path: tuple[str, ...]

    def __post_init__(self) -> None:
        check_range(self.size, "size", 1, 2**40)
        _check_path(self.path)


@dataclass(frozen=True)
class Evidence:
    """A checkpoint and what is shown under it.

    Attributes:
        note: The checkpoint, signed by the log, and cosigned where a run begins.
        consistency: That it goes on from each size which the reader may have seen last.
        inclusions: The reader's entries in it, in order of ``seq``.
    """

    note: str
    consistency: tuple[Consistency, ...]
    inclusions: tuple[Inclusion, ...]


@dataclass(frozen=True)
class Proven:
    """What evidence shows.

    Attributes:
        checkpoint: The log as it is now.
        seqs: Numbers of the reader's entries that it holds.
    """

    checkpoint: Checkpoint
    seqs: tuple[int, ...]


def parse_evidence(raw: bytes) -> Evidence:
    """Parse evidence; verifies nothing."""
    return decode(Evidence, raw)


def evidence_bytes(evidence: Evidence) -> bytes:
    """Return evidence as canonical JSON."""
    return encode(evidence)


def inclusion(seq: int, index: int, path: list[bytes]) -> Inclusion:
    """Return the inclusion of entry ``seq`` as leaf ``index``, with its audit path."""
    return Inclusion(seq=seq, index=index, path=tuple(to_base64(item) for item in path))


def consistency(size: int, path: list[bytes]) -> Consistency:
    """Return that the log goes on from ``size`` leaves, with its proof."""
    return Consistency(size=size, path=tuple(to_base64(item) for item in path))


def verify_evidence(
    evidence: Evidence, *, leaf_of: Callable[[int], bytes | None], seen: Pin, terms: Terms
) -> Proven:
    """Check evidence against what the reader holds itself.

    An authorisation counts as shown only under a checkpoint that a quorum of witnesses has
    cosigned: what is computed in a run must be in the one log that all of them see.

    Args:
        evidence: What the coordinator sent.
        leaf_of: Returns the reader's own leaf with a number, or None.
        seen: The last checkpoint that the reader was shown.
        terms: The charter's; its log and witnesses are the only ones trusted.

    Raises:
        CheckpointError: The note is not the log's.
        RollbackError: The log is shorter than it was.
        ConsistencyError: It does not go on from what it was.
        InclusionError: An entry is not in the tree, or is not one of the reader's.
    """
    checkpoint = open_checkpoint(evidence.note, terms.log)
    _check_goes_on(evidence, checkpoint, seen)
    is_witnessed = _has_quorum(evidence.note, terms)
    seqs = []
    for item in evidence.inclusions:
        leaf = leaf_of(item.seq)
        if leaf is None:
            raise InclusionError(f"evidence names entry {item.seq}, which was never signed here")
        verify_inclusion(
            leaf,
            index=item.index,
            size=checkpoint.size,
            path=[from_base64(part) for part in item.path],
            root=checkpoint.root,
        )
        if is_witnessed or not isinstance(parse_entry(leaf)[1], Authorise):
            seqs.append(item.seq)
    return Proven(checkpoint, tuple(seqs))


def _check_goes_on(evidence: Evidence, checkpoint: Checkpoint, seen: Pin) -> None:
    if seen.size == 0:
        return
    if checkpoint.size < seen.size:
        raise RollbackError(f"the log has {checkpoint.size} leaves, and had {seen.size} before")
    paths = {item.size: item.path for item in evidence.consistency}
    verify_consistency(
        old_size=seen.size,
        old_root=bytes.fromhex(seen.root),
        new_size=checkpoint.size,
        new_root=checkpoint.root,
        path=[from_base64(part) for part in paths.get(seen.size, ())],
    )


def _has_quorum(note: str, terms: Terms) -> bool:
    try:
        check_quorum(note, terms.witnesses, terms.quorum)
    except WitnessError:
        return False
    return True


def _check_path(path: tuple[str, ...]) -> None:
    if len(path) > _LONGEST_PATH:
        raise EntryError("path: longer than any tree")
