"""Sources of the log: whole, never mixed, and read again only if something changed."""

from pathlib import Path

import pytest

from clients.auditor.page.source import FolderSource, RemoteSource
from protocols.errors import ConfigError, LogSizeError
from protocols.ledger.export import export_files
from protocols.ledger.tiles import leaves_in, size_of
from protocols.ledger.verify import CHECKPOINT_NAME
from tests.adversarial.ledger.honest import World


class FakeLog:
    """A coordinator's log that counts what it is asked for."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.asked: list[int] = []

    def witnessed(self) -> str | None:
        """Return what witnesses have cosigned: nothing."""
        return None

    def fetch(self, since: int = 0) -> tuple[str, list[bytes]]:
        """Return a note and what is new."""
        self.asked.append(since)
        if since > len(self.leaves):
            raise LogSizeError("the log went back")
        return f"note of {len(self.leaves)}", self.leaves[since:]


def test_a_folder_is_what_its_files_hold(log: Path, world: World) -> None:
    assert FolderSource(log).files() == world.files()


def test_an_unchanged_folder_is_the_same_object(log: Path) -> None:
    source = FolderSource(log)
    assert source.files() is source.files()


def test_a_changed_folder_is_read_again(log: Path) -> None:
    source = FolderSource(log)
    source.files()
    (log / CHECKPOINT_NAME).write_bytes(b"other")
    assert source.files()[CHECKPOINT_NAME] == b"other"


def test_a_strange_file_is_named_and_not_read(log: Path) -> None:
    (log / "notes.txt").write_bytes(b"secret")
    assert FolderSource(log).files()["notes.txt"] == b""


def test_an_absent_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        FolderSource(tmp_path / "none").files()


def test_a_folder_that_changes_while_it_is_read_is_not_believed(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes
    count = iter(range(100))

    def read_and_change(path: Path) -> bytes:
        raw = read(path)
        path.write_bytes(raw + b"x" * next(count))
        return raw

    monkeypatch.setattr(Path, "read_bytes", read_and_change)
    with pytest.raises(ConfigError, match="faster"):
        FolderSource(log).files()


def test_a_coordinator_is_asked_only_for_what_is_new() -> None:
    fake = FakeLog([b"a", b"b"])
    source = RemoteSource(fake)
    first = source.files()
    assert first == dict(export_files(note="note of 2", witnessed=None, leaves=[b"a", b"b"]))
    assert source.files() is first
    fake.leaves = [b"a", b"b", b"c"]
    assert _leaves(source) == [b"a", b"b", b"c"]
    assert fake.asked == [0, 2, 2]


def test_a_log_that_went_back_is_read_whole() -> None:
    fake = FakeLog([b"a", b"b"])
    source = RemoteSource(fake)
    source.files()
    fake.leaves = [b"z"]
    assert _leaves(source) == [b"z"]


def _leaves(source: RemoteSource) -> list[bytes]:
    files = source.files()
    return list(leaves_in(files, size_of(files)))
