"""A name for a partner's data that tells nothing of them: a salted hash tree over its borrowers."""

import hashlib
import hmac
from collections import defaultdict

import numpy as np

from model.table import Table
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree

_SALT = b"fedscore dataset-epoch v1"


def commitment_to(table: Table, *, secret: bytes) -> str:
    """Return the root over one leaf for each borrower: its token, and the hash of its rows.

    With the secret a partner can later open single leaves to somebody it trusts; without it a leaf
    cannot be told from chance, so not even a known borrower can be looked for.

    Args:
        table: What ``read_table`` returned; the order of its rows does not matter.
        secret: The partner's own, 32 bytes.

    Returns:
        The root of an RFC 9162 tree over ``token || rows``, sorted, in hex.
    """
    salt = hmac.digest(secret, _SALT, hashlib.sha256)
    rows = defaultdict(list)
    columns = [np.asarray(column, dtype=object) for column in table.columns.values()]
    for borrower, outcome, *values in zip(
        table.borrower_ids, table.outcomes, *columns, strict=True
    ):
        said = repr((outcome, values)).encode("utf-8", "surrogatepass")
        rows[borrower].append(hmac.digest(salt, b"row" + said, hashlib.sha256))
    leaves = []
    for borrower, hashes in rows.items():
        token = hmac.digest(salt, b"borrower" + repr(borrower).encode(), hashlib.sha256)
        leaves.append(token + hashlib.sha256(b"".join(sorted(hashes))).digest())
    return Tree(leaf_hash(leaf) for leaf in sorted(leaves)).root.hex()
