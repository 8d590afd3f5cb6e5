"""A partner's keys: made once, private, and never overwritten."""

import stat
from dataclasses import asdict
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from clients.partner.keys import NODE_KEY, PublicKeys, create_partner_keys, load_partner_keys
from protocols.contracts.charter import Partner
from protocols.errors import ConfigError
from protocols.ledger.canonical import from_base64

FILES = {"identity.pem", "cosign.pem", NODE_KEY, "holdout.key"}


def _named(public: PublicKeys) -> Partner:
    """Return what a charter says of a partner with these keys."""
    return Partner(name="north", capacity=9, **asdict(public))


def test_keys_are_made_loaded_and_match_what_is_public(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "keys"
    public = create_partner_keys(folder)
    keys = load_partner_keys(folder, _named(public))
    assert from_base64(public.identity_key) == keys.identity.public_key().public_bytes_raw()
    assert len(keys.holdout) == 32
    node = load_pem_public_key(public.node_key.encode())
    assert isinstance(node, EllipticCurvePublicKey)
    assert isinstance(node.curve, SECP384R1)


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    create_partner_keys(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_partners_have_nothing_in_common(tmp_path: Path) -> None:
    first, second = create_partner_keys(tmp_path / "a"), create_partner_keys(tmp_path / "b")
    assert first.identity_key != second.identity_key
    assert first.node_key != second.node_key
    splits = [
        load_partner_keys(tmp_path / name, _named(public)).holdout
        for name, public in (("a", first), ("b", second))
    ]
    assert splits[0] != splits[1]


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    create_partner_keys(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigError, match="never overwritten"):
        create_partner_keys(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["identity.pem", "holdout.key"])
def test_a_missing_or_readable_key_stops_the_node(name: str, tmp_path: Path) -> None:
    named = _named(create_partner_keys(tmp_path))
    (tmp_path / name).chmod(0o640)
    with pytest.raises(ConfigError, match=name):
        load_partner_keys(tmp_path, named)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match=name):
        load_partner_keys(tmp_path, named)


def test_a_cut_hold_out_key_is_refused(tmp_path: Path) -> None:
    named = _named(create_partner_keys(tmp_path))
    (tmp_path / "holdout.key").write_bytes(b"\1" * 31)
    with pytest.raises(ConfigError, match="expected 32 bytes"):
        load_partner_keys(tmp_path, named)
