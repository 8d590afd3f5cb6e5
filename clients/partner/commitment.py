"""Names for a partner's data that tell nothing of them: a blinded hash tree over its borrowers."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np

from model.spill import Records, Spill, bytes_of
from model.table import Table
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree

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
        leaves = [leaf for rows in self._spill.sorted() for leaf in _leaves(rows)]
        return DataName(self._secret, Tree(leaf_hash(leaf) for leaf in sorted(leaves)).root)

    def _key(self, borrower: str | None) -> bytes:
        return hmac.digest(self._secret, _DOMAIN + repr(borrower).encode(), hashlib.sha256)


def _leaves(rows: Records) -> Iterator[bytes]:
    """Return a leaf for each borrower: its rows' hashes, sorted, under its own key."""
    keys, hashes = (map(bytes, bytes_of(rows[name])) for name in ("key", "row"))
    for key, own in groupby(zip(keys, hashes, strict=True), key=itemgetter(0)):
        yield hmac.digest(key, b"".join(sorted(each for _, each in own)), hashlib.sha256)


def _bytes(values: list[object]) -> bytes:
    return repr(values).encode("utf-8", "surrogatepass")
