"""The gate: what may leave a partner, and in which shape. Nothing else has a way out."""

import re

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from model.noise import IntegerVector
from protocols.errors import (
    BudgetExhaustedError,
    OrderRefusedError,
    ReleaseRefusedError,
    RolledBackError,
    ScoringError,
    SignatureError,
    UnsupportedMechanismError,
)
from protocols.ledger.codec import encode
from protocols.ledger.envelope import sign
from protocols.ledger.messages import Answer

# A refusal of these tells the coordinator its own mistake; everything else is "refused".
_TOLD = (
    SignatureError,
    OrderRefusedError,
    RolledBackError,
    UnsupportedMechanismError,
    BudgetExhaustedError,
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
    """Return what the coordinator is told: the error's name, which depends on its order alone."""
    name = type(err).__name__.removesuffix("Error") if isinstance(err, _TOLD) else "Refused"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
