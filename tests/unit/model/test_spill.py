"""Rows on disk: as they were, nowhere to be found, and a disk that fails is said so."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model import spill
from model.spill import Column, Spill
from protocols.errors import ConfigError

KIND = np.dtype([("key", "S4"), ("cells", np.uint16, (2,))])


def _records(*keys: bytes) -> np.ndarray[Any, Any]:
    return np.array([(key, (place, 7)) for place, key in enumerate(keys)], dtype=KIND)


def test_records_come_back_sorted_with_zeros_at_the_end_of_their_keys(tmp_path: Path) -> None:
    taken = Spill(KIND, tmp_path)
    taken.take(_records(b"b\x00c\x00", b"a\x00\x00\x00"))
    taken.take(_records(b"b\x00b\x00", b"a\x00\x00\x00", b"\x00\x00\x00a"))
    got = np.concatenate([*taken.sorted()])
    assert [bytes(key) for key in got["key"]] == [
        b"\x00\x00\x00a",
        b"a",
        b"a",
        b"b\x00b",
        b"b\x00c",
    ]
    assert got["cells"][:, 0].tolist() == [2, 1, 1, 0, 0]


def test_no_file_can_be_found_while_rows_are_on_disk(tmp_path: Path) -> None:
    taken, column = Spill(KIND, tmp_path), Column(np.int64, tmp_path)
    taken.take(_records(b"b", b"a"))
    column.append(np.arange(100_000))
    assert list(tmp_path.iterdir()) == []  # a node that is killed here leaves nothing
    assert len([*taken.sorted()]) == 2
    assert column.mapped(100_000)[-1] == 99_999


class _Slow(io.FileIO):
    """A file that takes three bytes at a time, as a system may."""

    def write(self, rest: Any, /) -> int:  # Any: whatever holds bytes
        return super().write(memoryview(rest)[:3])


def test_what_the_system_writes_in_parts_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = _Slow(tmp_path / "slow", "w+b")
    monkeypatch.setattr(spill.tempfile, "TemporaryFile", lambda **_: slow)
    column = Column(np.int64, tmp_path)
    column.append(np.arange(9))
    assert column.mapped(9).tolist() == list(range(9))


def test_a_full_disk_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill.tempfile, "TemporaryFile", lambda **_: io.FileIO("/dev/full", "r+"))
    with pytest.raises(ConfigError, match="the disk is too full for the rows"):
        Column(np.int64, tmp_path).append(np.arange(10))
    with pytest.raises(ConfigError, match="the disk is too full for the rows"):
        Spill(KIND, tmp_path).take(_records(b"a"))


def test_a_folder_where_no_file_can_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: no file can be made there"):
        Column(np.int64, tmp_path / "nowhere")
