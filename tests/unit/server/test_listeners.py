"""What each listener's door lets through, without a socket."""

import asyncio
from collections.abc import Callable

import pytest

from protocols.errors import ConfigError
from protocols.records import MAX_RECORD_BYTES
from server.listeners import (
    SECRET_HEADER,
    Asgi,
    Message,
    Receive,
    Send,
    bound,
    loopback_door,
    public_door,
)

SECRET = bytes(32)
INSIDE = 200


async def _inside(scope: Message, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": INSIDE, "headers": []})


def _status(door: Asgi, path: str, headers: dict[str, str], kind: str = "http") -> int:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    asyncio.run(door({"type": kind, "path": path, "headers": pairs}, receive, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("path", "length", "expected"),
    [
        ("/v1/fleet/pull-messages", "0", INSIDE),
        ("/v1/fleet/pull-messages", str(MAX_RECORD_BYTES), INSIDE),
        ("/v1/fleet/pull-messages", str(MAX_RECORD_BYTES + 1), 413),
        ("/v1/fleet/pull-messages", "", 411),
        ("/v1/fleet/pull-messages", "-1", 411),
        ("/v1/control/start-run", "0", 404),
        ("/v1/runtime/acquire-task", "0", 404),
        ("/V1/FLEET/pull-messages", "0", 404),
        ("/docs", "0", 404),
    ],
)
def test_public_door_opens_for_fleet_calls_of_known_size(
    path: str, length: str, expected: int
) -> None:
    assert _status(public_door(_inside), path, {"content-length": length}) == expected


def test_public_door_refuses_two_lengths() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {}

    scope = {
        "type": "http",
        "path": "/v1/fleet/pull-messages",
        "headers": [(b"content-length", b"0"), (b"content-length", b"1")],
    }
    asyncio.run(public_door(_inside)(scope, receive, send))
    assert sent[0]["status"] == 411


@pytest.mark.parametrize("door", [public_door, lambda app: loopback_door(app, SECRET)])
def test_no_door_opens_for_websockets(door: Callable[[Asgi], Asgi]) -> None:
    headers = {"content-length": "0"}
    assert _status(door(_inside), "/v1/control/x", headers, kind="websocket") == 404


@pytest.mark.parametrize(
    ("path", "secret", "expected"),
    [
        ("/v1/runtime/pull-messages", "", INSIDE),
        ("/v1/control/start-run", SECRET.hex(), INSIDE),
        ("/v1/control/start-run", "", 404),
        ("/v1/control/start-run", SECRET.hex()[:-1], 404),
        ("/v1/control/start-run", "\xe9" * 64, 404),
        ("/v1/fleet/pull-messages", "", 404),
        ("/docs", "", 404),
    ],
)
def test_loopback_door_opens_for_the_runtime_and_for_who_knows_the_secret(
    path: str, secret: str, expected: int
) -> None:
    assert _status(loopback_door(_inside, SECRET), path, {SECRET_HEADER: secret}) == expected


def test_a_taken_port_is_a_config_error() -> None:
    with bound("127.0.0.1", 0) as first:
        second = bound("127.0.0.1", first.getsockname()[1])
        with pytest.raises(ConfigError, match="cannot listen"):
            second.__enter__()
