"""Lines are only added, whole or not at all; files are what the line says that names them."""

import errno
import os
from pathlib import Path

import pytest

from protocols.errors import ConfigError, FolderError
from protocols.ledger.canonical import digest
from server.policies import folder as folders
from server.policies.folder import PolicyFolder


@pytest.fixture
def folder(tmp_path: Path) -> PolicyFolder:
    return PolicyFolder(tmp_path)


def _add(folder: PolicyFolder, *lines: bytes) -> None:
    with folder.writing():
        for line in lines:
            folder.append(line)


def test_lines_come_back_in_order(folder: PolicyFolder) -> None:
    assert folder.lines() == []
    _add(folder, b"one", b"two")
    assert folder.lines() == [b"one", b"two"]
    assert folder.book.read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("kept", range(4))
def test_what_a_killed_process_left_is_no_line_and_goes(folder: PolicyFolder, kept: int) -> None:
    _add(folder, b"one")
    with folder.book.open("ab") as file:
        file.write(b"two"[:kept])
    assert folder.lines() == [b"one"]
    _add(folder, b"three")
    assert folder.book.read_bytes() == b"one\nthree\n"


def test_a_book_that_is_torn_in_its_first_line_is_empty(folder: PolicyFolder) -> None:
    folder.book.write_bytes(b"on")
    assert folder.lines() == []
    _add(folder, b"two")
    assert folder.lines() == [b"two"]


@pytest.mark.parametrize("name", ["write", "fsync"])
def test_a_line_that_cannot_be_written_leaves_the_book_as_it_was(
    folder: PolicyFolder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(folder, b"one")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, name, full)
    with pytest.raises(ConfigError, match="is the disk full"):
        _add(folder, b"two")
    monkeypatch.undo()
    assert folder.book.read_bytes() == b"one\n"


def test_a_line_that_is_written_in_part_is_taken_back(
    folder: PolicyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(folder, b"one")
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, raw: write(handle, raw[:2]))
    with pytest.raises(ConfigError, match="is the disk full"):
        _add(folder, b"two")
    monkeypatch.undo()
    assert folder.book.read_bytes() == b"one\n"


def test_one_process_adds_at_a_time(folder: PolicyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_PATIENCE_S", 0.0)
    with (
        folder.writing(),
        pytest.raises(ConfigError, match="another process works with the book"),
        folder.writing(),
    ):
        pass


def test_no_folder_is_made_where_there_is_none(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"no such folder; make it, with officers\.toml"),
        PolicyFolder(tmp_path / "none").writing(),
    ):
        pass
    assert not (tmp_path / "none").exists()


def test_a_book_that_cannot_be_read_is_named(
    folder: PolicyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.book.mkdir()
    with pytest.raises(ConfigError, match=r"book\.jsonl: cannot be read"):
        folder.lines()
    folder.book.rmdir()
    _add(folder, b"one")
    monkeypatch.setattr(folders, "_MOST_BOOK_BYTES", 3)
    with pytest.raises(ConfigError, match="larger than any book"):
        folder.lines()


def test_a_file_is_kept_whole_and_replaces_one_that_no_line_names(folder: PolicyFolder) -> None:
    path = folder.policy_file(bytes(32))
    assert path.name == f"{'00' * 32}.toml"
    folder.keep(path, b"left by a killed process")
    folder.keep(path, b"a policy")
    assert folder.read(path, digest(b"a policy")) == b"a policy"
    assert os.listdir(path.parent) == [path.name]


def test_a_file_that_cannot_be_kept_is_named(folder: PolicyFolder) -> None:
    path = folder.proof_file(bytes(32))
    path.parent.write_bytes(b"no folder")
    with pytest.raises(ConfigError, match=f"{path.name}: cannot be written"):
        folder.keep(path, b"proof")


def test_a_file_that_is_gone_or_another_is_named(folder: PolicyFolder) -> None:
    path = folder.policy_file(bytes(32))
    with pytest.raises(FolderError, match=f"policies/{path.name}: cannot be read"):
        folder.read(path, bytes(32))
    folder.keep(path, b"a policy")
    with pytest.raises(FolderError, match="is not the file that the book names"):
        folder.read(path, digest(b"another policy"))


def test_every_change_of_book_or_officers_shows(folder: PolicyFolder) -> None:
    states = [folder.state()]
    _add(folder, b"one")
    states.append(folder.state())
    folder.officers.write_text("")
    states.append(folder.state())
    _add(folder, b"two")
    states.append(folder.state())
    assert len(set(states)) == 4
