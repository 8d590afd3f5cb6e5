"""Private keys on disk: for their owner only, and never overwritten."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from protocols.errors import ConfigError
from protocols.ledger.keyfile import (
    create_key,
    create_next_key,
    key_for,
    load_key,
    load_keys,
    write_private,
)


def test_a_key_comes_back_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "identity.pem"
    made = create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path).private_bytes_raw() == made.private_bytes_raw()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "identity.pem"
    create_key(path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="never overwritten"):
        create_key(path)
    assert path.read_bytes() == before


def test_keys_for_a_purpose_are_found_oldest_first_by_their_public_half(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"identity\.pem"):
        load_keys(tmp_path, "identity")
    made = [create_key(tmp_path / "identity.pem")]
    made += [create_next_key(tmp_path, "identity") for _ in range(2)]
    names = {"identity.pem", "identity-2.pem", "identity-3.pem"}
    assert {path.name for path in tmp_path.iterdir()} == names
    found = load_keys(tmp_path, "identity")
    assert [key.private_bytes_raw() for key in found] == [key.private_bytes_raw() for key in made]
    public = made[1].public_key().public_bytes_raw()
    assert key_for(public, found, what="identity key") is found[1]
    with pytest.raises(ConfigError, match="the identity key is not the one the charter names"):
        key_for(bytes(32), found, what="identity key")
    (tmp_path / "identity-2.pem").chmod(0o644)
    with pytest.raises(ConfigError, match=r"identity-2\.pem: others can read it"):
        load_keys(tmp_path, "identity")


def test_what_a_killed_writer_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "identity.pem"
    (tmp_path / ".identity.pem.new").write_bytes(b"half a k")
    made = create_key(path)
    assert load_key(path).private_bytes_raw() == made.private_bytes_raw()
    assert [item.name for item in tmp_path.iterdir()] == ["identity.pem"]


def test_a_link_in_place_of_the_key_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "identity.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        create_key(tmp_path / "identity.pem")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "identity.pem"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="expected mode 0600"):
        load_key(path)


def test_a_key_of_mode_0400_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "identity.pem"
    create_key(path)
    path.chmod(0o400)
    load_key(path)


def test_what_is_no_ed25519_key_in_the_clear_is_refused(tmp_path: Path) -> None:
    ed25519 = create_key(tmp_path / "good.pem")
    locked = ed25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    other = X25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for number, raw in enumerate((b"", b"no key", locked, other, b"-" * 5_000)):
        path = tmp_path / f"{number}.pem"
        write_private(path, raw)
        with pytest.raises(ConfigError, match=path.name):
            load_key(path)


def test_a_device_or_a_large_file_is_refused_for_what_it_is(tmp_path: Path) -> None:
    write_private(tmp_path / "large.pem", b"-" * 200_001)
    for path in (tmp_path / "large.pem", Path(os.devnull)):
        with pytest.raises(ConfigError, match="small plain file"):
            load_key(path)


def test_absent_keys_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pem", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_key(path)
    with pytest.raises(ConfigError, match="cannot be written"):
        create_key(tmp_path / "absent" / "identity.pem")


def test_a_full_disk_leaves_no_half_written_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("protocols.ledger.keyfile.os.fsync", full)
    with pytest.raises(ConfigError, match="cannot be written"):
        create_key(tmp_path / "identity.pem")
    assert list(tmp_path.iterdir()) == []
