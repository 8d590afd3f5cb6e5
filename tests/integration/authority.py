"""A certificate authority for tests: server and client certificates of any name and age."""

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from server.serving.transport import tls_credentials

_LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


class Pair(NamedTuple):
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Authority:
    """Signs certificates that are valid for an hour, or were."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def certificate(self) -> bytes:
        """Return what others trust, PEM."""
        return self._sign(self.key, (), is_authority=True, age=timedelta()).certificate

    def pair(self, *names: x509.GeneralName, age: timedelta = timedelta()) -> Pair:
        """Return a new certificate; one of an hour's age has just expired."""
        return self._sign(
            ec.generate_private_key(ec.SECP256R1()),
            (*names, _LOOPBACK),
            is_authority=False,
            age=age,
        )

    def server_credentials(
        self, folder: Path, *, asks_clients: bool = False
    ) -> grpc.ServerCredentials:
        """Return TLS for a server, who may ask for certificates of this authority."""
        pair = self.pair(x509.DNSName("localhost"))
        files = {"server.pem": pair.certificate, "server.key": pair.key, "ca.pem": self.certificate}
        for name, content in files.items():
            (folder / name).write_bytes(content)
        client_ca = folder / "ca.pem" if asks_clients else None
        return tls_credentials(folder / "server.pem", folder / "server.key", client_ca)

    def channel_credentials(self, pair: Pair | None = None) -> grpc.ChannelCredentials:
        """Return TLS for a client, who may show a certificate."""
        shown = (None, None) if pair is None else (pair.key, pair.certificate)
        return grpc.ssl_channel_credentials(self.certificate, *shown)

    def _sign(
        self,
        key: ec.EllipticCurvePrivateKey,
        names: tuple[x509.GeneralName, ...],
        *,
        is_authority: bool,
        age: timedelta,
    ) -> Pair:
        begins = datetime.now(UTC) - age - timedelta(minutes=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named("test CA" if is_authority else "test"))
            .issuer_name(_named("test CA"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Pair(certificate.public_bytes(Encoding.PEM), plain)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
