"""A file of scores is whole and in its place, or not there."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from protocols.errors import ConfigError
from server.batch import output
from server.batch.output import ScoreFile

SCHEMA = pa.schema([("number", pa.int64())])


def _batch(rows: int) -> object:
    return pa.record_batch([pa.array(range(rows), pa.int64())], schema=SCHEMA)


def test_what_is_written_is_what_its_digest_says(tmp_path: Path) -> None:
    with ScoreFile(tmp_path / "a" / "s.parquet", SCHEMA) as out:
        for _ in range(3):
            out.write(_batch(100))
        written = out.finish()
    raw = (tmp_path / "a" / "s.parquet").read_bytes()
    assert (written.size, written.digest) == (len(raw), hashlib.sha256(raw).hexdigest())
    assert pa.parquet.read_metadata(tmp_path / "a" / "s.parquet").num_rows == 300


def test_small_parts_share_a_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_LEAST_ROWS", 250)
    with ScoreFile(tmp_path / "s.parquet", SCHEMA) as out:
        for _ in range(5):
            out.write(_batch(100))
        out.finish()
    metadata = pa.parquet.read_metadata(tmp_path / "s.parquet")
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [300, 200]


def test_nothing_is_in_its_place_before_it_is_whole(tmp_path: Path) -> None:
    with ScoreFile(tmp_path / "s.parquet", SCHEMA) as out:
        out.write(_batch(200_000))
        assert not (tmp_path / "s.parquet").exists()
        out.finish()
        assert (tmp_path / "s.parquet").exists()


def test_two_that_write_the_same_scores_do_not_mix(tmp_path: Path) -> None:
    with (
        ScoreFile(tmp_path / "s.parquet", SCHEMA) as left_over,
        ScoreFile(tmp_path / "s.parquet", SCHEMA) as out,
    ):
        left_over.write(_batch(200_000))
        out.write(_batch(300_000))
        written = out.finish()
        left_over.write(_batch(200_000))
    raw = (tmp_path / "s.parquet").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == written.digest
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]


def test_what_was_there_before_stays_when_writing_ends_early(tmp_path: Path) -> None:
    (tmp_path / "s.parquet").write_bytes(b"before")
    with ScoreFile(tmp_path / "s.parquet", SCHEMA) as out:
        out.write(_batch(200_000))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


@pytest.mark.parametrize("rows", [10, 200_000])
def test_a_full_disk_is_said_and_leaves_nothing(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    def write_all() -> None:
        with ScoreFile(tmp_path / "s.parquet", SCHEMA) as out:
            monkeypatch.setattr(output._Digesting, "sync" if rows == 10 else "_put", full)
            for _ in range(2):
                out.write(_batch(rows))
            out.finish()

    with pytest.raises(ConfigError, match="is the disk full"):
        write_all()
    assert list(tmp_path.iterdir()) == []


def test_the_bytes_are_on_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    true_fsync, true_rename = output.os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        steps.append("sync")
        true_fsync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return true_rename(self, target)

    monkeypatch.setattr(output.os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    with ScoreFile(tmp_path / "s.parquet", SCHEMA) as out:
        out.finish()
    assert steps == ["sync", "rename", "sync"]
