"""Honest inputs that fuzzing begins with: all made by the code under test, never kept as bytes."""

from functools import cache
from typing import Any, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.ledger.canonical import JsonValue, digest, parse_canonical
from protocols.ledger.checkpoint import Checkpoint, LogKey, sign_checkpoint
from protocols.ledger.codec import encode
from protocols.ledger.entry import NO_PIN, Pin, parse_entry
from protocols.ledger.envelope import sign
from protocols.ledger.evidence import Evidence, consistency, inclusion
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.messages import (
    Acknowledged,
    AskAuthorise,
    AskClose,
    AskCosign,
    Contribution,
    Refused,
)
from protocols.ledger.orders import Asked
from protocols.ledger.proof_bundle import proof_bundle
from protocols.ledger.receipt import Receipt
from protocols.ledger.records import content_digest, record_digest
from protocols.ledger.tiles import tile_files
from protocols.ledger.tree import Tree
from protocols.wire import decisions_v1_pb2 as decisions
from tests.adversarial.ledger.honest import PLAN, World, key_for
from tests.fuzz.logs import payload_bytes, short_worlds

Kind = type[Any]  # Any: of an entry or a message

_DIGEST = "ab" * 32
_LOG_KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)


@cache
def worlds() -> tuple[World, World, World]:
    """Return federations in mode local, in mode distributed, and under a second charter."""
    return short_worlds()


def a_leaf() -> bytes:
    """Return a partner's first leaf."""
    return worlds()[0].leaves[1]


@cache
def payloads() -> tuple[tuple[Kind, JsonValue], ...]:
    """Return one parsed payload of every kind of entry and message."""
    found: dict[Kind, bytes] = {type(item): encode(item) for item in _messages()}
    for leaf in worlds()[0].leaves[1:]:
        envelope, entry = parse_entry(leaf)
        found.setdefault(type(entry), envelope.payload)
    return tuple((kind, parse_canonical(raw)) for kind, raw in found.items())


def encoded() -> list[bytes]:
    """Return the same as bytes."""
    return [payload_bytes(payload) for _, payload in payloads()]


def asked() -> list[tuple[Kind, JsonValue]]:
    """Return one parsed payload of every kind of order."""
    return [(kind, payload) for kind, payload in payloads() if kind in get_args(Asked)]


def signed_order(kind: Kind, payload: bytes) -> bytes:
    """Return an order by the coordinator's key, whatever it says."""
    return sign(payload, payload_type=kind.payload_type, keys=[key_for("order")]).to_bytes()


@cache
def evidence() -> Evidence:
    """Return evidence for a partner's first two entries."""
    world = worlds()[0]
    return Evidence(
        cosigned_note(),
        (consistency(5, world.tree.consistency_path(5)),),
        tuple(inclusion(seq, seq + 1, world.tree.inclusion_path(seq + 1)) for seq in range(2)),
    )


def pins_seen() -> tuple[Pin, ...]:
    """Return what a reader of that evidence may have seen: nothing, some, more than there is."""
    root_at = worlds()[0].tree.root_at
    return NO_PIN, Pin(5, root_at(5).hex()), Pin(2**40, digest(b"").hex())


@cache
def bundle() -> bytes:
    """Return the proof of a leaf."""
    path = worlds()[0].tree.inclusion_path(1)
    return proof_bundle(1, path, cosigned_note(), extra=a_leaf()).encode()


@cache
@cache
def receipt() -> bytes:
    """Return the receipt of a decision."""
    answer, salt, body = decisions.DecideLimitResponse(), bytes(16), digest(b"asked")
    answer.decision.request_id, answer.decision.journal_position = "r1", 1
    raw = answer.SerializeToString()
    content = content_digest(salt, body, raw)
    record = record_digest(1, 0, ("bank", "DecideLimit", "r1"), "d1", content)
    tree = Tree([leaf_hash(record), leaf_hash(b"next")])
    return Receipt(
        position=1,
        answered_at_micros=0,
        tenant="bank",
        method="DecideLimit",
        request_id="r1",
        answer_id="d1",
        answer=raw,
        salt=salt,
        body_digest=body,
        content_digest=content,
        record_digest=record,
        path=tuple(tree.inclusion_path(0)),
        checkpoint=sign_checkpoint(Checkpoint("test/decisions", 2, tree.root), _LOG_KEY),
    ).to_bytes()


def decision_log() -> LogKey:
    """Return the key of the log that it is of."""
    return LogKey("test/decisions", _LOG_KEY.public_key().public_bytes_raw())


def cosigned_note() -> str:
    """Return the last checkpoint, cosigned by all."""
    return worlds()[0].cosigned(worlds()[0].leaves, worlds()[0].tree.size)


@cache
def tiles() -> tuple[tuple[str, bytes], ...]:
    """Return the files of a log of two bundles."""
    return tuple(tile_files(b"%d" % number for number in range(300)))


def _messages() -> tuple[Any, ...]:  # Any: no two have a type in common
    charter = worlds()[0].terms.charter.hex()
    return (
        AskAuthorise(charter, "run-1", PLAN, 2, -1, 7),
        AskClose(charter, "run-1"),
        AskCosign(charter, "run-1"),
        Contribution("north", _DIGEST, _DIGEST, _DIGEST, _DIGEST),
        Acknowledged("north", _DIGEST),
        Refused("north", _DIGEST, "order-refused"),
    )
