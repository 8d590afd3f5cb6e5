"""The SuperLink, in this process: loopback for ourselves, public for the partners' fleet calls.

flwr's own application is built once and served by two listeners. The public one knows the fleet
API only; on loopback the control API asks for a secret that never leaves this process, because
open-source Flower lets anyone who reaches it start a run, which is to execute code here.
"""

import hashlib
import json
import logging
import secrets
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flwr.common.constant import (
    ISOLATION_MODE_PROCESS,
    TRANSPORT_TYPE_GRPC_RERE,
    Status,
    SubStatus,
)
from flwr.common.serde import fab_to_proto, user_config_to_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
)
from flwr.proto.runtime_pb2 import AcquireTaskRequest
from flwr.supercore.constant import FLWR_IN_MEMORY_DB_NAME, TaskType
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import (
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.primitives.asymmetric import public_key_to_bytes
from flwr.supercore.protobuf.client import ProtobufCall, ProtobufRequestContext
from flwr.supercore.routers.runtime.tracing import RuntimeTracingMiddleware
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.superlink.auth_plugin import NoOpControlAuthnPlugin
from flwr.superlink.cli.flower_superlink import SuperLinkLifespan
from flwr.superlink.config_loader import SuperLinkLifespanConfig
from flwr.superlink.main import create_app
from flwr.superlink.routers.control.middlewares import (
    ControlEventLogMiddleware,
    ControlLicenseMiddleware,
    ControlSensitiveResponseMiddleware,
)
from flwr.superlink.routers.fleet.middlewares import FleetEventLogMiddleware

from protocols.errors import ConfigError, RoundError
from server.listeners import SECRET_HEADER, bound, served
from server.process import ServerAppProcess

NODES_VARIABLE = "FEDSCORE_NODES"
CONFIG_VARIABLE = "FEDSCORE_CONFIG"

_LOOPBACK = "127.0.0.1"
# Layers of flwr's application that only act with plugins we do not load; each costs every request.
IDLE_MIDDLEWARE: frozenset[object] = frozenset(
    {
        ControlEventLogMiddleware,
        ControlLicenseMiddleware,
        ControlSensitiveResponseMiddleware,
        FleetEventLogMiddleware,
        RuntimeTracingMiddleware,
    }
)


@dataclass(frozen=True)
class LinkSettings:
    """Where the link listens, with which certificate, and for whom.

    Attributes:
        home: Directory of the link alone: Flower's files and the ServerApp's log.
        server_cert: PEM chain that partners see; names the host they dial.
        server_key: PEM private key of ``server_cert``.
        nodes: Partner name -> PEM of its node's P-384 public key, from the charter.
        public_host: Address that partners reach.
        public_port: Port there; 0 takes a free one.
        loopback_port: Port of the private listener on 127.0.0.1; 0 takes a free one.
    """

    home: Path
    server_cert: Path
    server_key: Path
    nodes: Mapping[str, bytes]
    public_host: str = _LOOPBACK
    public_port: int = 0
    loopback_port: int = 0


@dataclass(frozen=True)
class RunState:
    """How a run stands. ``details`` says why one failed, else it is empty."""

    is_finished: bool
    is_completed: bool
    details: str


class Link:
    """A running SuperLink and at most one ServerApp; leaving the block ends both.

    SIGTERM becomes ``SystemExit`` while the block is open, so that it ends as Ctrl-C does.
    Nothing outlives it: Flower's state is in memory, and the ServerApp also ends by itself
    when this process is killed.

    Attributes:
        public_address: ``host:port`` for partners.
        loopback_address: ``host:port`` for the ServerApp.
        nodes: Partner name -> Flower node id; new ids at every start.
    """

    public_address: str
    loopback_address: str
    nodes: Mapping[str, int]

    def __init__(self, settings: LinkSettings) -> None:
        self._settings = settings
        self._stack = ExitStack()
        self._serverapp: ServerAppProcess | None = None
        self._run_id = 0  # the last run, of which the ServerApp is

    def __enter__(self) -> Self:
        """Start both listeners and register every partner's key.

        Raises:
            ConfigError: A key or certificate does not load, or a port is taken.
            RoundError: The SuperLink does not start.
        """
        keys = _node_keys(self._settings.nodes)
        secret = secrets.token_bytes(32)
        with ExitStack() as stack:
            stack.enter_context(_sigterm_raises())
            self._listen(stack, secret)
            self._connect(stack, secret)
            with _asking("register the partners"):
                self.nodes = {name: self._register(name, key) for name, key in keys.items()}
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the ServerApp, then the listeners."""
        self._stack.close()

    def start_run(self, run_name: str, *, config: Path, bundle: bytes) -> int:
        """Start a ServerApp from ``bundle`` and return Flower's run id.

        Args:
            run_name: All that the run config carries; anything else is in ``config``.
            config: The coordinator's TOML; its absolute path reaches the ServerApp's environment.
            bundle: What `server.bundle.build_bundle` made.

        Raises:
            RoundError: A run is active, or the SuperLink does not start this one.
        """
        if self._run_id and not self.run_state(self._run_id).is_finished:
            raise RoundError("a run is active already")
        fab = fab_to_proto(Fab(hashlib.sha256(bundle).hexdigest(), bundle, {}))
        named = user_config_to_proto({"run-name": run_name})
        with _asking("start the run"):
            run = self._control.StartRun(StartRunRequest(fab=fab, override_config=named))
            # We are the SuperExec: no third process, and a ServerApp's end shows at once.
            task = self._runtime.AcquireTask(
                AcquireTaskRequest(supported_task_types=[TaskType.SERVER_APP])
            )
        if not run.run_id or task.task.run_id != run.run_id:
            raise RoundError("the SuperLink did not start the run")
        self._serverapp = ServerAppProcess(
            task.token,
            home=self._settings.home.absolute(),
            runtime_address=self.loopback_address,
            environment={
                CONFIG_VARIABLE: str(config.absolute()),
                NODES_VARIABLE: json.dumps({name: str(id_) for name, id_ in self.nodes.items()}),
            },
        )
        self._stack.callback(self._serverapp.end)
        self._run_id = run.run_id
        return self._run_id

    def run_state(self, run_id: int) -> RunState:
        """Return how the run stands; cheap enough to ask every tenth of a second.

        Raises:
            RoundError: There is no such run.
        """
        has_exited = self._serverapp is None or not self._serverapp.is_alive()
        with _asking(f"show run {run_id}"):
            runs = self._control.ListRuns(ListRunsRequest(run_id=run_id)).run_dict
        status = runs[run_id].status
        if status.status == Status.FINISHED:
            return RunState(True, status.sub_status == SubStatus.COMPLETED, status.details)
        return RunState(has_exited, False, "the ServerApp died" if has_exited else "")

    def online(self) -> frozenset[str]:
        """Return the partners whose node is connected."""
        with _asking("list the nodes"):
            found = self._control.ListNodes(ListNodesRequest()).nodes_info
        ids = {node.node_id for node in found if node.status == "online"}
        return frozenset(name for name, node_id in self.nodes.items() if node_id in ids)

    def _listen(self, stack: ExitStack, secret: bytes) -> None:
        settings = self._settings
        for library in ("flwr", "httpx"):  # they report every request
            logging.getLogger(library).setLevel(logging.WARNING)
        loopback = stack.enter_context(bound(_LOOPBACK, settings.loopback_port))
        public = stack.enter_context(bound(settings.public_host, settings.public_port))
        self.loopback_address = _address(_LOOPBACK, loopback)
        self.public_address = _address(settings.public_host, public)
        app = create_app(_superlink_config(secret), SuperLinkLifespan)
        app.user_middleware = [m for m in app.user_middleware if m.cls not in IDLE_MIDDLEWARE]
        stack.enter_context(
            served(
                app,
                secret,
                loopback=loopback,
                public=public,
                certificate=(settings.server_cert, settings.server_key),
            )
        )

    def _connect(self, stack: ExitStack, secret: bytes) -> None:
        self._control = stack.enter_context(
            ControlHttpClient.from_server_address(
                self.loopback_address, True, None, [_WithSecret(secret)]
            )
        )
        self._runtime = stack.enter_context(
            RuntimeHttpClient.from_server_address(
                self.loopback_address,
                True,
                None,
                [
                    RuntimeVersionHttpInterceptor(component_name="SuperExec"),
                    SuperExecAuthHttpInterceptor(
                        master_secret=secret,
                        protected_methods={"/flwr.proto.Runtime/AcquireTask"},
                    ),
                ],
            )
        )

    def _register(self, name: str, key: bytes) -> int:
        request = RegisterNodeRequest(public_key=key, name=name)
        return self._control.RegisterNode(request).node_id


class _WithSecret:
    """Adds the loopback secret to a request; an interceptor of flwr's HTTP clients."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret.hex()

    def intercept(self, context: ProtobufRequestContext, call_next: ProtobufCall) -> httpx.Response:
        context.request.headers[SECRET_HEADER] = self._secret
        return call_next(context)


def _superlink_config(secret: bytes) -> SuperLinkLifespanConfig:
    """Return flwr's own settings: node keys required, state in memory, nothing installed."""
    return SuperLinkLifespanConfig(
        control_address="",
        health_server_address=None,
        host=_LOOPBACK,
        port=0,
        insecure=False,
        certificates=None,
        superexec_auth_secret=secret,
        authn_plugin=NoOpControlAuthnPlugin(),
        event_log_plugin=None,
        fleet_event_log_plugin=None,
        enable_event_log=False,
        artifact_provider=None,
        enable_supernode_auth=True,
        fleet_api_type=TRANSPORT_TYPE_GRPC_RERE,
        fleet_api_address=None,
        simulation=False,
        ssl_ca_certfile=None,
        ssl_certfile=None,
        ssl_keyfile=None,
        database=FLWR_IN_MEMORY_DB_NAME,
        isolation=ISOLATION_MODE_PROCESS,
        runtime_dependency_install=False,
    )


def _node_keys(nodes: Mapping[str, bytes]) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for name, pem in nodes.items():
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as err:
            raise ConfigError(f"the node key of {name} is not a PEM public key") from err
        if not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)):
            raise ConfigError(f"the node key of {name} must be on P-384")
        keys[name] = public_key_to_bytes(key)
    if len(set(keys.values())) != len(keys):
        raise ConfigError("two partners have the same node key")
    return keys


def _address(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as err:
        raise RoundError(f"the SuperLink did not {what}") from err


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
