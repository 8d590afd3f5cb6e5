"""Which files are scored, and what is said of those that cannot be."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from protocols.errors import ConfigError, MissingColumnError, UnreadableDataError
from server.batch.sources import (
    check_columns,
    column_names,
    count_rows,
    find_sources,
    read_parts,
)
from tests.unit.server.batch.world import make_scorer, make_table, write_csv, write_parquet

NAMES = make_scorer().names


def test_a_folder_gives_its_files_and_those_in_its_folders_by_name(tmp_path: Path) -> None:
    for name in ("b.parquet", "a.csv", "year=2026/c.PARQUET", "_logs/d.parquet", ".e.parquet"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.parquet").mkdir()
    found = find_sources(tmp_path)
    assert [source.name for source in found] == ["a.csv", "b.parquet", "year=2026/c.PARQUET"]
    assert [source.target for source in found] == [
        "a.parquet",
        "b.parquet",
        "year=2026/c.parquet",
    ]


def test_two_files_with_one_place_for_their_scores_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "a.parquet").touch()
    with pytest.raises(ConfigError, match=r"a\.csv and a\.parquet would both"):
        find_sources(tmp_path)


@pytest.mark.parametrize("name", ["empty", "absent", "notes.txt"])
def test_nothing_to_score_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigError, match=r"\.parquet or \.csv"):
        find_sources(tmp_path / name)


def test_a_name_that_no_manifest_could_hold_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")).touch()
    with pytest.raises(ConfigError, match="must be UTF-8"):
        find_sources(tmp_path)


@pytest.mark.parametrize("write", [write_parquet, write_csv], ids=["parquet", "csv"])
def test_a_missing_column_is_named_with_its_file(write: object, tmp_path: Path) -> None:
    assert callable(write)
    name = "loans.csv" if write is write_csv else "loans.parquet"
    path = write(tmp_path / name, make_table(3).drop_columns(["home", "term"]))
    with pytest.raises(MissingColumnError, match=f"{name}: no column named home, term"):
        check_columns(find_sources(path)[0], NAMES)


def test_columns_of_the_same_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "loans.csv"
    path.write_text(",".join([*NAMES, "home"]) + "\n")
    with pytest.raises(UnreadableDataError, match="the same name"):
        check_columns(find_sources(path)[0], NAMES)


@pytest.mark.parametrize("raw", [b"", b"PAR1", b"PAR1 and more PAR1", b"\xff\xfe\x00"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_is_none_is_named(raw: bytes, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"loans.{kind}"
    path.write_bytes(raw)
    with pytest.raises((UnreadableDataError, MissingColumnError), match=rf"^loans\.{kind}: "):
        check_columns(find_sources(path)[0], NAMES)


def test_text_that_is_not_utf_8_is_named_and_not_shown(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "loans.csv", make_table(3))
    path.write_bytes(path.read_bytes().replace(b"b1-1", b"b1-\xff"))
    with pytest.raises(UnreadableDataError, match=r"^loans\.csv: truncated, damaged, or not UTF-8"):
        list(read_parts(find_sources(path)[0], NAMES, listed=[], is_alone=True))


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "loans.csv", make_table(3))
    (source,) = find_sources(path)
    path.unlink()
    with pytest.raises(UnreadableDataError, match="no such file"):
        check_columns(source, NAMES)
    with pytest.raises(UnreadableDataError, match="no such file"):
        source.check_unchanged()


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source,) = find_sources(write_csv(tmp_path / "loans.csv", make_table(3)))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(pa.csv, "open_csv", refuse)
    with pytest.raises(UnreadableDataError, match=r"loans\.csv: may not be read"):
        check_columns(source, NAMES)


def test_a_csv_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.batch.sources.ROWS_AT_ONCE", 100)
    path = write_csv(tmp_path / "loans.csv", make_table(250))
    parts = list(read_parts(find_sources(path)[0], NAMES, listed=[], is_alone=True))
    assert [len(part) for part in parts] == [100, 100, 50]
    assert parts[0].schema == pa.schema([(name, pa.string()) for name in NAMES])


def test_a_file_says_its_columns_and_a_parquet_file_its_rows(tmp_path: Path) -> None:
    table = make_table(30)
    (whole,) = find_sources(write_parquet(tmp_path / "a.parquet", table, group=7))
    (text,) = find_sources(write_csv(tmp_path / "b.csv", table))
    assert column_names(whole) == column_names(text) == table.column_names
    assert (count_rows(whole), count_rows(text)) == (30, None)
    whole.path.write_bytes(b"PAR1")
    for look in (column_names, count_rows):
        with pytest.raises(UnreadableDataError, match=r"a\.parquet: truncated"):
            look(whole)
