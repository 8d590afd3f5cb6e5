"""Scores of files are of what training reads, whatever types and values a column has."""

import datetime
import decimal
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from hypothesis import given, settings
from hypothesis import strategies as st

from model.features import cells_of
from model.field_tables import CategoricalTable
from model.table import read_table
from server.batch.columns import codes_of, numbers_of
from server.batch.sources import find_sources
from server.batch.work import Job, score_file
from tests.unit.server.batch.world import make_scorer, make_table, read_scores
from tests.unit.server.serving.world import make_contract, make_release

ROWS = 4
TEXTS = st.sampled_from(["own", " rent", "", "  ", "3", "3.0", "1e3", " 7 ", "nan", "x", "NA", "é"])
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    pa.float32(): st.floats(width=32),
    pa.float64(): st.one_of(st.floats(), st.sampled_from([-9.0, 3.0, 1.5])),
    pa.int8(): st.integers(-9, 9),
    pa.int64(): st.one_of(st.integers(-9, 50), st.integers(-(2**63), 2**63 - 1)),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.string(): TEXTS,
    pa.large_string(): TEXTS,
    pa.bool_(): st.booleans(),
    pa.decimal128(10, 2): st.sampled_from([decimal.Decimal("3.00"), decimal.Decimal("-9.00")]),
    pa.date32(): st.just(datetime.date(2026, 1, 2)),
    pa.timestamp("us"): st.just(datetime.datetime(2026, 1, 2, 3)),
    pa.null(): st.none(),
    pa.list_(pa.int64()): st.lists(st.integers(0, 2), max_size=2),
    pa.dictionary(pa.int8(), pa.string()): TEXTS,
    pa.dictionary(pa.int32(), pa.int64()): st.integers(0, 5),
}


@st.composite
def columns(draw: st.DrawFn) -> Any:
    """Draw a column of any type."""
    kind = draw(st.sampled_from(list(VALUES)))
    values = draw(st.lists(st.one_of(st.none(), VALUES[kind]), min_size=ROWS, max_size=ROWS))
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


SCORER = make_scorer()
SCORECARD = make_release().scorecard


@settings(max_examples=200, deadline=None)
@given(st.lists(columns(), min_size=5, max_size=5))
def test_files_are_read_as_training_reads_them(drawn: list[Any]) -> None:
    names = [field.name for field in make_contract().fields]
    table = pa.table({"borrower": list("abcd"), **dict(zip(names, drawn, strict=True))})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loans.parquet"
        pa.parquet.write_table(table, path)
        columns = read_table(path, make_contract(), has_outcome=False).columns
    cells = cells_of(columns, make_contract())
    for place, item in enumerate(SCORER.evaluator.tables):
        if isinstance(item, CategoricalTable):
            assert codes_of(drawn[place], item).tolist() == cells[:, place].tolist()
        else:
            read = np.asarray(columns[item.name], dtype=np.float64)
            np.testing.assert_array_equal(numbers_of(drawn[place]), read)


def test_a_whole_file_is_scored_as_the_scorecard_scores_what_training_reads() -> None:
    table = make_table(2_000)
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "loans.parquet", Path(folder) / "scores.parquet"
        pa.parquet.write_table(table, path)
        (source,) = find_sources(path)
        score_file(Job(source, target), SCORER, is_alone=True, advance=lambda rows: None)
        scores = SCORECARD.score(read_table(path, make_contract(), has_outcome=False).columns)
        assert [row["points"] for row in read_scores(target)] == [one.points for one in scores]
