"""Every piece of grpcio that is not its public API and that the fast core stands on.

When this fails after an upgrade, read the named piece again before touching the expectation:
`docs/decisions/0017-two-cores.md` says what it is for. Until then `start_transport` takes the
public core.
"""

import importlib.metadata
import inspect
import re
from pathlib import Path

import grpc
import pytest
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # as in fast.py

from server.serving.fast import TESTED_GRPCIO

ROOT = Path(__file__).resolve().parents[2]
SIGNATURES = {
    "Server.add_http2_port": ["self", "address", "server_credentials"],
    "Server.cancel_all_calls": ["self"],
    "Server.destroy": ["self"],
    "Server.register_completion_queue": ["self", "queue"],
    "Server.request_call": ["self", "call_queue", "server_queue", "tag"],
    "Server.shutdown": ["self", "queue", "tag"],
    "Server.start": ["self", "backup_queue"],
    "CompletionQueue.poll": ["self", "deadline"],
    "CompletionQueue.shutdown": ["self"],
    "Call.cancel": ["self", "error_code", "details"],
    "Call.start_server_batch": ["self", "operations", "tag"],
    "ReceiveCloseOnServerOperation.cancelled": ["self"],
    "ReceiveMessageOperation.message": ["self"],
    "auth_context": ["call"],
}
FIELDS = {
    "RequestCallEvent": {
        "call",
        "call_details",
        "completion_type",
        "invocation_metadata",
        "success",
        "tag",
    },
    "BatchOperationEvent": {"batch_operations", "completion_type", "success", "tag"},
    "ServerShutdownEvent": {"completion_type", "success", "tag"},
    "CallDetails": {"deadline", "host", "method"},
}
OPERATIONS = [
    lambda: cygrpc.SendInitialMetadataOperation((), 0),
    lambda: cygrpc.SendMessageOperation(b"", 0),
    lambda: cygrpc.SendStatusFromServerOperation((), 0, "", 0),
    lambda: cygrpc.ReceiveMessageOperation(0),
    lambda: cygrpc.ReceiveCloseOnServerOperation(0),
]


def test_grpcio_is_exactly_the_version_that_was_read() -> None:
    assert importlib.metadata.version("grpcio") == grpc.__version__ == TESTED_GRPCIO == "1.85.1"


@pytest.mark.parametrize("name", SIGNATURES)
def test_calls_have_the_arguments_that_we_give(name: str) -> None:
    found = cygrpc
    for part in name.split("."):
        found = getattr(found, part)
    assert list(inspect.signature(found).parameters) == SIGNATURES[name]


@pytest.mark.parametrize("name", FIELDS)
def test_events_have_the_fields_that_we_read(name: str) -> None:
    assert {field for field in dir(getattr(cygrpc, name)) if field[0] != "_"} == FIELDS[name]


def test_operations_are_made_from_the_arguments_that_we_give() -> None:
    assert all(isinstance(make(), cygrpc.Operation) for make in OPERATIONS)


def test_codes_are_grpcs_numbers() -> None:
    ours = (cygrpc.StatusCode.internal, cygrpc.CallError.ok, cygrpc.CompletionType.queue_timeout)
    assert ours == (13, 0, 1)


def test_an_empty_queue_says_so_at_once() -> None:
    event = cygrpc.CompletionQueue().poll(0.0)
    assert (event.completion_type, event.tag) == (cygrpc.CompletionType.queue_timeout, None)


def test_a_server_is_made_from_the_arguments_that_we_give_and_says_when_a_port_is_taken() -> None:
    server = cygrpc.Server([("grpc.so_reuseport", 0)], False)
    server.register_completion_queue(cygrpc.CompletionQueue())
    port = server.add_http2_port(b"127.0.0.1:0")
    assert port > 0
    assert server.add_http2_port(b"127.0.0.1:%d" % port) == 0


def test_credentials_keep_what_c_core_takes() -> None:
    credentials = grpc.ssl_server_credentials([(b"key", b"certificate")])
    assert isinstance(credentials._credentials, cygrpc.ServerCredentials)  # type: ignore[attr-defined]


def test_only_the_fast_core_touches_the_binding_and_only_what_is_held_here() -> None:
    users = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for package in ("server", "clients", "model", "protocols")
        for path in (ROOT / package).rglob("*.py")
        if "cygrpc" in path.read_text(encoding="utf-8")
    }
    assert set(users) == {"server/serving/fast.py"}
    used = set(re.findall(r"cygrpc\.(\w+)", users["server/serving/fast.py"]))
    held = {name.split(".")[0] for name in SIGNATURES} | set(FIELDS)
    held |= {type(make()).__name__ for make in OPERATIONS}
    held |= {"Operation", "StatusCode", "CallError", "CompletionType"}
    assert used <= held
