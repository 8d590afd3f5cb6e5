"""Proof for a partner that its entries are in the log: one checkpoint, one path an entry."""

from collections.abc import Callable
from dataclasses import dataclass

from protocols.errors import EntryError, InclusionError
from protocols.ledger.canonical import from_base64, to_base64
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint
from protocols.ledger.codec import check_range, decode, encode
from protocols.ledger.merkle import verify_inclusion


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
        if len(self.path) > 64:
            raise EntryError("path: longer than any tree")


@dataclass(frozen=True)
class Evidence:
    """A signed checkpoint and the inclusions under it, in order of ``seq``."""

    note: str
    inclusions: tuple[Inclusion, ...]


def parse_evidence(raw: bytes) -> Evidence:
    """Parse evidence; verifies nothing."""
    return decode(Evidence, raw)


def evidence_bytes(evidence: Evidence) -> bytes:
    """Return evidence as canonical JSON."""
    return encode(evidence)


def inclusion(seq: int, index: int, path: list[bytes]) -> Inclusion:
    """Return the inclusion of entry ``seq`` as leaf ``index``, with its audit path."""
    return Inclusion(seq=seq, index=index, path=tuple(to_base64(item) for item in path))


def verify_evidence(
    evidence: Evidence, *, leaf_of: Callable[[int], bytes | None], log: LogKey
) -> Checkpoint:
    """Check every inclusion against the leaves the reader holds itself.

    Args:
        evidence: What the coordinator sent.
        leaf_of: Returns the reader's own leaf with a number, or None.
        log: The log's origin and key.

    Returns:
        The checkpoint under which every one of them is included.

    Raises:
        CheckpointError: The note is not the log's.
        InclusionError: An entry is not in the tree, or is not one of the reader's.
    """
    checkpoint = open_checkpoint(evidence.note, log)
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
    return checkpoint
