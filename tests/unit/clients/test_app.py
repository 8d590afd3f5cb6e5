"""The ClientApp: answers become messages, and every failure becomes one constant."""

import logging

import pytest
from flwr.app import Context, Message, RecordDict
from flwr.app.message import make_message
from flwr.app.metadata import Metadata

from clients.app import REFUSED, REFUSED_CODE, Answer, app, client_app
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import BudgetExhaustedError
from protocols.records import MAX_BYTES, MESSAGE_TYPE, delivery_to_records, reply_from_records

CONTEXT = Context(1, 7, {}, RecordDict(), {})


def _order(content: RecordDict | None = None) -> Message:
    metadata = Metadata(
        run_id=1,
        message_id="m",
        src_node_id=1,
        dst_node_id=7,
        reply_to_message_id="",
        group_id="",
        created_at=2e9,
        ttl=60.0,
        message_type=MESSAGE_TYPE,
    )
    records = delivery_to_records(Delivery(b"order", b"p", b"e"))
    return make_message(metadata=metadata, content=records if content is None else content)


def test_an_answer_travels_back() -> None:
    client = client_app(lambda delivery: Reply(delivery.order, delivery.parameters, b""))
    reply = client(_order(), CONTEXT)
    assert reply_from_records(reply.content) == Reply(b"order", b"p", b"")
    assert reply.metadata.reply_to_message_id == "m"


def _out_of_budget(_delivery: Delivery) -> Reply:
    raise BudgetExhaustedError("spend 3 over the cap of 2")


def _bug(_delivery: Delivery) -> Reply:
    raise KeyError("income=of the borrower")


def _too_large(_delivery: Delivery) -> Reply:
    return Reply(bytes(MAX_BYTES["answer"] + 1), b"", b"")


@pytest.mark.parametrize("answer", [_out_of_budget, _bug, _too_large])
def test_whatever_goes_wrong_the_coordinator_reads_one_word(answer: Answer) -> None:
    reply = client_app(answer)(_order(), CONTEXT)
    assert (reply.error.code, reply.error.reason) == (REFUSED_CODE, REFUSED)


def test_the_value_in_an_unknown_exception_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client_app(_bug)(_order(), CONTEXT)
    assert [record.message for record in caplog.records] == ["order failed"]
    facts = str(vars(caplog.records[0]))
    assert "of the borrower" not in facts
    assert "KeyError" in facts


def test_a_malformed_order_is_refused_without_asking() -> None:
    def answer(_delivery: Delivery) -> Reply:
        pytest.fail("asked")

    assert client_app(answer)(_order(RecordDict()), CONTEXT).error.reason == REFUSED


def test_the_app_that_the_bundle_names_refuses() -> None:
    assert app(_order(), CONTEXT).error.reason == REFUSED
