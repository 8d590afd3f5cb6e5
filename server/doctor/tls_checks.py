"""The doctor's checks of certificates: the server's, and what callers' are checked by."""

import ipaddress
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from protocols.errors import ConfigError
from server.config import CoordinatorSettings
from server.doctor.report import Check, Installation
from server.serving.access import RulesFile

SOON = timedelta(days=14)

_PARSE_ERRORS = (ValueError, TypeError, UnsupportedAlgorithm)
_SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def tls_files(asked: Installation) -> str:
    """The TLS files are there and parse."""
    coordinator = asked.coordinator
    chain = read_certificates(coordinator.server_cert)
    _key_bytes(coordinator)
    return f"{coordinator.server_cert.name} ({len(chain)} in the chain) and its key parse"


def tls_pair(asked: Installation) -> str:
    """The key is the certificate's."""
    coordinator = asked.coordinator
    first = read_certificates(coordinator.server_cert)[0]
    if first.public_key().public_bytes(*_SPKI) != _key_bytes(coordinator):
        raise ConfigError("the key is another than the certificate's")
    return "the key is the certificate's"


def tls_dates(asked: Installation) -> str:
    """No certificate of the chain has run out, or soon will."""
    chain = read_certificates(asked.coordinator.server_cert)
    begins = max(item.not_valid_before_utc for item in chain)
    ends = min(item.not_valid_after_utc for item in chain)
    if begins > asked.now:
        raise ConfigError(f"valid only from {begins:%Y-%m-%d %H:%M} UTC on")
    if ends <= asked.now:
        raise ConfigError(f"expired on {ends:%Y-%m-%d %H:%M} UTC")
    if ends <= asked.now + SOON:
        raise ConfigError(f"expires on {ends:%Y-%m-%d}, within {SOON.days} days")
    return f"valid until {ends:%Y-%m-%d}"


def tls_host(asked: Installation) -> str:
    """The certificate is for the host that callers name."""
    coordinator = asked.coordinator
    host, names = called(asked, coordinator), _names(read_certificates(coordinator.server_cert)[0])
    if not any(_fits(host, name) for name in names):
        raise ConfigError(f"for {', '.join(names) or 'no name'}; not for {host}")
    return f"for {host}"


def callers(asked: Installation) -> str:
    """Callers' certificates can be checked."""
    path = asked.options.client_ca
    if path is None:
        return "not asked who they are"
    authorities = read_certificates(path)
    ends = min(item.not_valid_after_utc for item in authorities)
    if ends <= asked.now + SOON:
        raise ConfigError(f"{path.name}: expired, or will within {SOON.days} days: {ends:%Y-%m-%d}")
    return f"{path.name} holds {len(authorities)}, valid until {ends:%Y-%m-%d}"


def access(asked: Installation) -> str:
    """The rules of access parse."""
    path = asked.options.access
    if path is None:
        return "no rules"
    rules = RulesFile(path).load()
    return f"{path.name} parses: {', '.join(one.name for one in rules.tenants)}"


def read_certificates(path: Path) -> Sequence[x509.Certificate]:
    """Return the certificates of a PEM file, one or more.

    Raises:
        ConfigError: It cannot be read or holds none.
    """
    try:
        return x509.load_pem_x509_certificates(read(path))
    except _PARSE_ERRORS as err:
        raise ConfigError(f"{path.name}: holds no certificate in PEM") from err


def read(path: Path) -> bytes:
    """Return the bytes of a file, ``ConfigError`` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read") from err


def called(asked: Installation, coordinator: CoordinatorSettings) -> str:
    """Return how callers name the host: nobody calls "all addresses" by that name."""
    return coordinator.public_host if is_any(asked.options.host) else asked.options.host


def is_any(host: str) -> bool:
    """Return whether a host is all addresses of a machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _key_bytes(coordinator: CoordinatorSettings) -> bytes:
    path = coordinator.server_key
    try:
        key = load_pem_private_key(read(path), password=None)
    except _PARSE_ERRORS as err:
        raise ConfigError(f"{path.name}: holds no unencrypted private key in PEM") from err
    return key.public_key().public_bytes(*_SPKI)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    addresses = found.get_values_for_type(x509.IPAddress)
    return [*found.get_values_for_type(x509.DNSName), *map(str, addresses)]


def _fits(host: str, name: str) -> bool:
    host, name = host.lower(), name.lower()
    if name.startswith("*."):  # RFC 6125, section 6.4.3: for one label, the leftmost
        return host.partition(".")[2] == name[2:]
    return host == name


TLS_CHECKS = (
    Check(
        "TLS files",
        tls_files,
        "put the PEM chain and key where server_cert and server_key of the settings say, readable "
        "by the user that serves",
    ),
    Check("TLS pair", tls_pair, "put back the key that the certificate was made for"),
    Check(
        "TLS dates",
        tls_dates,
        "take a new certificate (docs/operations.md, Certificates), which running servers take up",
    ),
    Check(
        "TLS host",
        tls_host,
        "take a certificate for that name, or say with --host or public_host how callers name it",
    ),
    Check(
        "callers",
        callers,
        "put the authority of callers in PEM where --client-ca says; fedscore-server issue-caller "
        "makes one",
    ),
    Check("access", access, "put right what is named in the file (--access)"),
)
