"""A folder: only what is missing is done, one bad file stops no other, one release a folder."""

import json
import os
import shutil
from pathlib import Path

import pytest

from protocols.errors import ConfigError, MissingColumnError
from protocols.lock import only_process
from tests.unit.server.batch.world import (
    Seen,
    bytes_of,
    make_scorer,
    make_table,
    read_scores,
    score,
    write_csv,
    write_parquet,
)

SCORER = make_scorer()


@pytest.fixture
def loans(tmp_path: Path) -> Path:
    folder = tmp_path / "loans"
    for number in range(3):
        write_parquet(folder / f"part-{number}.parquet", make_table(500, seed=number))
    write_csv(folder / "more.csv", make_table(50, seed=9))
    return folder


def _lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_every_file_has_its_scores_and_a_line(loans: Path, tmp_path: Path) -> None:
    seen = Seen()
    summary = score(loans, tmp_path / "out", SCORER, seen=seen)
    assert (summary.files, summary.rows, summary.done_before, summary.failed) == (4, 1_550, 0, ())
    assert (seen.files, seen.rows, len(seen.outcomes)) == (4, 1_550, 4)
    names = [line["source"] for line in _lines(tmp_path / "out")]
    assert names == ["more.csv", "part-0.parquet", "part-1.parquet", "part-2.parquet"]
    assert read_scores(tmp_path / "out" / "part-2.parquet")[3]["borrower"] == "b2-3"


def test_a_line_says_what_was_read_and_what_was_written(loans: Path, tmp_path: Path) -> None:
    import hashlib

    score(loans, tmp_path / "out", SCORER)
    line = _lines(tmp_path / "out")[1]
    source, scores = loans / "part-0.parquet", tmp_path / "out" / "part-0.parquet"
    assert line == {
        "source": "part-0.parquet",
        "source_size": source.stat().st_size,
        "source_modified_ns": str(source.stat().st_mtime_ns),
        "rows": 500,
        "release": SCORER.release,
        "has_reasons": False,
        "scores": "part-0.parquet",
        "scores_size": scores.stat().st_size,
        "scores_digest": hashlib.sha256(scores.read_bytes()).hexdigest(),
    }


def test_what_is_done_is_not_done_again(loans: Path, tmp_path: Path) -> None:
    score(loans, tmp_path / "out", SCORER)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.parquet")}
    summary = score(loans, tmp_path / "out", SCORER)
    assert (summary.files, summary.done_before) == (0, 4)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_file_that_changed_or_lost_its_scores_is_scored_again(
    loans: Path, tmp_path: Path
) -> None:
    score(loans, tmp_path / "out", SCORER)
    write_parquet(loans / "part-0.parquet", make_table(20, seed=7))
    (tmp_path / "out" / "part-1.parquet").unlink()
    (tmp_path / "out" / "part-2.parquet").write_bytes(b"half")
    (loans / "new.csv").write_bytes((loans / "more.csv").read_bytes())
    summary = score(loans, tmp_path / "out", SCORER)
    assert (summary.files, summary.done_before) == (4, 1)
    assert len(read_scores(tmp_path / "out" / "part-0.parquet")) == 20
    assert score(loans, tmp_path / "out", SCORER).files == 0


def test_a_touched_file_is_scored_again(loans: Path, tmp_path: Path) -> None:
    score(loans, tmp_path / "out", SCORER)
    os.utime(loans / "part-0.parquet", ns=(1, 1))
    assert score(loans, tmp_path / "out", SCORER).files == 1


