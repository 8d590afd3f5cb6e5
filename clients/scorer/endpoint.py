"""Where a server listens, and what it is shown; a channel to it."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

import grpc

from protocols.errors import ConfigError

# gRPC's own pause before it connects again grows to two minutes, far beyond a question's deadline.
_OPTIONS = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1_000))


@dataclass(frozen=True)
class Endpoint:
    """A server, reached over TLS, or in plain text on a loopback address.

    Attributes:
        address: Host and port; the host must be in the server's certificate.
        ca_path: Who signs servers, in PEM; without it the CAs that gRPC ships.
        certificate_path, key_path: The caller's own, where the server asks for them.
        insecure_loopback: No TLS.
    """

    address: str
    ca_path: Path | None = None
    certificate_path: Path | None = None
    key_path: Path | None = None
    insecure_loopback: bool = False

    def channel(self) -> grpc.Channel:
        """Return a channel that connects when it is first used.

        Raises:
            ConfigError: A file cannot be read, or plain text would leave this machine.
        """
        credentials = self._credentials()
        if credentials is None:
            return grpc.insecure_channel(self.address, options=_OPTIONS)
        return grpc.secure_channel(self.address, credentials, options=_OPTIONS)

    def async_channel(self) -> grpc.aio.Channel:
        """Return the same for the running event loop; raises what ``channel`` does."""
        credentials = self._credentials()
        if credentials is None:
            return grpc.aio.insecure_channel(self.address, options=_OPTIONS)
        return grpc.aio.secure_channel(self.address, credentials, options=_OPTIONS)

    @property
    def hint(self) -> str:
        """Say what to look at if the server hangs up; empty where nothing is known.

        A server that asks for certificates closes the connection of who shows none, and cannot
        say why: the caller sees no more than a closed connection.
        """
        if self.insecure_loopback:
            return "the server may want TLS: leave --insecure-loopback out"
        if self.certificate_path is None:
            return "the server may ask for a client certificate: --certificate and --key"
        return "the server may not know the CA of the client certificate"

    def _credentials(self) -> grpc.ChannelCredentials | None:
        if self.insecure_loopback:
            if not _is_loopback(self.address):
                raise ConfigError(
                    "--insecure-loopback needs a loopback address such as 127.0.0.1:50051"
                )
            return None
        if (self.certificate_path is None) != (self.key_path is None):
            raise ConfigError("--certificate and --key go together")
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca_path),
            private_key=_read(self.key_path),
            certificate_chain=_read(self.certificate_path),
        )


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read; check path and rights") from err


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything
