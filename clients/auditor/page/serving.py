"""Serves the live page on a socket, over TLS or on loopback, until interrupted."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from clients.auditor.page.app import Asgi
from clients.auditor.page.state import Watcher
from protocols.errors import ConfigError

_MOST_AT_ONCE = 64


@contextlib.contextmanager
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


def server_for(app: Asgi, *, certificate: tuple[Path, Path] | None) -> uvicorn.Server:
    """Return a server of ``app`` that has loaded its certificate.

    Args:
        app: The application.
        certificate: PEM chain and PEM private key; None for plain HTTP.

    Raises:
        ConfigError: The certificate or its key does not load.
    """
    chain, key = certificate or (None, None)
    config = uvicorn.Config(
        app,
        ssl_certfile=chain,
        ssl_keyfile=key,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_AT_ONCE,
        timeout_graceful_shutdown=1,
    )
    try:
        config.load()
    except OSError as err:  # ssl.SSLError is one
        raise ConfigError("expected a certificate and its key, both in PEM") from err
    return uvicorn.Server(config)


def serve(
    server: uvicorn.Server, watcher: Watcher, *, listener: socket.socket, every_s: float
) -> None:
    """Serve, and watch the log beside it, until interrupted."""
    thread = threading.Thread(target=watcher.run, args=(every_s,), name="watcher", daemon=True)
    thread.start()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    finally:
        watcher.stop()