def test_a_damaged_file_is_named_and_the_others_are_scored(loans: Path, tmp_path: Path) -> None:
    raw = (loans / "part-1.parquet").read_bytes()
    (loans / "part-1.parquet").write_bytes(raw[: len(raw) // 2])
    summary = score(loans, tmp_path / "out", SCORER)
    assert summary.files == 3
    assert [text.split(":")[0] for text in summary.failed] == ["part-1.parquet"]
    (loans / "part-1.parquet").write_bytes(raw)
    assert score(loans, tmp_path / "out", SCORER).files == 1


def test_a_missing_column_is_refused_before_anything_is_scored(loans: Path, tmp_path: Path) -> None:
    write_parquet(loans / "part-2.parquet", make_table(20).drop_columns(["income"]))
    with pytest.raises(MissingColumnError, match=r"part-2\.parquet: no column named income"):
        score(loans, tmp_path / "out", SCORER)
    assert list((tmp_path / "out").glob("*.parquet")) == []


def test_scores_of_another_release_are_not_mixed_in(loans: Path, tmp_path: Path) -> None:
    score(loans / "part-0.parquet", tmp_path / "out", SCORER)
    before = bytes_of(tmp_path / "out")
    with pytest.raises(ConfigError, match="holds scores of release"):
        score(loans, tmp_path / "out", make_scorer(2))
    with pytest.raises(ConfigError, match="without --reasons"):
        score(loans, tmp_path / "out", make_scorer(has_reasons=True))
    assert bytes_of(tmp_path / "out") == before


def test_a_folder_with_other_things_is_refused(loans: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").touch()
    with pytest.raises(ConfigError, match="is not empty"):
        score(loans, tmp_path / "out", SCORER)


@pytest.mark.parametrize("where", ["loans", "loans/out", "."])
def test_scores_never_go_where_the_sources_are(where: str, loans: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="apart"):
        score(loans, tmp_path / where, SCORER)
    if where != "loans/out":  # beside one file is another folder
        return
    with pytest.raises(ConfigError, match="apart"):
        score(loans / "part-0.parquet", loans, SCORER)


def test_two_at_a_time_in_one_folder_are_refused(loans: Path, tmp_path: Path) -> None:
    with only_process(tmp_path / "out", "scores"), pytest.raises(ConfigError, match="another"):
        score(loans, tmp_path / "out", SCORER)


def test_a_line_that_was_being_written_when_it_was_killed_is_dropped(
    loans: Path, tmp_path: Path
) -> None:
    score(loans, tmp_path / "once", SCORER)
    shutil.copytree(tmp_path / "once", tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-30])
    (tmp_path / "out" / ".part-9.parquet.part").write_bytes(b"begun")
    assert score(loans, tmp_path / "out", SCORER).files == 1
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "once")


def test_a_line_is_on_disk_when_it_is_written(
    loans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    true = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        true(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    score(loans / "part-0.parquet", tmp_path / "out", SCORER)
    # The manifest's name; the scores, then their name; and only then the line.
    folder, part, *rest = synced
    assert (folder, rest) == ("out", ["out", "manifest.jsonl"])
    assert part.startswith(".part-0.parquet.")


def test_a_file_that_breaks_in_the_middle_stops_no_other(loans: Path, tmp_path: Path) -> None:
    raw = bytearray((loans / "part-1.parquet").read_bytes())
    raw[1_000:6_000] = bytes(5_000)
    (loans / "part-1.parquet").write_bytes(raw)
    summary = score(loans, tmp_path / "out", SCORER)
    assert (summary.files, len(summary.failed)) == (3, 1)


@pytest.mark.parametrize("line", ["nonsense\n", "{}\n", "\xff\n"])
def test_a_damaged_manifest_is_named(line: str, loans: Path, tmp_path: Path) -> None:
    score(loans, tmp_path / "out", SCORER)
    with (tmp_path / "out" / "manifest.jsonl").open("a") as file:
        file.write(line)
    with pytest.raises(ConfigError, match=r"manifest\.jsonl, line 5"):
        score(loans, tmp_path / "out", SCORER)


def test_two_processes_leave_the_same_bytes_as_one(loans: Path, tmp_path: Path) -> None:
    score(loans, tmp_path / "one", SCORER)
    summary = score(loans, tmp_path / "two", SCORER, workers=2)
    assert summary.files == 4
    assert bytes_of(tmp_path / "two") == bytes_of(tmp_path / "one")
