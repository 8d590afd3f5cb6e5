"""One file: its scores are the scorecard's, its reasons serving's; nothing else of it is kept."""

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from model.table import read_table
from protocols.errors import UnreadableDataError
from server.batch.sources import ROWS_AT_ONCE, find_sources
from server.batch.work import Done, Failed, Job, Scorer, attempt, score_file
from server.decisions.reasons import most_lost
from tests.unit.server.batch.world import (
    BORROWER,
    make_scorer,
    make_table,
    read_scores,
    write_csv,
    write_parquet,
)
from tests.unit.server.serving.world import make_contract, make_release

SCORECARD = make_release().scorecard


def _score(path: Path, scorer: Scorer, target: Path) -> Done:
    (source,) = find_sources(path)
    return score_file(Job(source, target), scorer, is_alone=True, advance=lambda rows: None)


def _expected(path: Path) -> list[dict[str, Any]]:
    table = read_table(path, make_contract(), has_outcome=False)
    scores = SCORECARD.score(table.columns)
    return [
        {
            "borrower": borrower,
            "p_default": pytest.approx(one.p_default, rel=1e-12),
            "points": one.points,
        }
        for borrower, one in zip(table.borrower_ids, scores, strict=True)
    ]


@pytest.mark.parametrize("write", [write_parquet, write_csv])
def test_scores_are_the_scorecards_of_what_training_reads(write: Any, tmp_path: Path) -> None:
    path = write(tmp_path / f"loans.{write.__name__.removeprefix('write_')}", make_table(3_000))
    done = _score(path, make_scorer(), tmp_path / "out" / "loans.parquet")
    assert done.rows == 3_000
    assert read_scores(tmp_path / "out" / "loans.parquet") == _expected(path)


def test_only_the_borrower_column_is_copied(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "loans.parquet", make_table(50))
    _score(path, make_scorer(has_reasons=True), tmp_path / "scores.parquet")
    schema = pa.parquet.read_schema(tmp_path / "scores.parquet")
    reasons = [f"reason_{number}" for number in range(1, 5)]
    assert schema.names == [BORROWER, "p_default", "points", *reasons]
    assert [str(schema.field(name).type) for name in ("p_default", "points")] == ["double", "int32"]
    assert all(pa.types.is_dictionary(schema.field(name).type) for name in reasons)
    assert b"name 1" not in (tmp_path / "scores.parquet").read_bytes()


def test_a_file_of_scores_names_its_release(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "loans.parquet", make_table(50))
    _score(path, make_scorer(), tmp_path / "scores.parquet")
    metadata = pa.parquet.read_schema(tmp_path / "scores.parquet").metadata
    assert metadata[b"fedscore.release"].decode() == make_release().digest.hex()


def test_reasons_are_those_that_serving_gives(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "loans.parquet", make_table(400))
    _score(path, make_scorer(has_reasons=True), tmp_path / "scores.parquet")
    columns = read_table(path, make_contract(), has_outcome=False).columns
    scores = SCORECARD.score(columns)
    lost = np.array([score.points_lost for score in scores])
    losses = most_lost(lost, np.array([score.is_missing for score in scores]))
    codes = [field.reason_code for field in make_contract().fields]
    for row, mine in zip(read_scores(tmp_path / "scores.parquet"), losses, strict=True):
        said = [row[f"reason_{number}"] for number in range(1, 5)]
        assert said == [*(codes[loss.place] for loss in mine), *[None] * (4 - len(mine))]


def test_ids_keep_their_type_and_order(tmp_path: Path) -> None:
    table = make_table(300).set_column(2, BORROWER, pa.array(range(299, -1, -1), pa.int64()))
    _score(write_parquet(tmp_path / "loans.parquet", table), make_scorer(), tmp_path / "s.parquet")
    assert [row[BORROWER] for row in read_scores(tmp_path / "s.parquet")] == list(
        range(299, -1, -1)
    )


def test_ids_that_are_a_dictionary_are_written_as_what_they_are(tmp_path: Path) -> None:
    table = make_table(300)
    table = table.set_column(2, BORROWER, table[BORROWER].dictionary_encode())
    _score(write_parquet(tmp_path / "loans.parquet", table), make_scorer(), tmp_path / "s.parquet")
    assert read_scores(tmp_path / "s.parquet")[7][BORROWER] == "b1-7"


