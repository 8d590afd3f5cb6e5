"""One entry with all that shows it to be in the log, as a text that is checked without the log.

Source: C2SP tlog-proof v1. The leaf itself travels in the ``extra`` line.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protocols.errors import EntryError, InclusionError
from protocols.ledger.canonical import from_base64, to_base64
from protocols.ledger.checkpoint import Checkpoint, LogKey, open_checkpoint
from protocols.ledger.cosignature import Cosignature, check_quorum
from protocols.ledger.merkle import verify_inclusion

_HEADER = "c2sp.org/tlog-proof@v1"
_BUNDLE = re.compile(
    rf"{re.escape(_HEADER)}\n"
    r"extra ([A-Za-z0-9+/=]*)\n"
    r"index (0|[1-9][0-9]{0,15})\n"
    r"((?:[A-Za-z0-9+/=]+\n)*)"
    r"\n(.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class ProvenLeaf:
    """A leaf that is shown to be in a log.

    Attributes:
        index: Number of the leaf in the log.
        leaf: Its bytes; nothing in them is interpreted.
        checkpoint: What it was shown under.
        cosignatures: Who cosigned that, sorted by name.
    """

    index: int
    leaf: bytes
    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]


def proof_bundle(index: int, path: Sequence[bytes], note: str, *, extra: bytes) -> str:
    """Return the text that proves one leaf.

    Args:
        index: Number of the leaf in the log.
        path: Its audit path under the checkpoint, lowest sibling first, 32 bytes each.
        note: The checkpoint with its cosignatures.
        extra: The leaf.
    """
    head = [_HEADER, f"extra {to_base64(extra)}", f"index {index}", *map(to_base64, path)]
    return "".join(f"{line}\n" for line in head) + f"\n{note}"


def open_bundle(
    text: str, *, log: LogKey, witnesses: Mapping[str, bytes], quorum: int
) -> ProvenLeaf:
    """Return the leaf of a proof once it is shown to be in the log that the witnesses saw.

    Args:
        text: The proof.
        log: The log's origin and key, obtained out of band (the charter).
        witnesses: Raw Ed25519 public keys by name, obtained out of band.
        quorum: Number of witnesses that must have cosigned the checkpoint.

    Raises:
        CheckpointError: The checkpoint is malformed or not the log's.
        WitnessError: It is not cosigned by the quorum.
        InclusionError: The proof is malformed, has no leaf, or does not lead to the root.
    """
    match = _BUNDLE.fullmatch(text)
    if match is None:
        raise InclusionError("expected a proof: header, leaf, index, path and checkpoint")
    try:
        leaf, path = from_base64(match[1]), [from_base64(line) for line in match[3].split()]
    except EntryError as err:
        raise InclusionError("the proof holds bad base64") from err
    checkpoint = open_checkpoint(match[4], log)
    cosignatures = check_quorum(match[4], witnesses, quorum)
    index = int(match[2])
    verify_inclusion(leaf, index=index, size=checkpoint.size, path=path, root=checkpoint.root)
    return ProvenLeaf(index, leaf, checkpoint, cosignatures)
