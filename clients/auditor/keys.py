"""The auditor's two keys, in its home; ``protocols.ledger.keyfile`` says how they are renewed."""

IDENTITY = "identity"  # signs charters and reports
COSIGN = "cosign"  # cosigns checkpoints, and nothing else
