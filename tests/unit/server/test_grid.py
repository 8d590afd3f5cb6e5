"""One exchange over a Grid that a test bends: lost messages, refusals, late and broken replies."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from flwr.app import Error, Message, RecordDict
from flwr.app.message import remove_content_from_message
from flwr.common.constant import ErrorCode
from flwr.common.serde import message_to_proto
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects, get_object_tree
from flwr.supercore.task_identity import TaskIdentity

from protocols.contracts.orders import Delivery, Reply
from protocols.errors import RoundError
from protocols.records import delivery_from_records, reply_to_records
from server.grid import GridTransport, Pace

NODES = {"east": 11, "north": 12}
ORDER = Delivery(b"order", b"", b"")


@pytest.fixture(autouse=True)
def _identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_run_id", "_node_id", "_task_id"):
        monkeypatch.setattr(TaskIdentity, name, 1)


@dataclass
class FakeGrid:
    """Answers pushed messages as ``respond`` says, at once; time passes by sleeping only."""

    respond: Callable[[Message, int], Message | None]
    online: set[int] = field(default_factory=lambda: set(NODES.values()))
    now: float = 0.0
    pushed: list[Message] = field(default_factory=list)
    replies: dict[str, Message] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    confirmed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._runtime_client = self
        self.run = SimpleNamespace(run_id=1)
        self.node = None

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get_node_ids(self) -> set[int]:
        return self.online

    def push_messages(self, messages: list[Message]) -> list[str]:
        for message in messages:
            message.metadata.__dict__["_message_id"] = f"m{len(self.pushed)}"
            self.pushed.append(message)
            count = sum(p.metadata.dst_node_id == message.metadata.dst_node_id for p in self.pushed)
            if (reply := self.respond(message, count)) is not None:
                self.replies[message.metadata.message_id] = reply
        return [message.metadata.message_id for message in messages]

    def PullMessages(self, request: Any) -> SimpleNamespace:
        found = [self.replies.pop(m) for m in request.message_ids if m in self.replies]
        heads, trees = [], []
        for reply in found:
            reply.metadata.__dict__["_message_id"] = reply.object_id
            self.objects |= {k: v.deflate() for k, v in get_all_nested_objects(reply).items()}
            trees.append(get_object_tree(reply))
            head = remove_content_from_message(reply) if reply.has_content() else reply
            heads.append(message_to_proto(head))
        return SimpleNamespace(messages_list=heads, message_object_trees=trees)

    def PullObject(self, request: Any) -> SimpleNamespace:
        content = self.objects.get(request.object_id, b"")
        return SimpleNamespace(object_available=bool(content), object_content=content)

    def ConfirmMessageReceived(self, request: Any) -> None:
        self.confirmed.append(request.message_object_id)


def _echo(message: Message, _count: int) -> Message:
    order = delivery_from_records(message.content).order
    answer = b"%d " % message.metadata.dst_node_id + order
    return Message(reply_to_records(Reply(answer, b"", b"")), reply_to=message)


def _error(message: Message, code: int) -> Message:
    return Message(Error(code, "words"), reply_to=message)


def _transport(grid: FakeGrid) -> GridTransport:
    pace = Pace(poll_s=0.1, repush_after_s=2.0)
    fake: Any = grid  # implements the part of HttpGrid that GridTransport uses
    return GridTransport(fake, NODES, pace=pace, clock=lambda: grid.now, sleep=grid.sleep)


def test_replies_come_back_by_partner_name_and_are_confirmed() -> None:
    grid = FakeGrid(_echo)
    replies = _transport(grid).exchange(dict.fromkeys(NODES, ORDER), deadline_s=10)
    assert {name: reply.answer for name, reply in replies.items()} == {
        "east": b"11 order",
        "north": b"12 order",
    }
    assert len(grid.confirmed) == 2
    assert grid.now < 0.2


def test_a_silent_partner_is_pushed_to_again_ever_more_rarely_until_the_deadline() -> None:
    grid = FakeGrid(lambda m, n: _echo(m, n) if m.metadata.dst_node_id == 11 else None)
    replies = _transport(grid).exchange(dict.fromkeys(NODES, ORDER), deadline_s=13)
    assert set(replies) == {"east"}
    assert [p.metadata.dst_node_id for p in grid.pushed] == [11, 12, 12, 12]  # at 0, 2, 6
    assert grid.now == pytest.approx(13, abs=0.2)


def test_a_lost_message_is_answered_on_the_second_push() -> None:
    grid = FakeGrid(lambda m, n: _echo(m, n) if n == 2 else None)
    replies = _transport(grid).exchange({"north": ORDER}, deadline_s=10)
    assert replies["north"].answer == b"12 order"
    assert grid.now == pytest.approx(2.1, abs=0.2)


def test_a_refusal_ends_the_wait_for_that_partner() -> None:
    grid = FakeGrid(lambda m, _n: _error(m, 100))
    assert _transport(grid).exchange(dict.fromkeys(NODES, ORDER), deadline_s=10) == {}
    assert grid.now < 0.2


def test_a_message_that_flower_lost_is_pushed_again() -> None:
    grid = FakeGrid(lambda m, n: _echo(m, n) if n == 2 else _error(m, ErrorCode.NODE_UNAVAILABLE))
    assert set(_transport(grid).exchange({"east": ORDER}, deadline_s=10)) == {"east"}


def test_a_reply_that_is_no_reply_counts_as_missing() -> None:
    grid = FakeGrid(lambda m, _n: Message(RecordDict(), reply_to=m))
    assert _transport(grid).exchange({"east": ORDER}, deadline_s=10) == {}
    grid = FakeGrid(lambda m, _n: Message(m.content, reply_to=m))  # a delivery sent back
    assert _transport(grid).exchange({"east": ORDER}, deadline_s=10) == {}


def test_a_reply_whose_upload_broke_off_does_not_block_the_one_that_follows() -> None:
    grid = FakeGrid(_echo)
    kept = grid.PullObject
    broken: set[str] = set()

    def pull(request: Any) -> SimpleNamespace:
        broken.add(request.object_id) if not broken else None
        if request.object_id in broken and len(grid.pushed) < 2:
            return SimpleNamespace(object_available=False, object_content=b"")
        return kept(request)

    grid.PullObject = pull  # type: ignore[method-assign]  # the fake's own method, bent
    assert set(_transport(grid).exchange({"east": ORDER}, deadline_s=10)) == {"east"}
    assert len(grid.pushed) == 2


def test_a_late_reply_to_an_earlier_exchange_is_never_looked_at() -> None:
    late: list[Message] = []

    def respond(message: Message, count: int) -> Message | None:
        if count == 1:
            late.append(message)
            return None
        return _echo(message, count)

    grid = FakeGrid(respond)
    transport = _transport(grid)
    assert transport.exchange({"east": Delivery(b"first", b"", b"")}, deadline_s=1) == {}
    grid.replies[late[0].metadata.message_id] = _echo(late[0], 1)
    replies = transport.exchange({"east": Delivery(b"second", b"", b"")}, deadline_s=1)
    assert replies["east"].answer == b"11 second"


def test_a_partner_without_a_node_is_an_error() -> None:
    with pytest.raises(RoundError, match="west"):
        _transport(FakeGrid(_echo)).exchange({"west": ORDER}, deadline_s=1)


def test_waiting_for_nodes_names_those_that_never_came() -> None:
    grid = FakeGrid(_echo, online={11})
    _transport(grid).wait_online(["east"], deadline_s=1)
    with pytest.raises(RoundError, match="within 1 s: north, west"):
        _transport(grid).wait_online(["east", "north", "west"], deadline_s=1)
