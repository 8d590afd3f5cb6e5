"""Where and how a gRPC server of ours listens: address, TLS, limits."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc

from protocols.errors import ConfigError
from server.serving.calls import Reply

# The method, "" for one that there is not; the reply; seconds from the call's arrival to that.
Ended = Callable[[str, Reply, float], None]

_LOG = logging.getLogger(__name__)
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
    """Where and how to listen, and who is told.

    Attributes:
        host, port: The address; port 0 takes a free one.
        credentials: TLS, or plain text without.
        most_calls: Calls beyond so many unanswered ones are refused before any work.
        is_port_shared: Whether other processes may listen there too and take a part of its calls.
        ended: Told once of each call that ended, however it did, by one thread. Must not raise.
    """

    host: str = "127.0.0.1"
    port: int = 0
    credentials: grpc.ServerCredentials | None = None
    most_calls: int = 1_000
    is_port_shared: bool = False
    ended: Ended = lambda *_: None

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
    return ConfigError(
        f"cannot listen on {address}; is that a name or address of this host, is the port free, is "
        "the TLS pair right?"
    )


def tls_credentials(
    certificate: Path, key: Path, client_ca: Path | None = None
) -> grpc.ServerCredentials:
    """Return credentials from PEM files; with ``client_ca`` callers must show its certificates.

    Files that have changed count from the next connection on; while they cannot be read, or do not
    fit one another, those before do.

    Raises:
        ConfigError: A file cannot be read.
    """
    files = _TlsFiles(certificate, key, client_ca)
    return grpc.dynamic_ssl_server_credentials(
        files.first,
        files.changed,  # type: ignore[arg-type]  # None is no change, which the stubs do not know
        require_client_authentication=client_ca is not None,
    )


class _TlsFiles:
    """Three PEM files, read again for a connection when they have changed."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self._files = (key, certificate, *([] if client_ca is None else [client_ca]))
        self._read = tuple(map(_read, self._files))
        self.first = _configuration(self._read)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what the files say now, or None for no change."""
        try:
            now = tuple(map(_read, self._files))
        except ConfigError as err:
            _LOG.error("certificates not read again", extra={"problem": str(err)})
            return None
        if now == self._read:
            return None
        self._read = now
        return _configuration(now)


def _configuration(read: tuple[bytes, ...]) -> grpc.ServerCertificateConfiguration:
    key, certificate, *authority = read
    return grpc.ssl_server_certificate_configuration(
        [(key, certificate)], root_certificates=authority[0] if authority else None
    )


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read; check path and rights") from err
