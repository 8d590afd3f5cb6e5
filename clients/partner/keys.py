"""A partner's keys: identity (signs), cosign (witnesses), node (connects), hold-out (splits)."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from protocols.contracts.charter import Partner
from protocols.errors import ConfigError
from protocols.ledger.canonical import from_base64, to_base64
from protocols.ledger.keyfile import create_key, key_for, load_keys, read_private, write_private

NODE_KEY = "node.pem"
IDENTITY, COSIGN = "identity", "cosign"
_HOLDOUT = "holdout.key"
_HOLDOUT_BYTES = 32


@dataclass(frozen=True)
class PartnerKeys:
    """The secrets a node works with; the node key is read by the connection alone.

    Attributes:
        identity: Signs entries and answers.
        cosign: Signs checkpoints of the log, and nothing else.
        holdout: Decides which borrowers are held out; 32 bytes.
    """

    identity: Ed25519PrivateKey
    cosign: Ed25519PrivateKey
    holdout: bytes = field(repr=False)


@dataclass(frozen=True)
class PublicKeys:
    """What goes into the charter: raw Ed25519 in base64, and P-384 in PEM."""

    identity_key: str
    cosign_key: str
    node_key: str


def create_partner_keys(folder: Path) -> PublicKeys:
    """Make all keys in a new or empty folder and return the public halves.

    Raises:
        ConfigError: One exists already; keys are never overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    identity, cosign = (create_key(folder / f"{name}.pem") for name in (IDENTITY, COSIGN))
    node = ec.generate_private_key(ec.SECP384R1())
    pem = node.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(folder / NODE_KEY, pem)
    write_private(folder / _HOLDOUT, secrets.token_bytes(_HOLDOUT_BYTES))
    node_public = node.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return PublicKeys(
        identity_key=to_base64(identity.public_key().public_bytes_raw()),
        cosign_key=to_base64(cosign.public_key().public_bytes_raw()),
        node_key=node_public.decode("ascii"),
    )


def load_partner_keys(folder: Path, named: Partner) -> PartnerKeys:
    """Read the keys that a charter names for this partner.

    Raises:
        ConfigError: One is missing, malformed, or readable by others.
    """
    holdout = read_private(folder / _HOLDOUT)
    if len(holdout) != _HOLDOUT_BYTES:
        raise ConfigError(f"{_HOLDOUT}: expected {_HOLDOUT_BYTES} bytes")
    identity, cosign = load_keys(folder, IDENTITY), load_keys(folder, COSIGN)
    return PartnerKeys(
        identity=key_for(from_base64(named.identity_key), identity, what="identity key"),
        cosign=key_for(from_base64(named.cosign_key), cosign, what="cosign key"),
        holdout=holdout,
    )
