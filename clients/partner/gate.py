"""The gate: what may leave a partner, and in which shape. Nothing else has a way out."""

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from model.noise import IntegerVector
from protocols.errors import (
    BudgetExhaustedError,
    ConflictingOrderError,
    OrderRefusedError,
    ReleaseRefusedError,
    RolledBackError,
    ScoringError,
    SignatureError,
    StaleOrderError,
    UnprovenEntryError,
    UnsupportedMechanismError,
)
from protocols.ledger.codec import encode
from protocols.ledger.envelope import sign
from protocols.ledger.messages import Answer

# A refusal tells the coordinator its own mistake in one word; everything else is "refused".
_WORDS: tuple[tuple[type[ScoringError], str], ...] = (
    (SignatureError, "signature"),
    (StaleOrderError, "stale-order"),
    (ConflictingOrderError, "conflicting-order"),
    (UnprovenEntryError, "unproven-entry"),
    (RolledBackError, "rolled-back"),
    (UnsupportedMechanismError, "unsupported-mechanism"),
    (BudgetExhaustedError, "budget-exhausted"),
    (OrderRefusedError, "order-refused"),
)


def release_vector(noised: IntegerVector, *, width: int) -> bytes:
    """Return a noised sum as it travels: int64 little-endian, 8 bytes an entry.

    Raises:
        ReleaseRefusedError: It is not exactly ``width`` 64-bit integers.
    """
    if noised.dtype != np.int64 or noised.shape != (width,):
        raise ReleaseRefusedError(f"expected {width} 64-bit integers to leave")
    return noised.astype("<i8").tobytes()


def release_answer(answer: Answer, key: Ed25519PrivateKey) -> bytes:
    """Return a signed answer as it travels."""
    return sign(encode(answer), payload_type=answer.payload_type, keys=[key]).to_bytes()


def refusal_word(err: ScoringError) -> str:
    """Return what the coordinator is told: one of a few words that depend on its order alone."""
    return next((word for kind, word in _WORDS if isinstance(err, kind)), "refused")
