"""Files of the auditor's two keys, in its home."""

KEY_NAME = "identity.pem"  # signs charters and reports
COSIGN_NAME = "cosign.pem"  # cosigns checkpoints, and nothing else
