"""The doctor's checks of what a server reaches and is reached by: ports, collector of traces."""

import errno
import socket
import ssl
import urllib.request
from importlib.util import find_spec
from urllib.parse import urlsplit

import grpc
from cryptography.hazmat.primitives.serialization import Encoding

# The health package ships no types.
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from protocols.errors import ConfigError
from server.doctor.report import Check, Installation
from server.doctor.tls_checks import called, is_any, read, read_certificates
from server.serving.listening import Listening

_PATIENCE_S = 5.0
_MOST_READ = 1 << 20
_OURS = b"fedscore_release_info"
_TRACING = "opentelemetry.exporter"


def port(asked: Installation) -> str:
    """The port is free, or a server of this certificate answers there and is healthy."""
    options = asked.options
    where = Listening(options.host, options.port).address
    if _can_bind(options.host, options.port):
        return f"{where} is free"
    if options.share_port and not _can_bind(options.host, options.port, is_shared=True):
        raise ConfigError(f"{where} is taken by a process that does not share it")
    _check_certificate(asked, where)
    if options.client_ca is not None and None in (asked.certificate, asked.key):
        return (
            f"a server answers on {where}, with the certificate on disk; whether it is well it "
            "tells callers only: say --certificate and --key of one"
        )
    _check_health(asked, where)
    return f"a healthy server answers on {where}, with the certificate on disk"


def metrics_port(asked: Installation) -> str:
    """The metrics' port is free, or a server's metrics are shown there."""
    host, number = asked.options.metrics_host, asked.options.metrics_port
    if number is None:
        return "no metrics; --metrics-port shows them"
    where = Listening(host, number).address
    if _can_bind(host, number):
        return f"{where} is free"
    if _OURS not in _shown(where):
        raise ConfigError(f"{where} is taken by something else")
    return f"a server's metrics are on {where}; another process needs a port of its own"


def traces(asked: Installation) -> str:
    """Traces can be sent."""
    to = asked.options.trace_to
    if to is None:
        return "no traces; --trace-to sends them"
    if find_spec("opentelemetry") is None or find_spec(_TRACING) is None:
        raise ConfigError('their packages are not installed: pip install "fedscore[trace]"')
    asked.options.settings(asked.coordinator)  # the URL is one
    named = urlsplit(to)
    try:
        address = (named.hostname or "", named.port or 4317)
        socket.create_connection(address, _PATIENCE_S).close()
    except (OSError, ValueError) as err:
        raise ConfigError(f"nobody answers at {to}") from err
    return f"something answers at {to}"


def _can_bind(host: str, number: int, *, is_shared: bool = False) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        if is_shared:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            tried.bind((host, number))
        except OSError as err:
            if err.errno == errno.EADDRINUSE:
                return False
            raise ConfigError(f"cannot listen on {host}:{number}: {err.strerror}") from err
        except OverflowError as err:
            raise ConfigError(f"{number} is no port") from err
    return True


def _check_certificate(asked: Installation, where: str) -> None:
    """Raise ConfigError unless the server there shows the certificate that is on disk."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # compared as a whole
    context.set_alpn_protocols(["h2"])
    host = "localhost" if is_any(asked.options.host) else asked.options.host
    try:
        with (
            socket.create_connection((host, asked.options.port), _PATIENCE_S) as plain,
            context.wrap_socket(plain) as secured,
        ):
            shown = secured.getpeercert(binary_form=True)
    except OSError as err:
        raise ConfigError(f"{where} is taken by something that does not speak TLS") from err
    expected = read_certificates(asked.coordinator.server_cert)[0]
    if shown != expected.public_bytes(Encoding.DER):
        raise ConfigError(f"{where} is taken by a server with another certificate")


def _check_health(asked: Installation, where: str) -> None:
    address = f"localhost:{asked.options.port}" if is_any(asked.options.host) else where
    named = (("grpc.ssl_target_name_override", called(asked, asked.coordinator)),)
    with grpc.secure_channel(address, _credentials(asked), named) as channel:
        try:
            reply = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=_PATIENCE_S
            )
        except grpc.RpcError as err:
            raise ConfigError(f"the server on {where} answers {err.code().name}") from err
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        raise ConfigError(f"the server on {where} is not serving")


def _credentials(asked: Installation) -> grpc.ChannelCredentials:
    # C-core takes a server's own certificate as a root.
    root = read(asked.coordinator.server_cert)
    if asked.certificate is None or asked.key is None:
        return grpc.ssl_channel_credentials(root)
    return grpc.ssl_channel_credentials(root, read(asked.key), read(asked.certificate))


def _shown(where: str) -> bytes:
    try:
        with urllib.request.urlopen(f"http://{where}/metrics", timeout=_PATIENCE_S) as answer:
            return bytes(answer.read(_MOST_READ))
    except (OSError, ValueError):
        return b""


PORT_CHECKS = (
    Check(
        "port",
        port,
        "find who listens there (ss -ltnp); of a server of ours see the log; with --certificate "
        "and --key, are its names in the access file",
    ),
    Check("metrics port", metrics_port, "name another with --metrics-port (ss -ltnp shows who)"),
    Check("traces", traces, "is the collector up; does it take OTLP over gRPC (port 4317)"),
)
