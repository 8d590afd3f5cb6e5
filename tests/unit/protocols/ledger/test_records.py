"""The digests of a record: made with hashlib alone, and what no text can be."""

import json
import struct
from base64 import b64decode
from pathlib import Path

import pytest

from protocols.ledger.records import content_digest, record_digest

_RECEIPT = json.loads(
    json.loads((Path(__file__).parents[3] / "vectors" / "receipt.json").read_text())["receipt"]
)


def test_the_digests_are_those_that_other_code_made() -> None:
    salt, body = bytes.fromhex(_RECEIPT["salt"]), bytes.fromhex(_RECEIPT["body_digest"])
    content = content_digest(salt, body, b64decode(_RECEIPT["answer"]))
    assert content.hex() == _RECEIPT["content_digest"]
    key = (_RECEIPT["tenant"], _RECEIPT["method"], _RECEIPT["request_id"])
    micros, answer_id = _RECEIPT["answered_at_micros"], _RECEIPT["answer_id"]
    digest = record_digest(_RECEIPT["position"], micros, key, answer_id, content)
    assert digest.hex() == _RECEIPT["record_digest"]


def test_what_does_not_fit_is_not_cut_off() -> None:
    with pytest.raises(struct.error):
        record_digest(2**63, 0, ("t", "m", "r"), "a", bytes(32))
    with pytest.raises(UnicodeEncodeError):
        record_digest(1, 0, ("\ud800", "m", "r"), "a", bytes(32))
