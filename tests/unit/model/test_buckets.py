"""Ranges are those between which a scorecard tells, and cost exactly what it counts."""

import math

import pytest

from model.buckets import field_buckets
from model.label_words import ENGLISH
from model.points import points_table
from protocols.contracts.applicants import Applicant
from protocols.contracts.features import CategoricalField
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


def test_a_category_is_named_with_those_that_share_its_bin() -> None:
    home = BUCKETS["home"]
    names = ["own", "rent", "mortgage", "other", "missing"]
    assert [home.of_code(code).label for code in range(5)] == names


def test_labels_are_in_the_words_that_are_given() -> None:
    words = ENGLISH._replace(below="unter {high}", missing="fehlt")
    inquiries = field_buckets(SCORECARD, words)[2]
    assert inquiries.of_number(0.0).label == "unter 2.5"
    assert inquiries.of_number(math.nan).label == "fehlt"
