"""Releases on disk: only what the log is shown to hold is opened, and only whole."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from protocols.errors import ReleaseError
from protocols.ledger.canonical import from_base64, to_base64
from protocols.ledger.codec import decode
from protocols.ledger.policy import load_charter
from server.registry import PROOF, Registry, ReleaseProof, proof_of
from tests.simulator import World, found_world

FILES = ("manifest.json", "tensors.safetensors", PROOF)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A federation that has published two releases."""
    folder = tmp_path_factory.mktemp("registry")
    trained = found_world(folder, sizes=(30, 20, 20), epsilon_micro=20_000_000)
    trained.train("run-1")
    trained.train("run-2")
    return trained


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    return shutil.copytree(world.server / "releases", tmp_path / "releases")


@pytest.fixture
def registry(world: World, folder: Path) -> Registry:
    _, terms = load_charter(world.server / "charter.toml")
    return Registry(folder, terms)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_every_release_opens_by_its_digest(registry: Registry, folder: Path) -> None:
    assert len(_names(folder)) == 2
    for name in _names(folder):
        assert registry.open(name).digest.hex() == name


def test_the_latest_release_is_the_one_published_last(registry: Registry) -> None:
    assert registry.open().manifest.run == "run-2"


def test_without_a_release_there_is_no_latest(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no release yet"):
        Registry(tmp_path / "empty", registry._terms).open()


@pytest.mark.parametrize("latest", [b"\xff", b"", b"nonsense", b"00" * 32])
def test_a_broken_pointer_to_the_latest_is_refused(
    latest: bytes, registry: Registry, folder: Path
) -> None:
    (folder / "latest").write_bytes(latest)
    with pytest.raises(ReleaseError):
        registry.open()


@pytest.mark.parametrize("latest", ["", "nonsense", "../releases", "\0", "00" * 33, "AA" * 32])
def test_a_pointer_that_holds_no_digest_is_refused_without_repeating_it(
    latest: str, registry: Registry, folder: Path
) -> None:
    (folder / "latest").write_text(latest)
    with pytest.raises(ReleaseError, match=r"^latest: does not hold the digest of a release$"):
        registry.latest()


def test_an_unknown_digest_is_refused(registry: Registry) -> None:
    with pytest.raises(ReleaseError, match="missing or unreadable"):
        registry.open("00" * 32)


@pytest.mark.parametrize("file", FILES)
def test_a_release_that_lacks_a_file_is_refused(
    file: str, registry: Registry, folder: Path
) -> None:
    name = registry.open().digest.hex()
    (folder / name / file).unlink()
    with pytest.raises(ReleaseError, match=r"missing|no proof"):
        registry.open(name)


@pytest.mark.parametrize("file", FILES)
def test_a_release_with_one_byte_changed_anywhere_is_refused(
    file: str, registry: Registry, folder: Path
) -> None:
    name = registry.open().digest.hex()
    path = folder / name / file
    raw = path.read_bytes()
    for place in range(0, len(raw), max(1, len(raw) // 150)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        with pytest.raises(ReleaseError):
            registry.open(name)
    path.write_bytes(raw)
    assert registry.open(name).digest.hex() == name


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"\n", lambda _: b""])
def test_a_release_with_a_file_of_another_length_is_refused(
    file: str, change: Callable[[bytes], bytes], registry: Registry, folder: Path
) -> None:
    name = registry.open().digest.hex()
    path = folder / name / file
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ReleaseError):
        registry.open(name)


def test_a_release_with_the_proof_of_another_is_refused(registry: Registry, folder: Path) -> None:
    first, second = _names(folder)
    shutil.copy(folder / first / PROOF, folder / second / PROOF)
    with pytest.raises(ReleaseError, match="the logged release is another one"):
        registry.open(second)


def test_a_release_under_the_name_of_another_is_refused(registry: Registry, folder: Path) -> None:
    first, second = _names(folder)
    for file in FILES[:2]:
        shutil.copy(folder / first / file, folder / second / file)
    with pytest.raises(ReleaseError, match="its manifest has another digest"):
        registry.open(second)


def test_a_proof_that_a_logged_order_is_in_the_log_proves_no_release(
    world: World, registry: Registry, folder: Path
) -> None:
    name = registry.open().digest.hex()
    lines = world.leaves()
    proof = json.loads((folder / name / PROOF).read_bytes())
    (folder / name / PROOF).write_text(
        json.dumps({**proof, "leaf": to_base64(lines[1])}, sort_keys=True, separators=(",", ":"))
    )
    with pytest.raises(ReleaseError, match="not shown to be in the log"):
        registry.open(name)


def _parts(folder: Path) -> tuple[bytes, bytes, ReleaseProof]:
    manifest, tensors, proof = ((folder / file).read_bytes() for file in FILES)
    return manifest, tensors, decode(ReleaseProof, proof)


def test_a_release_is_published_whole_or_not_at_all(
    registry: Registry, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = registry.open().digest.hex()
    parts = _parts(folder / name)
    target = tmp_path / "fresh"
    fresh = Registry(target, registry._terms)

    def broken(self: Path, to: Path) -> Path:
        raise OSError("no")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", broken)
        with pytest.raises(OSError, match="no"):
            fresh.publish(*parts, name=name)
    for unreadable in (name, None):
        with pytest.raises(ReleaseError):
            fresh.open(unreadable)
    (target / f".{name}.new" / "junk").write_text("left by a killed process")
    fresh.publish(*parts, name=name)
    assert fresh.open().digest.hex() == name
    assert sorted(path.name for path in target.iterdir()) == sorted([name, "latest"])
    assert sorted(path.name for path in (target / name).iterdir()) == sorted(FILES)


def test_publishing_a_release_again_makes_it_the_latest(registry: Registry, folder: Path) -> None:
    latest = registry.open().digest.hex()
    (older,) = set(_names(folder)) - {latest}
    registry.publish(*_parts(folder / older), name=older)
    assert registry.open().digest.hex() == older
    assert registry.open(latest).digest.hex() == latest


def test_a_proof_holds_its_parts_as_text() -> None:
    proof = proof_of(b"leaf", 7, [bytes(32)], "note")
    assert (from_base64(proof.leaf), proof.index, proof.note) == (b"leaf", 7, "note")
    assert [from_base64(item) for item in proof.path] == [bytes(32)]
