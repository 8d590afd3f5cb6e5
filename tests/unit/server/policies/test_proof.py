"""A proof is named by what it said."""

from protocols.ledger.canonical import digest
from server.policies.proof import Proof


def test_a_proof_is_named_by_what_it_said() -> None:
    assert Proof("fünf Fälle").digest == digest("fünf Fälle".encode())
