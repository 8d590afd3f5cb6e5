"""Certificates of those who may ask a server, and who signs them: files, made once."""

from pathlib import Path

from protocols.errors import ConfigError
from protocols.ledger.keyfile import read_private, write_private
from server.certificates import Issued, issue_client, make_client_authority

_CA, _CA_KEY = "ca.crt", "ca.key"


def issue(name: str, *, out: Path, authority: Path) -> tuple[Path, Path, Path]:
    """Write a caller's certificate and key, and return where they and the authority's are.

    Args:
        name: DNS name of the caller.
        out: Folder for the two.
        authority: Folder of the authority, which is made where there is none.

    Raises:
        ConfigError: A file cannot be read or written, or is there already.
    """
    signer = _authority(authority)
    issued = issue_client(name, signer)
    certificate, key = out / f"{name}.crt", out / f"{name}.key"
    _write(key, issued.key, certificate, issued.certificate)
    return certificate, key, authority / _CA


def _authority(folder: Path) -> Issued:
    if (folder / _CA_KEY).exists():
        try:
            return Issued((folder / _CA).read_bytes(), read_private(folder / _CA_KEY))
        except OSError as err:
            raise ConfigError(f"{_CA}: cannot be read; check path and rights") from err
    made = make_client_authority()
    _write(folder / _CA_KEY, made.key, folder / _CA, made.certificate)
    return made


def _write(key: Path, secret: bytes, certificate: Path, public: bytes) -> None:
    try:
        key.parent.mkdir(parents=True, exist_ok=True)
        write_private(key, secret)
        certificate.write_bytes(public)
    except OSError as err:
        raise ConfigError(f"{key.name}: cannot be written, or is there already") from err
