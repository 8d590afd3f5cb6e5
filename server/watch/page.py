"""Where Prometheus reads a server's metrics: plain HTTP, on loopback unless told otherwise."""

import threading
from dataclasses import dataclass
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from protocols.errors import ConfigError


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
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except (OSError, OverflowError) as err:
        raise ConfigError(
            f"cannot show metrics on {host}:{port}; has another process this port?"
        ) from err
    return Page(server.server_port, server, thread)
