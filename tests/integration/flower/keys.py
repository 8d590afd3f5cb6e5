"""Keys and certificates of a federation that lives as long as a test."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def write_tls(directory: Path) -> None:
    """Write ca.pem, server.pem (for 127.0.0.1 and localhost) and server.key."""
    ca, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("test ca", ca, ca, is_ca=True)
    leaf = _certificate("localhost", server, ca, is_ca=False)
    (directory / "ca.pem").write_bytes(root.public_bytes(Encoding.PEM))
    (directory / "server.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (directory / "server.key").write_bytes(_pem(server))


def write_node_key(home: Path) -> bytes:
    """Write node.pem in ``home`` and return the public key in PEM."""
    key = ec.generate_private_key(ec.SECP384R1())
    home.mkdir(parents=True, exist_ok=True)
    (home / "node.pem").write_bytes(_pem(key))
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, ca: ec.EllipticCurvePrivateKey, *, is_ca: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named("test ca"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca, hashes.SHA256())
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
