"""Who may have a receipt: whose answer it is, and who may read; others learn nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]

from protocols.ledger.receipt import parse_receipt, verify_receipt
from protocols.wire import receipts_v1_pb2 as receipts
from server.journal.journal import Journal, open_journal
from server.receipts import keeper, methods
from server.receipts.folder import ReceiptFolder
from server.receipts.methods import RECEIPTS, Receipts, open_receipts
from server.serving.access import Access
from server.serving.calls import Call, Peer, Reply
from server.serving.desk import ScoringDesk
from server.serving.once import Once
from tests.journals import NOW, draft
from tests.unit.server.receipts.world import wait_for
from tests.unit.server.serving.world import ACCESS_TOML, make_release, serving

GET = f"/{RECEIPTS}/GetReceipt"
PLATFORM, RIVAL = Peer(("platform.example",)), Peer(("rival.example",))
CODES = {code.value[0]: code.name for code in grpc.StatusCode}


@dataclass
class World:
    """A desk with receipts."""

    folder: ReceiptFolder
    journal: Journal
    receipts: Receipts
    desk: ScoringDesk

    def ask(self, answer_id: str, method: str = "", peer: Peer = PLATFORM) -> Reply:
        """Return the reply to a call."""
        message = receipts.GetReceiptRequest(answer_id=answer_id, method=method)
        return self.ask_raw(message.SerializeToString(), peer)

    def ask_raw(self, raw: bytes, peer: Peer = PLATFORM) -> Reply:
        """Return the reply to any bytes."""
        (reply,) = self.desk.answer([Call(GET, raw, peer)])
        return reply

    def logged(self, answer_id: str, method: str = "") -> bytes:
        """Return a receipt once there is one."""
        wait_for(lambda: self.ask(answer_id, method).status is None)
        (raw,) = self.ask(answer_id, method).messages
        return receipts.GetReceiptResponse.FromString(raw).receipt


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(keeper, "LOOK_S", 0.01)
    monkeypatch.setattr(keeper, "_TAKE_OVER_S", 0.02)
    (tmp_path / "access.toml").write_text(ACCESS_TOML)
    folder = ReceiptFolder(tmp_path / "receipts")
    folder.begin("test/decisions")
    where = str(tmp_path / "journal.sqlite")
    journal = open_journal(where)
    opened = open_receipts(folder.path, journal=where, answers=journal)
    access = Access.from_file(tmp_path / "access.toml")
    once = Once(serving(make_release()), journal, lambda: NOW)
    yield World(folder, journal, opened, ScoringDesk(once, access, opened.table(), streams=()))
    opened.close()
    journal.close()


def _said(reply: Reply) -> str:
    return "OK" if reply.status is None else CODES[reply.status.code]


def test_a_decision_and_a_score_have_receipts_that_verify(world: World) -> None:
    asked = [draft("r1", "d1", method="DecideLimit", tenant="platform")]
    asked += [draft("r1", "s1", method="Score", tenant="platform")]
    world.journal.commit(asked)
    for answer_id, method in (("d1", ""), ("d1", "DecideLimit"), ("s1", "Score")):
        receipt = parse_receipt(world.logged(answer_id, method))
        assert verify_receipt(receipt, world.folder.log()).origin == "test/decisions"
        assert (receipt.answer_id, receipt.tenant) == (answer_id, "platform")


def test_another_s_answer_is_as_unknown_as_none(world: World) -> None:
    world.journal.commit([draft("r1", "d1", method="DecideLimit", tenant="platform")])
    world.logged("d1")
    refused = world.ask("d1", peer=RIVAL)
    assert refused == world.ask("none", peer=RIVAL)
    assert _said(refused) == "NOT_FOUND"
    assert _said(world.ask("d1", "Score")) == "NOT_FOUND"


def test_who_may_not_read_or_is_nobody_is_refused(world: World) -> None:
    assert _said(world.ask_raw(b"\xff", Peer(("stranger.example",)))) == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (receipts.GetReceiptRequest(), "answer_id"),
        (receipts.GetReceiptRequest(answer_id="a\x00b"), "answer_id"),
        (receipts.GetReceiptRequest(answer_id="d1", method="Shadow-DecideLimit"), "method"),
        (receipts.GetReceiptRequest(answer_id="d1", method="Decide"), "method"),
    ],
)
def test_what_nobody_was_given_is_refused_by_name(
    world: World, message: receipts.GetReceiptRequest, field: str
) -> None:
    reply = world.ask_raw(message.SerializeToString())
    assert _said(reply) == "INVALID_ARGUMENT"
    assert reply.status is not None
    assert field in reply.status.message
    assert _said(world.ask_raw(b"\xff")) == "INVALID_ARGUMENT"


def test_before_it_is_logged_the_caller_is_told_when_to_ask_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.receipts.keeper.close()
    world.journal.commit([draft("r1", "d1", method="DecideLimit", tenant="platform")])
    reply = world.ask("d1")
    assert _said(reply) == "UNAVAILABLE"
    assert reply.status is not None
    retry = RetryInfo()
    assert reply.status.details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 200


def test_an_answer_that_was_deleted_has_no_receipt_any_more(world: World) -> None:
    (record,) = world.journal.commit([draft("r1", "d1", method="DecideLimit", tenant="platform")])
    world.logged("d1")
    world.journal.prune(before=record.answered_at.replace(year=2030))
    assert _said(world.ask("d1")) == "NOT_FOUND"


def test_a_log_that_stopped_says_so_for_what_it_will_never_hold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.receipts.keeper, "_failure", "journal: record 7 is gone")
    world.receipts.keeper.close()
    world.journal.commit([draft("r1", "d1", method="DecideLimit", tenant="platform")])
    reply = world.ask("d1")
    assert _said(reply) == "DATA_LOSS"
    assert reply.status is not None
    assert "record 7 is gone" in reply.status.message
    assert methods.RECEIPTS == "fedscore.receipts.v1.ReceiptService"
