"""Where Prometheus reads a server's metrics: plain HTTP, on loopback unless told otherwise."""

import socket
import threading
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from protocols.errors import ConfigError

_TICK_S = 0.1  # how often it looks whether it shall stop


@dataclass(frozen=True)
class Page:
    """Metrics that can be read on ``port`` until they are stopped."""

    port: int
    server: WSGIServer
    thread: threading.Thread

    def stop(self) -> None:
        """Answer no more and let go of the port; asked again it does nothing."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def show(families: Collector, host: str, port: int) -> Page:
    """Let metrics be read at ``http://HOST:PORT/metrics``.

    Nobody is asked who they are: who reaches the port reads how many are scored, and how they
    score.

    Args:
        families: What to show.
        host: An address of this machine.
        port: 0 takes a free one.

    Raises:
        ConfigError: The address cannot be used.
    """
    registry = CollectorRegistry()
    registry.register(families)
    kind = _Server6 if ":" in host else _Server
    try:
        server = make_server(host, port, make_wsgi_app(registry), kind, _Handler)
    except (OSError, OverflowError) as err:
        raise ConfigError(
            f"cannot show metrics on {host}:{port}; has another process this port?"
        ) from err
    thread = threading.Thread(target=server.serve_forever, args=(_TICK_S,), daemon=True)
    thread.start()
    return Page(server.server_port, server, thread)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # who reads slowly keeps nobody else waiting, nor the end


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds, for a request to come

    def log_message(self, *_: object) -> None:
        """Say nothing: that metrics are read is no news."""
