"""Where and how a gRPC server of ours listens: address, TLS, limits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc

from protocols.errors import ConfigError

_MOST_BYTES = 256 * 1024  # of a request: 500 fields of the longest names fit


class Transport(Protocol):
    """A desk that listens; it does from its making on."""

    @property
    def port(self) -> int:
        """Where it listens."""

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, answer those under way within ``grace_s``, then end.

        Asked again it does nothing.
        """


@dataclass(frozen=True)
class Listening:
    """Where and how to listen.

    Attributes:
        host, port: The address; port 0 takes a free one.
        credentials: TLS, or plain text without.
        most_calls: Calls beyond so many unanswered ones are refused before any work.
        is_port_shared: Whether other processes may listen there too and take a part of its calls.
    """

    host: str = "127.0.0.1"
    port: int = 0
    credentials: grpc.ServerCredentials | None = None
    most_calls: int = 1_000
    is_port_shared: bool = False

    @property
    def address(self) -> str:
        """Return host and port as gRPC reads them."""
        return _address(self.host, self.port)

    @property
    def options(self) -> list[tuple[str, int]]:
        """Return what C-core is told, whichever core drives it."""
        return [
            ("grpc.so_reuseport", int(self.is_port_shared)),
            ("grpc.max_receive_message_length", _MOST_BYTES),
        ]


def bind(
    server: grpc.aio.Server, host: str, port: int, *, credentials: grpc.ServerCredentials | None
) -> int:
    """Listen, in plain text without credentials, and return the port; 0 takes a free one.

    Raises:
        ConfigError: The address or the credentials cannot be used.
    """
    address = _address(host, port)
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as err:
        raise address_taken(address) from err


def address_taken(address: str) -> ConfigError:
    """Return what to raise where one cannot listen."""
    return ConfigError(f"cannot listen on {address}; is the port free, the TLS pair right?")


def tls_credentials(
    certificate: Path, key: Path, client_ca: Path | None = None
) -> grpc.ServerCredentials:
    """Return credentials from PEM files; with ``client_ca`` callers must show its certificates.

    Raises:
        ConfigError: A file cannot be read.
    """
    pair = (_read(key), _read(certificate))
    authority = None if client_ca is None else _read(client_ca)
    return grpc.ssl_server_credentials(
        [pair], root_certificates=authority, require_client_auth=authority is not None
    )


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read; check path and rights") from err
