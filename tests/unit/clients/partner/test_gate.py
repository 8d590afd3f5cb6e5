"""The gate: integers of the right width, and one of a few words."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import protocols.errors
from clients.partner.gate import refusal_word, release_answer, release_vector
from protocols.errors import (
    BudgetExhaustedError,
    ClockError,
    CohortChangedError,
    CohortTooSmallError,
    ConflictingOrderError,
    ForeignKeyError,
    KeyChangedError,
    MissingColumnError,
    NoiseTooLowError,
    OrderRefusedError,
    ReleaseRefusedError,
    RolledBackError,
    ScoringError,
    SignatureError,
    StaleOrderError,
    UnknownKeyError,
    UnprovenEntryError,
    UnsupportedMechanismError,
    WidthError,
)
from protocols.ledger.codec import decode
from protocols.ledger.envelope import parse_envelope, verify_envelope
from protocols.ledger.messages import Acknowledged

WORDS = {
    SignatureError: "signature",
    ForeignKeyError: "foreign-key",
    StaleOrderError: "stale-order",
    ConflictingOrderError: "conflicting-order",
    UnprovenEntryError: "unproven-entry",
    RolledBackError: "rolled-back",
    UnsupportedMechanismError: "unsupported-mechanism",
    BudgetExhaustedError: "budget-exhausted",
    OrderRefusedError: "order-refused",
    CohortTooSmallError: "cohort-too-small",
    CohortChangedError: "cohort-changed",
    UnknownKeyError: "unknown-key",
    KeyChangedError: "key-changed",
    NoiseTooLowError: "noise-too-low",
    WidthError: "width",
    ClockError: "clock",
}


def test_a_vector_travels_as_little_endian_integers() -> None:
    raw = release_vector(np.array([1, -1], dtype=np.int64), width=2)
    assert raw == b"\x01" + b"\0" * 7 + b"\xff" * 8


@pytest.mark.parametrize(
    "noised",
    [
        np.zeros(2, dtype=np.float64),
        np.zeros(2, dtype=np.int32),
        np.zeros(3, dtype=np.int64),
        np.zeros((2, 1), dtype=np.int64),
        np.zeros((), dtype=np.int64),
    ],
    ids=["floats", "small integers", "too long", "a matrix", "one number"],
)
def test_anything_else_does_not_leave(noised: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(ReleaseRefusedError, match="expected 2"):
        release_vector(noised, width=2)


def test_an_answer_is_signed() -> None:
    key = Ed25519PrivateKey.generate()
    answer = Acknowledged("p0", "0" * 64)
    envelope = parse_envelope(release_answer(answer, key))
    keys = {"p0": key.public_key().public_bytes_raw()}
    payload = verify_envelope(envelope, payload_type=Acknowledged.payload_type, keys=keys)
    assert decode(Acknowledged, payload) == answer


@pytest.mark.parametrize("kind", WORDS, ids=lambda kind: kind.__name__)
def test_the_coordinators_own_mistakes_have_a_word(kind: type[ScoringError]) -> None:
    assert refusal_word(kind("borrower 17 earns 3000")) == WORDS[kind]


def test_everything_else_is_refused_without_a_reason() -> None:
    kinds = [
        kind
        for kind in vars(protocols.errors).values()
        if isinstance(kind, type) and issubclass(kind, ScoringError) and kind not in WORDS
    ]
    assert MissingColumnError in kinds
    assert {refusal_word(kind("borrower 17 earns 3000")) for kind in kinds} == {"refused"}
