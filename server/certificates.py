"""The coordinator's TLS files: a certificate authority of the federation, and what it signed."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocols.errors import ConfigError

_VALID_DAYS = 825
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,64}|[0-9A-Fa-f:.]{2,64}")  # a certificate's name holds 64


@dataclass(frozen=True)
class Certificates:
    """The coordinator's TLS files, PEM: the authority partners trust, and what it signed."""

    authority: bytes
    server: bytes
    server_key: bytes


def make_certificates(host: str) -> Certificates:
    """Make a certificate authority of the federation and the coordinator's certificate.

    The authority's key is thrown away: a new certificate needs a new ``ca.crt`` at every partner.

    Raises:
        ConfigError: ``host`` is no address and no host name.
    """
    if not _HOST.fullmatch(host):
        raise ConfigError("host: expected an IP address, or a name of letters, digits and dashes")
    authority = _make_authority("fedscore federation")
    names = sorted({host, "localhost", "127.0.0.1"})
    server = _issue(host, names, purpose=ExtendedKeyUsageOID.SERVER_AUTH, authority=authority)
    return Certificates(authority.certificate, server.certificate, server.key)


@dataclass(frozen=True)
class Issued:
    """What a caller shows, PEM: a certificate and its private key."""

    certificate: bytes
    key: bytes


def make_client_authority() -> Issued:
    """Make the authority that signs callers' certificates; its key is kept, by its owner alone."""
    return _make_authority("fedscore callers")


def issue_client(name: str, authority: Issued) -> Issued:
    """Return a certificate for a caller, by the authority of callers.

    Args:
        name: A DNS name, which ``access.toml`` knows.
        authority: Who signs.

    Raises:
        ConfigError: The name is none, or the authority's files are not a key and certificate.
    """
    if not _HOST.fullmatch(name) or ":" in name:
        raise ConfigError("name: expected letters, digits, dots and dashes, such as a host's")
    try:
        return _issue(name, [name], purpose=ExtendedKeyUsageOID.CLIENT_AUTH, authority=authority)
    except ValueError as err:
        raise ConfigError("the authority of callers: its files hold no key or certificate") from err


def private_pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as unencrypted PKCS#8 in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _make_authority(name: str) -> Issued:
    key, subject = ec.generate_private_key(ec.SECP384R1()), _name(name)
    certificate = (
        _certificate(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA384())
    )
    return Issued(certificate.public_bytes(Encoding.PEM), private_pem(key))


def _issue(
    name: str, names: Sequence[str], *, purpose: x509.ObjectIdentifier, authority: Issued
) -> Issued:
    """Return a certificate; raises ValueError if the authority's files hold none, or no key."""
    signer = load_pem_private_key(authority.key, password=None)
    issuer = x509.load_pem_x509_certificate(authority.certificate).subject
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key that we made")
    key = ec.generate_private_key(ec.SECP384R1())
    certificate = (
        _certificate(_name(name), issuer, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), False)
        .add_extension(x509.ExtendedKeyUsage([purpose]), False)
        .sign(signer, hashes.SHA384())
    )
    return Issued(certificate.public_bytes(Encoding.PEM), private_pem(key))


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