def test_a_file_without_rows_has_a_file_of_scores_without_rows(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "loans.parquet", make_table(0))
    assert _score(path, make_scorer(), tmp_path / "scores.parquet").rows == 0
    assert read_scores(tmp_path / "scores.parquet") == []


def test_parts_are_no_larger_than_a_part_however_large_the_row_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.batch.sources.ROWS_AT_ONCE", 1_000)
    path = write_parquet(tmp_path / "loans.parquet", make_table(9_500), group=1 << 20)
    seen: list[int] = []
    (source,) = find_sources(path)
    score_file(
        Job(source, tmp_path / "s.parquet"), make_scorer(), is_alone=False, advance=seen.append
    )
    assert seen == [1_000] * 9 + [500]
    assert ROWS_AT_ONCE * 8 * 40 < 50 << 20  # a part of forty wide columns, in bytes


def test_scores_are_the_same_bytes_however_many_cores_decode(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "loans.parquet", make_table(5_000))
    (source,) = find_sources(path)
    written = {
        score_file(
            Job(source, tmp_path / "s.parquet"),
            make_scorer(),
            is_alone=claim,
            advance=lambda _: None,
        ).digest
        for claim in (False, True)
    }
    assert len(written) == 1


def _damage(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 3
    raw[middle : middle + 2_000] = bytes(2_000)
    path.write_bytes(raw)


def test_a_file_damaged_in_the_middle_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "loans.parquet", make_table(20_000))
    _damage(path)
    (source,) = find_sources(path)
    outcome = attempt(Job(source, tmp_path / "out" / "s.parquet"), make_scorer())
    assert isinstance(outcome, Failed)
    assert "loans.parquet: truncated, damaged" in outcome.reason
    assert list((tmp_path / "out").iterdir()) == []


def test_a_page_that_is_not_what_its_checksum_says_is_found(tmp_path: Path) -> None:
    path = tmp_path / "loans.parquet"
    options = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    table = make_table(300).set_column(3, "income", pa.array([5.5] * 300, pa.float32()))
    pa.parquet.write_table(table, path, **options)
    assert isinstance(attempt(Job(find_sources(path)[0], tmp_path / "s"), make_scorer()), Done)
    path.write_bytes(path.read_bytes().replace(struct.pack("<2f", 5.5, 5.5), b"\1" * 8, 1))
    assert isinstance(attempt(Job(find_sources(path)[0], tmp_path / "s"), make_scorer()), Failed)


def test_text_in_a_parquet_file_that_is_no_text_is_found(tmp_path: Path) -> None:
    broken = pa.array([b"\xff"] * 300, pa.binary()).view(pa.string())
    table = make_table(300).set_column(2, BORROWER, broken)
    path = write_parquet(tmp_path / "loans.parquet", table)
    assert isinstance(attempt(Job(find_sources(path)[0], tmp_path / "s"), make_scorer()), Failed)


def test_what_is_wrong_is_said_without_a_value(tmp_path: Path) -> None:
    path = tmp_path / "loans.csv"
    path.write_text("borrower,income,utilisation,inquiries,home,term\nb1,secret\n")
    (source,) = find_sources(path)
    outcome = attempt(Job(source, tmp_path / "s.parquet"), make_scorer())
    assert isinstance(outcome, Failed)
    assert "secret" not in outcome.reason


def test_a_file_that_changes_while_it_is_read_is_not_scored(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "loans.parquet", make_table(3_000))
    (source,) = find_sources(path)

    def touch(rows: int) -> None:
        path.touch()

    with pytest.raises(UnreadableDataError, match="changed while it was read"):
        score_file(Job(source, tmp_path / "s.parquet"), make_scorer(), is_alone=True, advance=touch)
    assert not (tmp_path / "s.parquet").exists()


def test_no_value_is_an_error(tmp_path: Path) -> None:
    odd: dict[str, Any] = {
        "borrower": pa.array([None, "b", "b"]),
        "income": pa.array(["12", "a lot", None]),
        "utilisation": pa.array([math.nan, math.inf, -math.inf], pa.float32()),
        "inquiries": pa.array([2**60, -9, None], pa.int64()),
        "home": pa.array([1.0, None, math.nan]),
        "term": pa.array([[1], None, []], pa.list_(pa.int64())),
    }
    path = write_parquet(tmp_path / "odd.parquet", pa.table(odd))
    _score(path, make_scorer(), tmp_path / "s.parquet")
    assert read_scores(tmp_path / "s.parquet") == _expected(path)
