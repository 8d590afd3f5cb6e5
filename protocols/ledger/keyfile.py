"""Private Ed25519 keys on disk: PKCS#8 PEM that only its owner can read, never overwritten."""

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from protocols.errors import ConfigError

_MOST_BYTES = 200_000  # the mask keys of the largest cohort are about half of it


def create_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it to a new file of mode 0600, durably, before it is returned.

    Raises:
        ConfigError: The file exists already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(path, pem)
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read a key that ``create_key`` wrote.

    Raises:
        ConfigError: Absent, readable by others than its owner, or no Ed25519 key.
    """
    try:
        key = load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as err:
        raise ConfigError(f"{path.name}: expected an unencrypted private key in PEM") from err
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path.name}: expected an Ed25519 key")
    return key


def create_next_key(folder: Path, purpose: str) -> Ed25519PrivateKey:
    """Make one more key for a purpose, beside those that ``load_keys`` finds, and return it.

    Raises:
        ConfigError: It cannot be written.
    """
    return create_key(folder / f"{purpose}-{len(load_keys(folder, purpose)) + 1}.pem")


def load_keys(folder: Path, purpose: str) -> list[Ed25519PrivateKey]:
    """Return every key for a purpose, oldest first: ``PURPOSE.pem``, ``PURPOSE-2.pem`` and so on.

    Raises:
        ConfigError: There is none, or one cannot be read.
    """
    keys, path = [load_key(folder / f"{purpose}.pem")], folder / f"{purpose}-2.pem"
    while path.exists():
        keys.append(load_key(path))
        path = folder / f"{purpose}-{len(keys) + 1}.pem"
    return keys


def key_for(public: bytes, keys: Iterable[Ed25519PrivateKey], *, what: str) -> Ed25519PrivateKey:
    """Return the key that belongs to a raw public key, 32 bytes.

    Raises:
        ConfigError: None does; ``what`` says what was looked for.
    """
    for key in keys:
        if key.public_key().public_bytes_raw() == public:
            return key
    raise ConfigError(f"the {what} is not the one the charter names")


def write_private(path: Path, raw: bytes) -> None:
    """Write a new file of mode 0600, durably; leaves nothing half-written.

    Raises:
        ConfigError: The file exists already, or cannot be written.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)  # we were killed while we wrote it
        # O_EXCL also refuses a symbolic link, so nothing is ever written elsewhere.
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)  # whole or not at all, and never over another
        sync_folder(path.parent)
    except FileExistsError as err:
        raise ConfigError(f"{path.name}: exists already, and is never overwritten") from err
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be written") from err
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


def replace_private(path: Path, raw: bytes) -> None:
    """Write a file of mode 0600 in place of an older one, durably; whole, or as it was.

    Raises:
        ConfigError: It cannot be written.
    """
    fresh = path.with_name(f"{path.name}.next")
    try:
        fresh.unlink(missing_ok=True)  # we were killed while we wrote it
        write_private(fresh, raw)
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be written") from err


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_private(path: Path) -> bytes:
    """Return a secret file's bytes.

    Raises:
        ConfigError: Absent, no plain file, too long, or open to others than its owner.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(_MOST_BYTES + 1)
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read") from err
    if not stat.S_ISREG(mode) or len(raw) > _MOST_BYTES:
        raise ConfigError(f"{path.name}: expected a small plain file")
    if mode & 0o077:
        raise ConfigError(f"{path.name}: others can read it; expected mode 0600")
    return raw
