"""Deliveries and replies survive Flower's records, and nothing else gets through them."""

import pytest
from flwr.app import ConfigRecord, RecordDict

from protocols.contracts.orders import Delivery, Reply
from protocols.errors import ContractError
from protocols.records import (
    MAX_BYTES,
    RECORD,
    delivery_from_records,
    delivery_to_records,
    reply_from_records,
    reply_to_records,
)


def test_a_delivery_comes_back_as_it_was() -> None:
    delivery = Delivery(b"order", b"\x00parameters", b"")
    assert delivery_from_records(delivery_to_records(delivery)) == delivery


def test_a_reply_comes_back_as_it_was() -> None:
    reply = Reply(b"answer", bytes(range(256)), b"a\nb")
    assert reply_from_records(reply_to_records(reply)) == reply


def test_a_part_too_large_to_travel_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ContractError, match="order holds"):
        delivery_to_records(Delivery(bytes(MAX_BYTES["order"] + 1), b"", b""))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (RecordDict(), "one record"),
        (RecordDict({"other": ConfigRecord()}), "one record"),
        (RecordDict({RECORD: ConfigRecord(), "more": ConfigRecord()}), "one record"),
        (RecordDict({RECORD: ConfigRecord()}), "expected the parts"),
        (RecordDict({RECORD: ConfigRecord({"answer": b"", "vector": b""})}), "expected the parts"),
        (
            RecordDict(
                {
                    RECORD: ConfigRecord(
                        {"answer": b"", "vector": "text", "leaves": b"", "cosigned": b""}
                    )
                }
            ),
            "vector must be bytes",
        ),
        (
            RecordDict(
                {
                    RECORD: ConfigRecord(
                        {"answer": b"", "vector": [b""], "leaves": b"", "cosigned": b""}
                    )
                }
            ),
            "vector must be bytes",
        ),
        (
            RecordDict(
                {
                    RECORD: ConfigRecord(
                        {
                            "answer": bytes(MAX_BYTES["answer"] + 1),
                            "vector": b"",
                            "leaves": b"",
                            "cosigned": b"",
                        }
                    )
                }
            ),
            "answer holds",
        ),
    ],
)
def test_records_of_another_shape_are_refused(records: RecordDict, expected: str) -> None:
    with pytest.raises(ContractError, match=expected):
        reply_from_records(records)


def test_a_reply_is_not_a_delivery() -> None:
    with pytest.raises(ContractError, match="expected the parts"):
        delivery_from_records(reply_to_records(Reply(b"", b"", b"")))
