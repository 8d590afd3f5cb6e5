"""Names for a partner's data that tell nothing of them: a blinded hash tree over its borrowers."""

import hashlib
import hmac
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from model.spill import Records, Spill
from model.table import Table
from protocols.ledger.merkle import EMPTY_ROOT, leaf_hash, node_hash

_DOMAIN = b"fedscore dataset-epoch v1"
_KIND = np.dtype([("key", "S32"), ("row", "S32")])  # the borrower's key, the row's hash


@dataclass(frozen=True)
class DataName:
    """What names some data, differently in every place.

    Attributes:
        root: Root over one leaf for each borrower, 32 bytes; never leaves the partner.
    """

    _secret: bytes = field(repr=False)
    root: bytes = field(repr=False)

    def at(self, place: str) -> str:
        """Return the commitment to the data for one place in the log, hex.

        Equal data have other names elsewhere, and no data at all have a name like all others. To
        open one, the partner shows the root and this place's key, and of the tree what it wants.
        """
        key = hmac.digest(self._secret, _DOMAIN + place.encode(), hashlib.sha256)
        return hmac.digest(key, self.root, hashlib.sha256).hex()


class Naming:
    """Takes the tables of some data one after another, and names their rows in whatever order.

    The root is that of an RFC 9162 tree over one leaf for each borrower, sorted. Each leaf is keyed
    by a key of its own, so that one can be shown without the others.
    """

    def __init__(self, secret: bytes, folder: Path) -> None:
        """Begin.

        Args:
            secret: The partner's own, 32 bytes.
            folder: Where hashes of rows are put on disk, in files without names.
        """
        self._secret = secret
        self._spill = Spill(_KIND, folder)

    def take(self, table: Table) -> None:
        """Add rows."""
        columns = [np.asarray(column, dtype=object) for column in table.columns.values()]
        borrowers = table.borrower_ids
        keys = {borrower: self._key(borrower) for borrower in set(borrowers)}
        rows = np.empty(len(borrowers), dtype=_KIND)
        rows["key"] = [keys[borrower] for borrower in borrowers]
        said = (list(values) for values in zip(table.outcomes, *columns, strict=True))
        rows["row"] = [hashlib.sha256(_bytes(values)).digest() for values in said]
        self._spill.take(rows)

    def name(self) -> DataName:
        """Return the name of all rows that were taken."""
        leaves = b"".join(_leaves(rows) for rows in self._spill.sorted())  # 32 bytes a borrower
        return DataName(self._secret, root_of(leaves))

    def _key(self, borrower: str | None) -> bytes:
        return hmac.digest(self._secret, _DOMAIN + repr(borrower).encode(), hashlib.sha256)


def root_of(leaves: bytes) -> bytes:
    """Return the root of an RFC 9162 tree over leaves of 32 bytes each, sorted.

    Keeps no more of the tree than one hash a level. Source: RFC 9162, section 2.1.1.
    """
    ordered = np.sort(np.frombuffer(leaves, dtype="S32")).tobytes()
    complete: list[bytes] = []  # roots of the complete subtrees, the largest first
    for number in range(len(ordered) // 32):
        complete.append(leaf_hash(ordered[32 * number : 32 * (number + 1)]))
        while number % 2:
            right = complete.pop()
            complete.append(node_hash(complete.pop(), right))
            number //= 2
    root = complete.pop() if complete else EMPTY_ROOT
    while complete:
        root = node_hash(complete.pop(), root)
    return root


def _leaves(rows: Records) -> bytes:
    """Return a leaf for each borrower: its rows' hashes, sorted, under its own key."""
    keys, counts = np.unique(rows["key"], return_counts=True)
    ends = [0, *(32 * np.cumsum(counts)).tolist()]
    named, said = keys.tobytes(), rows["row"][np.lexsort((rows["row"], rows["key"]))].tobytes()
    return b"".join(
        hmac.digest(named[32 * number : 32 * (number + 1)], said[begin:end], hashlib.sha256)
        for number, (begin, end) in enumerate(pairwise(ends))
    )


def _bytes(values: list[object]) -> bytes:
    return repr(values).encode("utf-8", "surrogatepass")
