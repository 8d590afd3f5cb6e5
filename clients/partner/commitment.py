"""Names for a partner's data that tell nothing of them: a blinded hash tree over its borrowers."""

import hashlib
import hmac
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from model.table import Table
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree

_DOMAIN = b"fedscore dataset-epoch v1"


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


def name_of(table: Table, *, secret: bytes) -> DataName:
    """Return the name of a table: its rows, whichever order they are in.

    Args:
        table: What ``read_table`` returned.
        secret: The partner's own, 32 bytes.

    Returns:
        The root is that of an RFC 9162 tree over one leaf for each borrower, sorted. Each leaf is
        keyed by a key of its own, so that one can be shown without the others.
    """
    rows = defaultdict(list)
    columns = [np.asarray(column, dtype=object) for column in table.columns.values()]
    for borrower, *values in zip(table.borrower_ids, table.outcomes, *columns, strict=True):
        rows[borrower].append(repr(values).encode("utf-8", "surrogatepass"))
    leaves = []
    for borrower, said in rows.items():
        key = hmac.digest(secret, _DOMAIN + repr(borrower).encode(), hashlib.sha256)
        hashes = sorted(hashlib.sha256(row).digest() for row in said)
        leaves.append(hmac.digest(key, b"".join(hashes), hashlib.sha256))
    return DataName(secret, Tree(leaf_hash(leaf) for leaf in sorted(leaves)).root)
