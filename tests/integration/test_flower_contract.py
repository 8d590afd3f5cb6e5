"""Every piece of flwr that is not its public API and that we stand on, pinned for one version.

When this fails after an upgrade, read the named piece again before touching the expectation:
`docs/decisions/0003-flower-as-carrier.md` says what each is for.
"""

import dataclasses
import importlib
import importlib.metadata
import inspect
import io
import tomllib
import zipfile
from pathlib import Path

import flwr.cli.build
import pytest
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.app.message import make_message, remove_content_from_message
from flwr.app.metadata import Metadata, validate_message_type
from flwr.common.constant import (
    HEARTBEAT_MIN_INTERVAL,
    HEARTBEAT_PATIENCE,
    SUPERLINK_NODE_ID,
    ErrorCode,
    Status,
    SubStatus,
)
from flwr.proto.message_pb2 import ObjectTree
from flwr.server.utils.validator import validate_message
from flwr.supercore.constant import TaskType
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_id,
    get_object_tree,
)
from flwr.supercore.protobuf.client import ProtobufClient
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.superlink import main as superlink
from flwr.superlink.auth_plugin import NoOpControlAuthnPlugin
from flwr.superlink.cli.flower_superlink import SuperLinkLifespan
from flwr.superlink.config_loader import SuperLinkLifespanConfig
from flwr.superlink.grid import HttpGrid
from flwr.supernode.fleet_http_client import FleetHttpClient

from clients.app import REFUSED_CODE
from clients.app import app as bundled_client
from protocols.contracts.orders import Delivery
from protocols.errors import ConfigError, ContractError
from protocols.records import (
    MESSAGE_TYPE,
    delivery_to_records,
    record_id,
    records_from_object,
)
from server.bundle import PACKAGES, build_bundle
from server.link import IDLE_MIDDLEWARE

ROOT = Path(__file__).resolve().parents[2]


def test_flwr_is_exactly_the_version_that_was_read() -> None:
    assert importlib.metadata.version("flwr") == "1.41.0"


def test_fleet_client_has_the_calls_of_a_node() -> None:
    calls = (
        "ActivateNode",
        "DeactivateNode",
        "SendNodeHeartbeat",
        "PullMessages",
        "PullObject",
        "PushMessages",
        "PushObject",
        "ConfirmMessageReceived",
    )
    assert issubclass(FleetHttpClient, ProtobufClient)
    assert all(callable(getattr(FleetHttpClient, call)) for call in calls)


def test_http_clients_keep_httpx_where_limits_are_set() -> None:
    client = FleetHttpClient.from_server_address("127.0.0.1:1", True, None, [])
    with client:
        assert client._client.follow_redirects is True  # which the node turns off
        assert client._client.event_hooks == {"request": [], "response": []}
        assert client._retry_invoker is None


def test_control_and_runtime_clients_have_our_calls() -> None:
    assert all(
        callable(getattr(ControlHttpClient, call))
        for call in ("StartRun", "ListRuns", "RegisterNode", "ListNodes")
    )
    assert all(
        callable(getattr(RuntimeHttpClient, call))
        for call in ("AcquireTask", "PullMessages", "PullObject", "ConfirmMessageReceived")
    )


def test_grid_gives_its_client_node_and_run() -> None:
    assert isinstance(inspect.getattr_static(HttpGrid, "_runtime_client"), property)
    assert isinstance(inspect.getattr_static(HttpGrid, "run"), property)
    grid = HttpGrid("127.0.0.1:1", True, token="0")
    assert grid.node.node_id == SUPERLINK_NODE_ID


def test_superlink_settings_are_the_ones_we_fill_in() -> None:
    names = {field.name for field in dataclasses.fields(SuperLinkLifespanConfig)}
    assert names == {
        "artifact_provider",
        "authn_plugin",
        "certificates",
        "control_address",
        "database",
        "enable_event_log",
        "enable_supernode_auth",
        "event_log_plugin",
        "fleet_api_address",
        "fleet_api_type",
        "fleet_event_log_plugin",
        "health_server_address",
        "host",
        "insecure",
        "isolation",
        "port",
        "runtime_dependency_install",
        "simulation",
        "ssl_ca_certfile",
        "ssl_certfile",
        "ssl_keyfile",
        "superexec_auth_secret",
    }
    assert callable(NoOpControlAuthnPlugin)
    assert list(inspect.signature(superlink.create_app).parameters) == [
        "config",
        "superlink_lifespan_class",
    ]
    assert list(inspect.signature(SuperLinkLifespan).parameters) == ["config", "state_factory"]


def test_only_layers_that_need_plugins_are_taken_out_and_authentication_stays() -> None:
    layers = [getattr(layer.cls, "__name__", "") for layer in superlink._get_middleware()]
    assert layers == [
        "ControlSensitiveResponseMiddleware",
        "BaseHTTPMiddleware",
        "ControlAuthenticationMiddleware",
        "ControlLicenseMiddleware",
        "ProtobufTranslationMiddleware",
        "RuntimeTracingMiddleware",
        "ControlEventLogMiddleware",
        "NodeAuthMiddleware",
        "FleetEventLogMiddleware",
    ]
    kept = [
        getattr(layer.cls, "__name__", "")
        for layer in superlink._get_middleware()
        if layer.cls not in IDLE_MIDDLEWARE
    ]
    assert kept == [
        "BaseHTTPMiddleware",
        "ControlAuthenticationMiddleware",
        "ProtobufTranslationMiddleware",
        "NodeAuthMiddleware",
    ]


