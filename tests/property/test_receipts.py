"""Of any tree, grown in any steps: its tiles are the tree, and a bit of a receipt changes all."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import VerificationError
from protocols.ledger.canonical import digest
from protocols.ledger.checkpoint import Checkpoint, LogKey, sign_checkpoint
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.paths import consistency_path, inclusion_path, root_of
from protocols.ledger.receipt import Receipt, parse_receipt, verify_receipt
from protocols.ledger.tree import Tree
from server.journal.record import START, Draft, Key, Record, place, to_micros
from server.receipts.tiles import grown, over, subtree_in

_KEY = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
_LOG = LogKey("test/decisions", _KEY.public_key().public_bytes_raw())
_LEAVES = [digest(b"leaf %d" % number) for number in range(1_000)]
_HASHES = [leaf_hash(leaf) for leaf in _LEAVES]
_TREE = Tree(_HASHES)
_AT = datetime(2026, 7, 1, tzinfo=UTC)
_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


def _nothing(*_: int) -> bytes:
    return b""


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.integers(0, 400), max_size=4), at=st.data())
def test_tiles_grown_in_any_steps_are_the_tree(steps: list[int], at: st.DataObject) -> None:
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in steps:
        hashes = _HASHES[size : size + step]
        tiles |= grown(over(_nothing, tiles), size, hashes)
        size += len(hashes)
    subtree = subtree_in(over(_nothing, tiles))
    assert root_of(subtree, 0, size) == _TREE.root_at(size)
    if size:
        index, old = at.draw(st.integers(0, size - 1)), at.draw(st.integers(0, size))
        assert inclusion_path(subtree, index, size) == _TREE.inclusion_path(index, size=size)
        assert consistency_path(subtree, old, size) == _TREE.consistency_path(old, size)


def _receipt(record: Record, size: int) -> Receipt:
    index = record.position - 1
    hashes = [*_HASHES[:index], leaf_hash(record.digest), *_HASHES[record.position : size]]
    tree = Tree(hashes)
    tenant, method, request_id = record.key
    return Receipt(
        position=record.position,
        answered_at_micros=to_micros(record.answered_at),
        tenant=tenant,
        method=method,
        request_id=request_id,
        answer_id=record.answer_id,
        answer=record.answer,
        salt=record.salt,
        body_digest=record.body_digest,
        content_digest=record.content_digest,
        record_digest=record.digest,
        path=tuple(tree.inclusion_path(index)),
        checkpoint=sign_checkpoint(Checkpoint(_LOG.origin, size, tree.root), _KEY),
    )


@settings(max_examples=60, deadline=None)
@given(
    names=st.tuples(_TEXT, _TEXT, _TEXT, _TEXT),
    answer=st.binary(max_size=40),
    minutes=st.integers(0, 10**6),
    sizes=st.tuples(st.integers(1, 40), st.integers(0, 40)),
    bits=st.lists(st.floats(0, 1, exclude_max=True), min_size=8, max_size=8),
)
def test_a_receipt_verifies_and_with_any_bit_flipped_it_does_not(
    names: tuple[str, str, str, str],
    answer: bytes,
    minutes: int,
    sizes: tuple[int, int],
    bits: list[float],
) -> None:
    position, more = sizes
    at = _AT + timedelta(minutes=minutes)
    draft = Draft(Key(*names[:3]), digest(b"body"), names[3], lambda _: answer, at)
    receipt = _receipt(place(draft, position, START), position + more)
    raw = receipt.to_bytes()
    assert verify_receipt(parse_receipt(raw), _LOG).size == position + more
    for fraction in bits:
        byte, bit = divmod(int(fraction * len(raw) * 8), 8)
        bent = raw[:byte] + bytes([raw[byte] ^ 1 << bit]) + raw[byte + 1 :]
        assert _is_refused(bent), (byte, bit)


def _is_refused(raw: bytes) -> bool:
    try:
        verify_receipt(parse_receipt(raw), _LOG)
    except VerificationError:
        return True
    return False
