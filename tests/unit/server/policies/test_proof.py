"""The least proof: what loads contradicts itself nowhere, and more is not claimed."""

from protocols.ledger.canonical import digest
from server.policies.proof import Proof, prove_loads
from tests.unit.server.serving.world import make_policy


def test_a_proof_is_named_by_what_it_said() -> None:
    assert Proof("fünf Fälle").digest == digest("fünf Fälle".encode())


def test_the_least_proof_names_its_policy_and_claims_no_search() -> None:
    proof = prove_loads(make_policy())
    assert proof.counterexamples == ()
    assert make_policy().digest.hex() in proof.said
    assert "No search for counterexamples was made." in proof.said
