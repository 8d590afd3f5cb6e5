"""The partner's Flower node: one process that runs only what the partner installed.

It speaks Flower's fleet API through flwr's own client, never fetches the coordinator's bundle,
and ends only when it is told to: a lost coordinator is waited for, quietly.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flwr.app import Context, Message, RecordDict
from flwr.app.message import make_message, remove_content_from_message
from flwr.clientapp import ClientApp
from flwr.common.serde import message_from_proto, message_to_proto
from flwr.proto.fleet_pb2 import (
    ActivateNodeRequest,
    DeactivateNodeRequest,
    PullMessagesRequest,
    PushMessagesRequest,
)
from flwr.proto.heartbeat_pb2 import SendNodeHeartbeatRequest
from flwr.proto.message_pb2 import (
    ConfirmMessageReceivedRequest,
    ObjectTree,
    PullObjectRequest,
    PushObjectRequest,
)
from flwr.proto.node_pb2 import Node
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.primitives.asymmetric import public_key_to_bytes
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

from clients.app import Answer, client_app
from protocols.errors import ConfigError, ContractError
from protocols.records import MAX_RECORD_BYTES, MESSAGE_TYPE, record_id, records_from_object
from protocols.stopping import stop_signals

_ARRIVAL_S = 30.0  # a message is announced before its objects are uploaded; then it is lost
_TIMEOUT_S = 10.0  # for one connect, read or write, not for a whole message

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunnerSettings:
    """Where the coordinator is, who this node is, and how eagerly it asks.

    Attributes:
        coordinator: ``host:port`` of the coordinator's public listener.
        ca_cert: PEM file that the coordinator's certificate must chain to.
        node_key: PEM file of this node's P-384 private key.
        state_dir: Directory of this node alone: the id of its last session.
        poll_s: Pause between two questions while a run is active.
        idle_poll_s: The same once ``idle_after_s`` went by without a message.
        idle_after_s: See ``idle_poll_s``.
        heartbeat_s: What the SuperLink expects; silent for twice as long counts as gone (>= 10).
        retry_s: Pause before a lost coordinator is tried again.
    """

    coordinator: str
    ca_cert: Path
    node_key: Path
    state_dir: Path
    poll_s: float = 0.05
    idle_poll_s: float = 1.0
    idle_after_s: float = 30.0
    heartbeat_s: float = 10.0
    retry_s: float = 0.5


def run_node(
    settings: RunnerSettings, answer: Answer, *, stop: threading.Event | None = None
) -> None:
    """Answer orders until told to stop; an order that has begun is finished first.

    SIGTERM and SIGINT stop it when called in the main thread. A coordinator that is down,
    restarts or does not know the node is asked again for ever; it is logged once.

    One process of a node at a time is the caller's to see to.

    Args:
        settings: Addresses, files and pace.
        answer: Turns a delivery into a reply; called from this thread, one at a time.
        stop: Set it to end the node from elsewhere.

    Raises:
        ConfigError: A file does not load.
    """
    stop = stop or threading.Event()
    key = _node_key(settings.node_key)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it reports every request
    with _stopped_by_signals(stop), _fleet(settings, key) as fleet:
        app, said = client_app(answer), ""
        while not stop.is_set():
            try:
                with _session(fleet, settings, key) as node:
                    said = ""
                    _Node(fleet, node, settings, stop, app).serve()
            except (httpx.HTTPError, ValueError) as err:  # ValueError: not what Flower would send
                reason = _reason(err)
                if reason != said:
                    _logger.warning("coordinator not available", extra={"reason": reason})
                said = reason
                stop.wait(settings.retry_s)


@dataclass
class _Node:
    """An activated node: pulls messages, answers them, one at a time."""

    fleet: FleetHttpClient
    node: Node
    settings: RunnerSettings
    stop: threading.Event
    app: ClientApp
    answered: ConfirmMessageReceivedRequest | None = None  # not confirmed yet

    def serve(self) -> None:
        """Pull and answer until told to stop.

        Raises:
            httpx.HTTPError: The SuperLink is gone or does not know this session any more.
        """
        last = time.monotonic()
        while not self.stop.is_set():
            pulled = self.fleet.PullMessages(PullMessagesRequest(node=self.node))
            for head, tree in zip(pulled.messages_list, pulled.message_object_trees, strict=True):
                self._handle(message_from_proto(head), tree)
                last = time.monotonic()
            is_idle = time.monotonic() - last > self.settings.idle_after_s
            self.stop.wait(self.settings.idle_poll_s if is_idle else self.settings.poll_s)

    def _handle(self, head: Message, tree: ObjectTree) -> None:
        run_id = head.metadata.run_id
        try:
            message = self._whole(head, tree)
            reply = self.app(message, Context(run_id, self.node.node_id, {}, RecordDict(), {}))
            self._send(run_id, reply)
            self._confirm_last(run_id, tree.object_id)
        except ContractError as err:
            _logger.warning("message ignored", extra={"reason": str(err)})
        except httpx.HTTPStatusError as err:
            # The run ended meanwhile. A session that ended shows at the next pull.
            _logger.warning("reply not wanted", extra={"reason": _reason(err)})

    def _confirm_last(self, run_id: int, message_id: str) -> None:
        """Let the SuperLink drop the message before this one.

        Never this one: the coordinator may still be uploading those of its parts that nobody
        asks for, and would fail. It sends the next message only when it has done with the last.
        """
        last, self.answered = (
            self.answered,
            ConfirmMessageReceivedRequest(
                node=self.node, run_id=run_id, message_object_id=message_id
            ),
        )
        if last is not None:
            self.fleet.ConfirmMessageReceived(last)

    def _whole(self, head: Message, tree: ObjectTree) -> Message:
        """Fetch what ``head`` announces; only the record, the rest is known (`record_id`)."""
        if head.metadata.message_type != MESSAGE_TYPE:
            raise ContractError(f"expected a message of type {MESSAGE_TYPE}")
        object_id = record_id(tree)
        request = PullObjectRequest(
            node=self.node, run_id=head.metadata.run_id, object_id=object_id
        )
        until = time.monotonic() + _ARRIVAL_S
        while not (got := self.fleet.PullObject(request)).object_available:
            if time.monotonic() > until or self.stop.wait(self.settings.poll_s / 2):
                raise ContractError(f"object {object_id} never arrived")
        content = records_from_object(object_id, got.object_content)
        return make_message(metadata=head.metadata, content=content)

    def _send(self, run_id: int, reply: Message) -> None:
        with no_object_id_recompute():
            reply.metadata.__dict__["_message_id"] = reply.object_id
            objects = get_all_nested_objects(reply)
            pushed = self.fleet.PushMessages(
                PushMessagesRequest(
                    node=self.node,
                    messages_list=[message_to_proto(remove_content_from_message(reply))],
                    message_object_trees=[get_object_tree(reply)],
                    clientapp_runtime_list=[0.0],  # the true one would tell of the data
                )
            )
            wanted = set(pushed.objects_to_push)
            # The record last: once it is there the coordinator takes it and drops the rest.
            for object_id in [name for name in reversed(objects) if name in wanted]:
                self.fleet.PushObject(
                    PushObjectRequest(
                        node=self.node,
                        run_id=run_id,
                        session_id=pushed.session_id,
                        object_id=object_id,
                        object_content=objects[object_id].deflate(),
                    )
                )


@contextmanager
def _session(
    fleet: FleetHttpClient, settings: RunnerSettings, key: ec.EllipticCurvePrivateKey
) -> Iterator[Node]:
    """Activate this node, keep its heart beating, deactivate it at the end."""
    id_file = settings.state_dir / "flower-node-id"
    if id_file.exists():
        # A killed predecessor's session would keep the key refused until it times out.
        with suppress(httpx.HTTPStatusError, ValueError):
            last = int(id_file.read_text("ascii"))
            fleet.DeactivateNode(DeactivateNodeRequest(node_id=last))
    activated = fleet.ActivateNode(
        ActivateNodeRequest(
            public_key=public_key_to_bytes(key.public_key()),
            heartbeat_interval=settings.heartbeat_s,
        )
    )
    node, closing = Node(node_id=activated.node_id), threading.Event()
    id_file.write_text(str(node.node_id), "ascii")
    beat = threading.Thread(
        target=_beat, args=(fleet, node, settings.heartbeat_s, closing), daemon=True
    )
    beat.start()
    _logger.info("connected", extra={"coordinator": settings.coordinator})
    try:
        yield node
    finally:
        closing.set()
        with suppress(httpx.HTTPError):
            fleet.DeactivateNode(DeactivateNodeRequest(node_id=node.node_id))


def _beat(fleet: FleetHttpClient, node: Node, heartbeat_s: float, closing: threading.Event) -> None:
    request = SendNodeHeartbeatRequest(node=node, heartbeat_interval=heartbeat_s)
    while not closing.wait(heartbeat_s * 0.4):
        with suppress(httpx.HTTPError):  # the serving thread meets the same trouble and acts
            fleet.SendNodeHeartbeat(request)


@contextmanager
def _fleet(settings: RunnerSettings, key: ec.EllipticCurvePrivateKey) -> Iterator[FleetHttpClient]:
    """Open flwr's fleet client, without its retries, and with a bound on what may come back."""
    try:
        roots = settings.ca_cert.read_bytes()
        client = FleetHttpClient.from_server_address(
            settings.coordinator, False, roots, [NodeAuthHttpInterceptor(key, key.public_key())]
        )
    except (OSError, ValueError) as err:  # ssl.SSLError is an OSError
        raise ConfigError(f"{settings.ca_cert} is not a PEM certificate file") from err
    with client:
        client._client.timeout = httpx.Timeout(_TIMEOUT_S)
        client._client.follow_redirects = False  # a redirect would take the signed headers along
        client._client.event_hooks = {"response": [_check_length]}
        yield client


def _check_length(response: httpx.Response) -> None:
    """Refuse a response before its body is read if it is too large, or would not say."""
    length = response.headers.get("content-length", "")
    is_plain = "content-encoding" not in response.headers
    if not (is_plain and length.isdigit() and int(length) <= MAX_RECORD_BYTES):
        raise httpx.RemoteProtocolError("the response is too large or does not tell its length")


def _reason(err: Exception) -> str:
    if isinstance(err, httpx.HTTPStatusError):
        return f"the coordinator answered {err.response.status_code} to {err.request.url.path}"
    return f"{type(err).__name__} while talking to the coordinator"


def _node_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as err:
        raise ConfigError(f"{path} is not an unencrypted PEM private key") from err
    if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1)):
        raise ConfigError(f"{path} must hold a P-384 key")
    return key


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into ``stop`` while inside; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pass_on(told: SimpleQueue[int]) -> None:
        if told.get():
            stop.set()

    with stop_signals() as told:
        threading.Thread(target=pass_on, args=(told,), daemon=True).start()
        try:
            yield
        finally:
            told.put(0)