def test_serverapp_command_takes_our_arguments() -> None:
    command = importlib.import_module("flwr.superlink.cli.flwr_serverapp")
    parser = command._parse_args_run_flwr_serverapp()
    args = parser.parse_args(
        ["--insecure", "--runtime-api-address", "a", "--token-file", "t", "--parent-pid", "1"]
    )
    assert args.runtime_dependency_install is False
    assert TaskType.SERVER_APP == "flwr-serverapp"


def test_words_of_a_run_and_of_a_lost_message() -> None:
    assert (Status.FINISHED, SubStatus.COMPLETED) == ("finished", "completed")
    codes = (
        ErrorCode.MESSAGE_UNAVAILABLE,
        ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
        ErrorCode.NODE_UNAVAILABLE,
    )
    assert codes == (3, 4, 5)
    assert max(v for v in vars(ErrorCode).values() if isinstance(v, int)) < REFUSED_CODE


def test_heartbeat_may_be_ten_seconds_and_two_may_be_missed() -> None:
    assert (HEARTBEAT_MIN_INTERVAL, HEARTBEAT_PATIENCE) == (10, 2)


def test_one_record_is_a_chain_of_three_objects_named_by_their_hash() -> None:
    message = _message(Delivery(b"order", b"parameters", b"evidence"))
    objects = get_all_nested_objects(message)
    assert [type(found).__name__ for found in objects.values()] == [
        "ConfigRecord",
        "RecordDict",
        "Message",
    ]
    assert all(get_object_id(found.deflate()) == name for name, found in objects.items())
    leaf = record_id(get_object_tree(message))
    assert leaf == next(iter(objects))
    assert records_from_object(leaf, objects[leaf].deflate()) == message.content


def test_a_message_with_two_records_is_refused() -> None:
    message = _message(Delivery(b"", b"", b""))
    message.content["second"] = ConfigRecord({"a": 1})
    with pytest.raises(ContractError, match="one record"):
        record_id(get_object_tree(message))
    with pytest.raises(ContractError, match="found 0"):
        record_id(ObjectTree(object_id="0"))


@pytest.mark.parametrize("content", [b"", b"x", b"ConfigRecord  4\x00junk", b"Message  0\x00"])
def test_an_object_that_is_no_record_raises_our_error(content: bytes) -> None:
    with pytest.raises(ContractError, match="is not a record"):
        records_from_object(get_object_id(content), content)


def test_an_object_other_than_the_one_asked_for_is_refused() -> None:
    with pytest.raises(ContractError, match="that came is not"):
        records_from_object(get_object_id(b"asked"), b"came")


def test_message_is_rebuilt_from_head_and_record_and_its_reply_is_accepted() -> None:
    message = _message(Delivery(b"order", b"", b""))
    message.metadata.__dict__["_message_id"] = message.object_id
    head = remove_content_from_message(message)
    rebuilt = make_message(metadata=head.metadata, content=message.content)
    assert rebuilt.metadata.message_id == message.object_id
    assert validate_message_type(MESSAGE_TYPE)
    reply = Message(RecordDict(), reply_to=rebuilt)
    reply.metadata.__dict__["_message_id"] = reply.object_id
    assert validate_message(reply, is_reply_message=True) == []
    assert reply.metadata.reply_to_message_id == message.object_id


def test_bundle_holds_our_python_files_and_names_our_apps() -> None:
    with zipfile.ZipFile(io.BytesIO(build_bundle())) as bundle:
        names = set(bundle.namelist())
        app = tomllib.loads(bundle.read("pyproject.toml").decode())["tool"]["flwr"]["app"]
    assert app["components"] == {"serverapp": "server.app:app", "clientapp": "clients.app:app"}
    assert list(app["config"]) == ["run-name"]
    assert {"server/app.py", "server/grid.py", "clients/app.py", "protocols/records.py"} <= names
    extra = {name for name in names if not name.startswith(tuple(f"{p}/" for p in PACKAGES))}
    assert extra == {"pyproject.toml", ".info/CONTENT"}
    ours = {
        path.relative_to(ROOT).as_posix() for p in PACKAGES for path in (ROOT / p).rglob("*.py")
    }
    assert ours <= names


def test_bundle_is_the_same_bytes_every_time() -> None:
    assert build_bundle() == build_bundle()
    assert callable(flwr.cli.build.build_fab_from_files)


def test_a_directory_without_pyproject_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no Flower bundle"):
        build_bundle(tmp_path)


def test_the_client_app_in_the_bundle_refuses_every_order() -> None:
    reply = bundled_client(_message(Delivery(b"order", b"", b"")), None)
    assert (reply.error.code, reply.error.reason) == (REFUSED_CODE, "refused")


def _message(delivery: Delivery) -> Message:
    metadata = Metadata(
        run_id=1,
        message_id="",
        src_node_id=SUPERLINK_NODE_ID,
        dst_node_id=7,
        reply_to_message_id="",
        group_id="",
        created_at=2e9,
        ttl=60.0,
        message_type=MESSAGE_TYPE,
    )
    return make_message(metadata=metadata, content=delivery_to_records(delivery))
