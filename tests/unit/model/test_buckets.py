"""Ranges are those between which a scorecard tells, and cost exactly what it counts."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.buckets import FieldBuckets, field_buckets
from model.label_words import ENGLISH
from model.points import interval_label, points_table
from protocols.contracts.applicants import Applicant
from protocols.contracts.features import CategoricalField, NumericField
from tests.unit.server.serving.monotone import monotone_release

SCORECARD = monotone_release().scorecard
BUCKETS = {item.field.name: item for item in field_buckets(SCORECARD)}


def test_runs_are_ascending_without_a_gap_and_named_as_the_scorecard_names_them() -> None:
    table = {part.field.name: part for part in points_table(SCORECARD).fields}
    for name, item in BUCKETS.items():
        if isinstance(item.field, CategoricalField):
            assert item.runs == ()
            continue
        assert [run.low for run in item.runs[1:]] == [run.high for run in item.runs[:-1]]
        assert (item.runs[0].low, item.runs[-1].high) == (-math.inf, math.inf)
        labels = [row.label for row in table[name].rows]
        assert [run.bucket.label for run in item.runs] == labels[: len(item.runs)]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (-1.0, "below 2.5"),
        (2.4999, "below 2.5"),
        (2.5, "2.5 to below 5"),
        (17.5, "17.5 and above"),
        (math.inf, "17.5 and above"),
        (math.nan, "missing"),
        (-9.0, "No bureau file."),
    ],
)
def test_a_number_is_in_the_range_that_the_scorecard_puts_it_in(value: float, label: str) -> None:
    bucket = BUCKETS["inquiries"].of_number(value)
    assert bucket.label == label
    numbers = {"income": 50_000.0, "inquiries": value}
    columns = Applicant(numbers=numbers, categories={}).columns(SCORECARD.contract)
    (score,) = SCORECARD.score(columns)
    assert score.points_lost[2] == pytest.approx(bucket.points_lost, abs=1e-9)


def test_ranges_of_whole_numbers_are_named_by_whole_numbers() -> None:
    labels = [run.bucket.label for run in _whole("inquiries").runs]
    assert labels[:2] == ["up to 2", "3 to 4"]
    assert labels[-1] == "18 and above"


@given(st.integers(-5, 45))
def test_every_whole_number_is_in_the_range_that_is_named(value: int) -> None:
    label = _whole("inquiries").of_number(float(value)).label
    named = [int(number) for number in re.findall(r"\d+", label)]
    low = -math.inf if label.startswith("up to") else named[0]
    high = math.inf if label.endswith("and above") else named[-1]
    assert low <= value <= high


def test_the_lowest_whole_number_stands_alone_where_it_is_the_only_one() -> None:
    field = SCORECARD.contract.fields[2]
    assert isinstance(field, NumericField)
    counts = field.model_copy(update={"is_whole": True})
    assert interval_label(counts, 0, 1) == "0"
    assert interval_label(counts, 0, 3) == "up to 1"


def test_a_range_without_a_whole_number_is_named_by_its_edges() -> None:
    field = SCORECARD.contract.fields[2]
    assert isinstance(field, NumericField)
    narrow = field.model_copy(update={"is_whole": True, "high": "0.64"})
    assert interval_label(narrow, 3, 5) == "0.03 to below 0.06"


def _whole(name: str) -> FieldBuckets:
    """Return the ranges of a field, were its values whole numbers."""
    fields = tuple(
        field.model_copy(update={"is_whole": True}) if field.name == name else field
        for field in SCORECARD.contract.fields
    )
    contract = SCORECARD.contract.model_copy(update={"fields": fields})
    card = replace(SCORECARD, contract=contract)
    return {item.field.name: item for item in field_buckets(card)}[name]


def test_a_category_is_named_with_those_that_share_its_bin() -> None:
    home = BUCKETS["home"]
    names = ["own", "rent", "mortgage", "other", "missing"]
    assert [home.of_code(code).label for code in range(5)] == names


def test_labels_are_in_the_words_that_are_given() -> None:
    words = ENGLISH._replace(below="unter {high}", missing="fehlt")
    inquiries = field_buckets(SCORECARD, words)[2]
    assert inquiries.of_number(0.0).label == "unter 2.5"
    assert inquiries.of_number(math.nan).label == "fehlt"
