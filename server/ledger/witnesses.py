"""Who has seen the log: what each witness cosigned last, and the last checkpoint with a quorum."""

from collections import defaultdict

from protocols.errors import CheckpointError, SplitViewError
from protocols.ledger.checkpoint import open_checkpoint
from protocols.ledger.cosignature import open_cosigned, with_lines
from protocols.ledger.terms import Terms
from server.ledger.log import Log

_KEPT = 16  # checkpoints that may still be on their way to a witness and back


class Witnesses:
    """The witnesses of one log, as far as this process has heard of them."""

    def __init__(self, log: Log, terms: Terms) -> None:
        """Begin with what the log kept.

        Args:
            log: The log.
            terms: Witnesses' keys, and how many make a quorum.
        """
        self._log, self._terms = log, terms
        self._sizes: dict[str, set[int]] = defaultdict(set)
        self._lines: dict[int, dict[str, str]] = defaultdict(dict)
        self._witnessed = 0
        if log.witnessed:
            self._witnessed = open_checkpoint(log.witnessed, terms.log).size

    @property
    def witnessed(self) -> int:
        """Leaves under the last checkpoint with a quorum; 0 before the first."""
        return self._witnessed

    def hand_out(self, witness: str, size: int) -> None:
        """Take down that a witness is shown the checkpoint of a size."""
        self._sizes[witness].add(size)

    def may_have_seen(self, witness: str) -> set[int]:
        """Return the sizes one of which the witness saw last."""
        return self._sizes[witness]

    def take(self, witness: str, note: str) -> int:
        """Take a checkpoint that a witness hands over with its cosignature; return its size.

        Raises:
            CheckpointError, WitnessError: It is not the witness's.
            SplitViewError: It is of another log than this.
        """
        log, key = self._terms.log, self._terms.witnesses[witness]
        checkpoint, line = open_cosigned(note, origin=log.origin, name=witness, key=key)
        size, tree = checkpoint.size, self._log.tree
        if size > tree.size or tree.root_at(size) != checkpoint.root:
            raise SplitViewError(f"{witness} has cosigned another log of {size} leaves than this")
        self._sizes[witness] = {item for item in self._sizes[witness] if item > size} | {size}
        self._lines[size][witness] = line
        for old in sorted(self._lines)[:-_KEPT]:
            del self._lines[old]
        self._keep(size)
        return size

    def _keep(self, size: int) -> None:
        """Keep the checkpoint of a size once it has a quorum, and is not older than the last."""
        lines, is_last = self._lines.get(size, {}), size == self._witnessed
        if not is_last and (size < self._witnessed or len(lines) < self._terms.quorum):
            return
        note = self._log.witnessed if is_last else None
        try:
            self._log.keep_witnessed(with_lines(note or self._log.note_at(size), lines.values()))
        except CheckpointError:
            return  # more witnesses than a note can hold; a quorum is in it already
        self._witnessed = size
