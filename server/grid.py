"""Orders out, replies back, over Flower's Grid: one exchange with a deadline.

Flower's own `send_and_receive` sleeps 3 s between looks and waits up to two hours for a reply
whose sender died half-way; here a look takes 50 ms and nothing blocks.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import cast

from flwr.app import Message
from flwr.common.constant import ErrorCode
from flwr.proto.message_pb2 import (
    ConfirmMessageReceivedRequest,
    ObjectTree,
    PullObjectRequest,
)
from flwr.proto.message_pb2 import Message as ProtoMessage
from flwr.proto.runtime_pb2 import PullAppMessagesRequest
from flwr.serverapp import Grid
from flwr.superlink.grid import HttpGrid

from protocols.contracts.orders import Delivery, Reply
from protocols.errors import ContractError, RoundError
from protocols.records import (
    MESSAGE_TYPE,
    delivery_to_records,
    record_id,
    records_from_object,
    reply_from_records,
)

# The SuperLink's words for "the message or its reply is gone": worth another push.
_LOST = {
    ErrorCode.MESSAGE_UNAVAILABLE,
    ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
    ErrorCode.NODE_UNAVAILABLE,
}
_CLOCK_SKEW_S = 60.0  # a reply's lifetime is reckoned by the partner's clock

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How often an exchange looks for replies, and when it pushes a delivery again.

    Attributes:
        poll_s: Pause between two looks; less than 0.05 s only makes the SuperLink busier.
        repush_after_s: Silence after which a delivery is pushed again; doubles each time.
    """

    poll_s: float = 0.05
    repush_after_s: float = 5.0


class GridTransport:
    """Carries deliveries to named partners and their replies back."""

    def __init__(
        self,
        grid: Grid,
        nodes: Mapping[str, int],
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Bind a Grid to the partners that may be reached through it.

        Args:
            grid: The Grid that Flower gave to the ServerApp.
            nodes: Partner name -> Flower node id.
            pace: How often to look and to push again.
            clock: Monotonic seconds.
            sleep: Waits that many seconds.
        """
        self._grid = cast(HttpGrid, grid)  # its client is needed to fetch objects one by one
        self._nodes = dict(nodes)
        self._pace = pace or Pace()
        self._clock = clock
        self._sleep = sleep

    def wait_online(self, partners: Collection[str], *, deadline_s: float) -> None:
        """Return once every partner's node is connected.

        Raises:
            RoundError: Some are not by the deadline, or are not registered; the text names them.
        """
        until = self._clock() + deadline_s
        while missing := self._offline(partners):
            if self._clock() >= until:
                raise RoundError(f"not connected within {deadline_s:g} s: {', '.join(missing)}")
            self._sleep(self._pace.poll_s)

    def exchange(
        self, deliveries: Mapping[str, Delivery], *, deadline_s: float
    ) -> dict[str, Reply]:
        """Send one delivery to each partner and collect what comes back in time.

        Flower delivers a message at most once, so a partner that stays silent gets the same
        delivery again; nodes answer a repeated order with the stored reply. Replies to earlier
        exchanges are never looked at.

        Args:
            deliveries: Partner name -> what it is sent.
            deadline_s: Seconds until whoever has not answered counts as missing.

        Returns:
            Partner name -> reply. Partners that were silent or refused are absent.

        Raises:
            RoundError: A name has no registered node.
            ContractError: A delivery is too large to travel.
        """
        if unknown := sorted(set(deliveries) - set(self._nodes)):
            raise RoundError(f"no registered node for: {', '.join(unknown)}")
        state = _Exchange(deliveries=dict(deliveries), until=self._clock() + deadline_s)
        self._push(state, state.waiting)
        while state.waiting and self._clock() < state.until:
            self._sleep(self._pace.poll_s)
            self._look(state)
            if due := {name for name in state.waiting if state.push_at[name] <= self._clock()}:
                _logger.info("pushing again", extra={"partners": sorted(due)})
                self._push(state, due)
        for name in sorted(state.waiting):
            _logger.warning("no reply in time", extra={"partner_id": name})
        return state.replies

    def _offline(self, partners: Collection[str]) -> list[str]:
        online = set(self._grid.get_node_ids())
        return sorted(name for name in partners if self._nodes.get(name) not in online)

    def _push(self, state: "_Exchange", names: Collection[str]) -> None:
        ttl_s = max(state.until - self._clock(), 0.0) + _CLOCK_SKEW_S
        order = sorted(names)
        messages = [
            Message(
                delivery_to_records(state.deliveries[name]),
                self._nodes[name],
                MESSAGE_TYPE,
                ttl=ttl_s,
            )
            for name in order
        ]
        for name, message_id in zip(order, self._grid.push_messages(messages), strict=True):
            if message_id:
                state.owner[message_id] = name
            wait_s = self._pace.repush_after_s * 2 ** state.pushes.get(name, 0)
            state.pushes[name] = state.pushes.get(name, 0) + 1
            state.push_at[name] = self._clock() + wait_s

    def _look(self, state: "_Exchange") -> None:
        """Take note of replies that were announced, then fetch those that have arrived whole."""
        asked = [m for m, name in state.owner.items() if name in state.waiting]
        found = self._grid._runtime_client.PullMessages(PullAppMessagesRequest(message_ids=asked))
        for head, tree in zip(found.messages_list, found.message_object_trees, strict=True):
            name = state.owner.pop(head.metadata.reply_to_message_id, None)
            if name is not None and name in state.waiting:
                self._note(state, name, head, tree)
        for name, object_id, message_id in list(state.announced):
            if name in state.waiting:
                self._fetch(state, name, object_id, message_id)

    def _note(self, state: "_Exchange", name: str, head: ProtoMessage, tree: ObjectTree) -> None:
        if head.HasField("error"):
            _logger.warning(
                "error reply", extra={"partner_id": name, "error_code": head.error.code}
            )
            if head.error.code not in _LOST:
                state.refused.add(name)
            return
        try:
            state.announced.append((name, record_id(tree), head.metadata.message_id))
        except ContractError as err:
            self._reject(state, name, err)

    def _fetch(self, state: "_Exchange", name: str, object_id: str, message_id: str) -> None:
        client, run_id = self._grid._runtime_client, self._grid.run.run_id
        node = self._grid.node
        got = client.PullObject(PullObjectRequest(node=node, run_id=run_id, object_id=object_id))
        if not got.object_available:
            return  # still being uploaded, or its sender died: a repeated push will tell
        try:
            records = records_from_object(object_id, got.object_content)
            state.replies[name] = reply_from_records(records)
        except ContractError as err:
            self._reject(state, name, err)
        client.ConfirmMessageReceived(
            ConfirmMessageReceivedRequest(node=node, run_id=run_id, message_object_id=message_id)
        )

    def _reject(self, state: "_Exchange", name: str, err: ContractError) -> None:
        _logger.warning("malformed reply", extra={"partner_id": name, "reason": str(err)})
        state.refused.add(name)


@dataclass
class _Exchange:
    """What one exchange knows so far."""

    deliveries: dict[str, Delivery]
    until: float
    replies: dict[str, Reply] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    owner: dict[str, str] = field(default_factory=dict)  # message id -> partner
    announced: list[tuple[str, str, str]] = field(default_factory=list)  # partner, object, message
    pushes: dict[str, int] = field(default_factory=dict)
    push_at: dict[str, float] = field(default_factory=dict)

    @property
    def waiting(self) -> set[str]:
        """Partners that neither answered nor refused."""
        return set(self.deliveries) - set(self.replies) - self.refused
