"""A receipt shows what it says: against bytes that were made by other code, and bent ones."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocols import errors
from protocols.errors import CheckpointError, EntryError, InclusionError
from protocols.ledger.checkpoint import Checkpoint
from protocols.ledger.receipt import Receipt, parse_receipt, verify_receipt
from protocols.ledger.records import record_digest
from protocols.ledger.verifier import parse_verifier

_VECTOR = json.loads(
    (Path(__file__).parents[3] / "vectors" / "receipt.json").read_text(encoding="utf-8")
)
_RAW: bytes = _VECTOR["receipt"].encode()
_LOG = parse_verifier(_VECTOR["verifier"])


def _receipt() -> Receipt:
    return parse_receipt(_RAW)


def _bent(member: str, value: object) -> bytes:
    table: dict[str, Any] = json.loads(_RAW)  # Any: whatever JSON holds
    assert table[member] != value
    table[member] = value
    text = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def test_a_receipt_made_elsewhere_verifies_and_prints_back() -> None:
    receipt = _receipt()
    root = bytes.fromhex(_VECTOR["root"])
    assert verify_receipt(receipt, _LOG) == Checkpoint("test/decisions", 7, root)
    assert receipt.to_bytes() == _RAW
    assert (receipt.position, receipt.answer) == (5, b"an answer, to the byte \x00\xff")
    assert receipt.record_digest.hex() == _VECTOR["leaves"][4]


@pytest.mark.parametrize("case", _VECTOR["bad"], ids=lambda case: case["name"])
def test_a_bad_one_is_refused_by_the_part_that_is_wrong(case: dict[str, Any]) -> None:
    with pytest.raises(getattr(errors, case["error"])) as caught:
        verify_receipt(parse_receipt(_bent(case["member"], case["value"])), _LOG)
    assert type(caught.value).__name__ == case["error"]


def test_what_fails_is_said() -> None:
    said = {
        "answer": "answer, salt and body digest",
        "tenant": "position, time, tenant, method and ids",
    }
    for member, words in said.items():
        value = {"answer": b"x", "tenant": "x"}[member]
        with pytest.raises(errors.ChainError, match=words):
            verify_receipt(replace(_receipt(), **{member: value}), _LOG)  # type: ignore[arg-type]


def test_another_log_s_receipt_is_refused() -> None:
    other = replace(_LOG, origin="other/decisions")
    with pytest.raises(CheckpointError):
        verify_receipt(_receipt(), other)


def test_a_record_is_shown_at_its_own_position_only() -> None:
    # Its digest is made again, as who forges one would: only the log stands against it.
    receipt = _receipt()
    key = (receipt.tenant, receipt.method, receipt.request_id)
    forged = record_digest(
        4, receipt.answered_at_micros, key, receipt.answer_id, receipt.content_digest
    )
    with pytest.raises(InclusionError):
        verify_receipt(replace(receipt, position=4, record_digest=forged), _LOG)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        _RAW + b"\n",
        b" " + _RAW,
        _RAW.replace(b'"position":5', b'"position":5.0'),
        _RAW.replace(b'"position":5', b'"position":true'),
        _RAW.replace(b'"tenant":"bank"', b'"tenant":"bank","tenants":1'),
        _bent("position", 2**53 - 1 + 1),
        _bent("answered_at_micros", -1),
        _bent("answered_at_micros", 253_402_300_800_000_000),
        _bent("answer", "AAA"),
        _bent("path", ["00"]),
        _bent("path", ["00" * 32] * 65),
        _bent("tenant", None),
    ],
)
def test_what_is_not_written_as_a_receipt_is_none(raw: bytes) -> None:
    with pytest.raises(EntryError):
        parse_receipt(raw)


def test_no_bit_of_a_receipt_can_be_another() -> None:
    for at in range(len(_RAW)):
        for bit in range(8):
            bent = _RAW[:at] + bytes([_RAW[at] ^ 1 << bit]) + _RAW[at + 1 :]
            with pytest.raises(errors.VerificationError):
                verify_receipt(parse_receipt(bent), _LOG)
