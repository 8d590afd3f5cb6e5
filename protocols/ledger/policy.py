"""The charter and its signatures: who signed, and the leaf of the log made of them.

``signatures.json`` lies beside the charter. What is signed is the policy envelope, so the file
and the leaf hold the same signatures.
"""

import contextlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.errors import ConfigError, EntryError, OversizedLeafError, SignatureError
from protocols.ledger.canonical import canonical_json, from_base64, parse_canonical, to_base64
from protocols.ledger.codec import check_digest
from protocols.ledger.entry import POLICY
from protocols.ledger.envelope import Envelope, key_id, sign, verify_envelope
from protocols.ledger.terms import Terms, terms_of
from protocols.ledger.tiles import MOST_LEAF_BYTES

SIGNATURES_NAME = "signatures.json"
_MOST_BYTES = 131_072  # a charter of the most partners has half of it


@dataclass(frozen=True)
class CharterSignatures:
    """The parsed ``signatures.json``.

    Attributes:
        charter: Digest of the charter they are under, hex.
        signatures: Key id to signature, by key id.
    """

    charter: str
    signatures: tuple[tuple[str, bytes], ...]

    def to_bytes(self) -> bytes:
        """Return the file's bytes: canonical JSON and a line end."""
        listed = [
            {"keyid": keyid, "sig": to_base64(signature)} for keyid, signature in self.signatures
        ]
        return canonical_json({"charter": self.charter, "signatures": listed}) + b"\n"


def load_charter(path: Path) -> tuple[dict[str, object], Terms]:
    """Read a charter's TOML: the table as written, and the terms in it.

    Raises:
        ConfigError: The file is absent or unreadable.
        EntryError: It is no TOML, or no charter.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be read") from err
    if len(raw) > _MOST_BYTES:
        raise EntryError(f"{path.name}: expected at most {_MOST_BYTES} bytes")
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as err:
        raise EntryError(f"{path.name}: not a TOML file") from err
    return table, terms_of(table)


def sign_charter(
    table: Mapping[str, object], *keys: Ed25519PrivateKey, existing: bytes | None = None
) -> bytes:
    """Return the bytes of ``signatures.json`` with a party's signatures merged in.

    Args:
        table: The charter's parsed TOML.
        keys: Identity keys of a partner or the auditor; those that the charter names sign.
        existing: The file as it is; None if there is none yet.

    Raises:
        SignatureError: The charter names none of the keys, or ``existing`` signs another charter.
        EntryError: The charter or ``existing`` is malformed.
    """
    terms = terms_of(table)
    signers = terms.charter_signers.values()
    named = [key for key in keys if key.public_key().public_bytes_raw() in signers]
    if not named:
        raise SignatureError("the charter names nobody with this key")
    signed = dict(_signatures_under(terms, existing)) if existing is not None else {}
    signed |= dict(sign(terms.policy, payload_type=POLICY, keys=named).signatures)
    return CharterSignatures(terms.charter.hex(), tuple(sorted(signed.items()))).to_bytes()


def sign_charter_file(path: Path, *keys: Ed25519PrivateKey) -> Path:
    """Add a party's signatures to the ``signatures.json`` beside the charter at ``path``.

    Returns:
        Where the signatures are. They are replaced in one step, or not at all.

    Raises:
        ConfigError: The charter cannot be read, or the signatures not written.
        SignatureError: As for ``sign_charter``.
        EntryError: As for ``sign_charter``.
    """
    table, _ = load_charter(path)
    target = path.with_name(SIGNATURES_NAME)
    fresh = path.with_name(f".{SIGNATURES_NAME}.{os.getpid()}")
    try:
        existing = target.read_bytes() if target.exists() else None
        fresh.write_bytes(sign_charter(table, *keys, existing=existing))
        fresh.replace(target)
    except OSError as err:
        raise ConfigError(f"{SIGNATURES_NAME}: cannot be written beside the charter") from err
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()
    return target


def parse_signatures(raw: bytes) -> CharterSignatures:
    """Parse ``signatures.json``; verifies nothing.

    Raises:
        EntryError: Not canonical, wrong members, doubled or unsorted key ids.
    """
    table = parse_canonical(raw.removesuffix(b"\n"))
    if not isinstance(table, dict) or set(table) != {"charter", "signatures"}:
        raise EntryError("signatures: expected charter and signatures")
    charter, listed = table["charter"], table["signatures"]
    if not isinstance(charter, str) or not isinstance(listed, list):
        raise EntryError("signatures: expected a digest and a list")
    check_digest(charter, "signatures: charter")
    parsed = CharterSignatures(charter, tuple(_parse_signature(item) for item in listed))
    key_ids = [keyid for keyid, _ in parsed.signatures]
    if key_ids != sorted(set(key_ids)) or parsed.to_bytes() != raw:
        raise EntryError("signatures: doubled, out of order, or without a line end")
    return parsed


def check_size(terms: Terms) -> None:
    """Raise ``OversizedLeafError`` unless the charter, signed by all, fits into one leaf."""
    signatures = tuple((key.hex(), bytes(64)) for key in terms.charter_signers.values())
    if len(Envelope(POLICY, terms.policy, signatures).to_bytes()) > MOST_LEAF_BYTES:
        raise OversizedLeafError("the charter is too large for a log: change fewer keys at once")


def signers_of(terms: Terms, signatures_raw: bytes) -> list[str]:
    """Return the names of those whose key id is in ``signatures.json``; verifies nothing.

    Raises:
        SignatureError: It signs another charter.
        EntryError: It is malformed.
    """
    given = dict(_signatures_under(terms, signatures_raw))
    return sorted(name for name, raw in terms.charter_signers.items() if _key_id(raw) in given)


def policy_envelope(terms: Terms, signatures_raw: bytes) -> Envelope:
    """Return the leaf of a charter, signed by all partners and the auditor.

    Raises:
        SignatureError: Another charter; a missing, additional or wrong signature.
        EntryError: ``signatures_raw`` is malformed.
    """
    envelope = Envelope(POLICY, terms.policy, _signatures_under(terms, signatures_raw))
    verify_envelope(envelope, payload_type=POLICY, keys=terms.charter_signers)
    return envelope


def _signatures_under(terms: Terms, raw: bytes) -> tuple[tuple[str, bytes], ...]:
    parsed = parse_signatures(raw)
    if parsed.charter != terms.charter.hex():
        raise SignatureError(
            f"signatures are under charter {parsed.charter[:16]}, not {terms.charter.hex()[:16]}"
        )
    return parsed.signatures


def _parse_signature(item: object) -> tuple[str, bytes]:
    if not isinstance(item, dict) or set(item) != {"keyid", "sig"}:
        raise EntryError("signatures: each has keyid and sig")
    keyid, signature = item["keyid"], item["sig"]
    if not isinstance(keyid, str) or not isinstance(signature, str):
        raise EntryError("signatures: keyid and sig are text")
    check_digest(keyid, "signatures: keyid")
    return keyid, from_base64(signature)


def _key_id(raw: bytes) -> str:
    return key_id(Ed25519PublicKey.from_public_bytes(raw))
