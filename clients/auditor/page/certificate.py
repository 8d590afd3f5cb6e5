"""A self-signed certificate for the live page, for who has none; its fingerprint is compared."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocols.errors import ConfigError
from protocols.ledger.keyfile import write_private

CERTIFICATE_NAME = "page.crt"
KEY_NAME = "page.pem"
_VALID_DAYS = 365
_LEAST_LEFT = timedelta(days=1)


def own_certificate(home: Path, *, host: str, now: datetime) -> tuple[Path, Path]:
    """Return paths of the certificate and key in ``home``; makes both if there is no certificate.

    Raises:
        ConfigError: One cannot be written or read, or the certificate ends within a day.
    """
    path, key_path = home / CERTIFICATE_NAME, home / KEY_NAME
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(key_path, pem)
        write_private(path, _certificate(key, host, now).public_bytes(Encoding.PEM))
    if _load(path).not_valid_after_utc < now + _LEAST_LEFT:
        raise ConfigError(f"{path.name}: ends within a day; remove it and {KEY_NAME}")
    return path, key_path


def fingerprint(path: Path) -> str:
    """Return the SHA-256 fingerprint of the first certificate in ``path``, as browsers show it.

    Raises:
        ConfigError: The file is absent, or holds no certificate.
    """
    return _load(path).fingerprint(hashes.SHA256()).hex(":").upper()


def _load(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as err:
        raise ConfigError(f"{path.name}: expected a certificate in PEM") from err


def _certificate(key: ec.EllipticCurvePrivateKey, host: str, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedscore audit page")])
    names = [_alternative(each) for each in sorted({host, "localhost", "127.0.0.1"})]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(minutes=5))
        .not_valid_after(now.astimezone(UTC) + timedelta(days=_VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
