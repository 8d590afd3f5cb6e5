"""Two listeners for one ASGI application: what each lets through, served by one thread.

One thread and one event loop, so that the application's state is never shared by two.
"""

import asyncio
import hmac
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from protocols.errors import ConfigError, RoundError
from protocols.records import MAX_RECORD_BYTES

SECRET_HEADER = "x-fedscore-secret"

Message = MutableMapping[str, Any]  # ASGI's own type: which keys there are depends on the event
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

_START_S = 30.0
_UVICORN: dict[str, Any] = {  # keyword arguments of several types
    "ws": "none",
    "access_log": False,
    "log_config": None,
    "log_level": "warning",
    "timeout_graceful_shutdown": 1,
}


def public_door(app: Asgi) -> Asgi:
    """Let through what nodes need, the fleet API, and only bodies that may fit a message."""

    async def door(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/fleet/"):
            await _refuse(send, 404)
        elif not (length := _header(scope, "content-length")).isdigit():
            await _refuse(send, 411)
        elif int(length) > MAX_RECORD_BYTES:
            await _refuse(send, 413)
        else:
            await app(scope, receive, send)

    return door


def loopback_door(app: Asgi, secret: bytes) -> Asgi:
    """Let the ServerApp in, whose calls carry their own token; everyone else needs ``secret``."""

    async def door(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (
            scope["path"].startswith("/v1/runtime/")
            or hmac.compare_digest(_header(scope, SECRET_HEADER), secret.hex().encode())
        ):
            await app(scope, receive, send)
        else:
            await _refuse(send, 404)

    return door


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Hold a listening socket; port 0 takes a free one.

    Raises:
        ConfigError: The address is not ours, or taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as err:
        raise ConfigError(f"cannot listen on {host}, port {port}") from err
    with listener:
        yield listener


@contextmanager
def served(
    app: Asgi,
    secret: bytes,
    *,
    loopback: socket.socket,
    public: socket.socket,
    certificate: tuple[Path, Path],
) -> Iterator[None]:
    """Serve ``app`` on both sockets while the block is open.

    Args:
        app: The application; its lifespan belongs to the loopback listener.
        secret: What loopback callers other than the ServerApp must show.
        loopback: Plain HTTP, on 127.0.0.1.
        public: TLS, the fleet API only.
        certificate: PEM chain and PEM private key of the public listener.

    Raises:
        ConfigError: The certificate or its key does not load.
        RoundError: The application does not start.
    """
    inner = uvicorn.Config(loopback_door(app, secret), lifespan="on", **_UVICORN)
    chain, key = map(str, certificate)
    outer = uvicorn.Config(
        public_door(app), lifespan="off", ssl_certfile=chain, ssl_keyfile=key, **_UVICORN
    )
    try:
        outer.load()
    except OSError as err:  # ssl.SSLError is one
        raise ConfigError(f"{chain} and {key} are not a certificate and its key") from err
    servers = (uvicorn.Server(inner), uvicorn.Server(outer))
    thread = threading.Thread(
        target=_serve, args=(servers, (loopback, public)), name="superlink", daemon=True
    )
    thread.start()
    try:
        _wait_started(servers, thread)
        yield
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(_START_S)


def _serve(servers: Sequence[uvicorn.Server], sockets: Sequence[socket.socket]) -> None:
    async def serve_all() -> None:
        await asyncio.gather(
            *(server.serve([sock]) for server, sock in zip(servers, sockets, strict=True))
        )

    with asyncio.Runner(loop_factory=servers[0].config.get_loop_factory()) as runner:
        runner.run(serve_all())


def _wait_started(servers: Sequence[uvicorn.Server], thread: threading.Thread) -> None:
    until = time.monotonic() + _START_S
    while not all(server.started for server in servers):
        if not thread.is_alive() or time.monotonic() > until:
            raise RoundError("the SuperLink did not start")
        time.sleep(0.01)


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _header(scope: Message, name: str) -> bytes:
    found = [value for key, value in scope["headers"] if key == name.encode("ascii")]
    return bytes(found[0]) if len(found) == 1 else b""
