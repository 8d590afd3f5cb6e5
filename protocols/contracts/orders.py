"""What travels between coordinator and partner: one delivery out, one reply back.

Both are bytes with names. What the bytes mean is settled by signatures (``protocols/ledger``),
never by the carrier, so any transport that moves them will do.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Delivery:
    """One message from the coordinator to one partner.

    Attributes:
        order: A DSSE envelope signed by the coordinator's order key.
        parameters: What the order's ``parameters_digest`` commits to; empty for most orders.
        evidence: Checkpoint, with proof that it goes on from earlier ones and holds the partner's
            entries.
        keys: Signed authorisations of the order's cohort, one a line, which hold its mask keys;
            empty in mode local and for orders that are only acknowledged.
    """

    order: bytes
    parameters: bytes
    evidence: bytes
    keys: bytes = b""


@dataclass(frozen=True)
class Reply:
    """One message from a partner to the coordinator.

    Attributes:
        answer: A DSSE envelope signed by the partner's identity key.
        vector: The noised and, in mode distributed, masked integers, int64 little-endian; empty
            unless the answer is a contribution.
        leaves: The partner's signed log entries that it has not yet seen proven, one a line.
        cosigned: The last checkpoint that the partner has verified, with its cosignature, as a
            signed note; empty before the first.
    """

    answer: bytes
    vector: bytes
    leaves: bytes
    cosigned: bytes = b""
