"""How a gRPC server of ours listens, over TLS or on loopback, and when it stops."""

import asyncio
import signal
from pathlib import Path

import grpc

from protocols.errors import ConfigError


def bind(
    server: grpc.aio.Server, host: str, port: int, *, credentials: grpc.ServerCredentials | None
) -> int:
    """Listen, in plain text without credentials, and return the port; 0 takes a free one.

    Raises:
        ConfigError: The address or the credentials cannot be used.
    """
    name = f"[{host}]" if ":" in host else host
    address = f"{name}:{port}"
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as err:
        raise ConfigError(
            f"cannot listen on {address}; is the port free, the TLS pair right?"
        ) from err


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


def stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set from now on."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read; check path and rights") from err
