"""A log becomes a folder: whole, in place of an older one, or not at all."""

from pathlib import Path

import pytest

from protocols.errors import ConfigError, OversizedLeafError
from protocols.ledger.export import export_files, read_export, write_export
from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import trained


def _files(folder: Path) -> dict[str, bytes]:
    return read_export(folder)


def _write(folder: Path, number: int, *leaves: bytes) -> None:
    write_export(folder, note=f"note {number}\n", witnessed=None, leaves=leaves)


def _made(number: int, *leaves: bytes) -> dict[str, bytes]:
    return dict(export_files(note=f"note {number}\n", witnessed=None, leaves=leaves))


def test_what_is_written_is_true_in_the_eyes_of_the_auditor(tmp_path: Path) -> None:
    world = trained()
    notes = {name: world.files()[name].decode() for name in ("checkpoint", "witnessed")}
    write_export(
        tmp_path / "deep" / "export",
        note=notes["checkpoint"],
        witnessed=notes["witnessed"],
        leaves=world.leaves,
    )
    files = _files(tmp_path / "deep" / "export")
    assert verify_log(world.terms, signatures=world.signatures, files=files).is_true


def test_an_older_export_is_replaced_and_nothing_else_stays(tmp_path: Path) -> None:
    _write(tmp_path / "export", 2, b"a", b"b")
    for name in (".export.new", ".export.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("left by a killed process")
    _write(tmp_path / "export", 0)
    assert _files(tmp_path / "export") == _made(0) == {"checkpoint": b"note 0\n"}
    assert [item.name for item in tmp_path.iterdir()] == ["export"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="choose another folder"):
        _write(tmp_path, 0)
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_place_of_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "export").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written"):
        _write(tmp_path / "export", 0)
    assert [item.name for item in tmp_path.iterdir()] == ["export"]


def test_a_leaf_too_large_leaves_the_older_export(tmp_path: Path) -> None:
    _write(tmp_path / "export", 1, b"a")
    with pytest.raises(OversizedLeafError):
        _write(tmp_path / "export", 2, b"a", b"x" * 65_536)
    assert _files(tmp_path / "export") == _made(1, b"a")
    assert [item.name for item in tmp_path.iterdir()] == ["export"]


@pytest.mark.parametrize("failing", [".export.new", "export"])
def test_a_swap_that_fails_leaves_the_older_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    _write(tmp_path / "export", 1, b"a")
    rename = Path.rename

    def broken(self: Path, target: Path) -> Path:
        if self.name == failing:
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(ConfigError):
        _write(tmp_path / "export", 2, b"b")
    assert _files(tmp_path / "export") == _made(1, b"a")


def test_what_cannot_be_a_logs_file_is_named_and_not_read(tmp_path: Path) -> None:
    world = trained()
    world.write(tmp_path)
    large = {
        "tile/0/000": 9_000,  # a hash tile has at most 8,192 bytes
        "tile/readme": 10,
        "tile/entries/abc": 10,
        "notes.txt": 10,
        "witnessed": 70_000,
    }
    for name, size in large.items():
        (tmp_path / name).unlink(missing_ok=True)
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    read = _files(tmp_path)
    assert {name: read[name] for name in large} == dict.fromkeys(large, b"")
    assert read["checkpoint"] == world.files()["checkpoint"]


def test_a_folder_of_more_bytes_than_any_log_is_not_read_into_memory(tmp_path: Path) -> None:
    (tmp_path / "tile" / "entries").mkdir(parents=True)
    for number in range(70):
        with (tmp_path / "tile" / "entries" / f"{number:03}").open("wb") as file:
            file.truncate(16_000_000)
    with pytest.raises(ConfigError, match="more than"):
        read_export(tmp_path)
