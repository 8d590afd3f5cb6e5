"""A log becomes a folder: whole, in place of an older one, or not at all."""

from pathlib import Path

import pytest

from protocols.errors import ConfigError, EntryError
from protocols.ledger.export import write_export
from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import trained


def _files(folder: Path) -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in folder.iterdir()}


def test_what_is_written_is_true_in_the_eyes_of_the_auditor(tmp_path: Path) -> None:
    world = trained()
    note = world.files()["checkpoint"].decode()
    write_export(tmp_path / "deep" / "export", note=note, leaves=world.leaves)
    files = _files(tmp_path / "deep" / "export")
    assert verify_log(world.terms, signatures=world.signatures, files=files).is_true


def test_an_older_export_is_replaced_and_nothing_else_stays(tmp_path: Path) -> None:
    write_export(tmp_path / "export", note="note 2\n", leaves=[b"a", b"b"])
    for name in (".export.new", ".export.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("left by a killed process")
    write_export(tmp_path / "export", note="note 0\n", leaves=[])
    assert _files(tmp_path / "export") == {"checkpoint": b"note 0\n", "entries.jsonl": b""}
    assert [item.name for item in tmp_path.iterdir()] == ["export"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="choose another folder"):
        write_export(tmp_path, note="note\n", leaves=[])
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_place_of_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "export").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_export(tmp_path / "export", note="note\n", leaves=[])
    assert [item.name for item in tmp_path.iterdir()] == ["export"]


def test_a_leaf_of_two_lines_leaves_the_older_export(tmp_path: Path) -> None:
    write_export(tmp_path / "export", note="note 1\n", leaves=[b"a"])
    with pytest.raises(EntryError, match="one line"):
        write_export(tmp_path / "export", note="note 2\n", leaves=[b"a", b"b\nc"])
    assert _files(tmp_path / "export") == {"checkpoint": b"note 1\n", "entries.jsonl": b"a\n"}
    assert [item.name for item in tmp_path.iterdir()] == ["export"]


@pytest.mark.parametrize("failing", [".export.new", "export"])
def test_a_swap_that_fails_leaves_the_older_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    write_export(tmp_path / "export", note="note 1\n", leaves=[b"a"])
    rename = Path.rename

    def broken(self: Path, target: Path) -> Path:
        if self.name == failing:
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(ConfigError):
        write_export(tmp_path / "export", note="note 2\n", leaves=[b"b"])
    assert _files(tmp_path / "export") == {"checkpoint": b"note 1\n", "entries.jsonl": b"a\n"}
