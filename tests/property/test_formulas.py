"""Computed fields: each keeps the directions of what it is computed from, row by row."""

import math
import tomllib
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.evaluator import Evaluator
from model.features import Encoding, cells_of
from model.formulas import with_formulas
from model.link import Link
from model.parity import check_parity
from model.scorecard import Scorecard
from protocols.contracts.applicants import Applicant
from protocols.contracts.features import FeatureContract, contract_from_table
from protocols.contracts.release import Scaling
from server.batch.columns import inputs_of
from tests.simulator import CONTRACT as PLAIN


def _contract() -> FeatureContract:
    table: dict[str, Any] = tomllib.loads(PLAIN)  # Any: TOML
    income, usage, housing = table["fields"]
    computed = usage | {"may_be_missing": True, "spacing": "linear"}
    table["fields"] = [
        income,
        usage,
        usage | {"name": "other_usage", "special": [{"code": "-2", "meaning": "no line"}]},
        housing,
        computed | {"name": "worst", "formula": "largest", "of": ["usage", "other_usage"]},
        computed | {"name": "both", "formula": "total", "of": ["usage", "other_usage"]},
        computed | {"name": "strain", "formula": "ratio", "of": ["both"], "over": ["income"]},
    ]
    return contract_from_table(table, where="test")


CONTRACT = _contract()
INPUTS = ("income", "usage", "other_usage")
PLACES = {field.name: place for place, field in enumerate(CONTRACT.fields)}
MISSING = CONTRACT.fields[PLACES["strain"]].cell_count - 1
ODD = st.sampled_from([math.nan, math.inf, -math.inf, -1.0, -2.0, 0.0, -0.0, 1e308])
ROWS = st.lists(st.tuples(*(3 * [ODD | st.floats(-10, 12_000)])), min_size=1, max_size=12)


def _columns(rows: list[tuple[float, ...]]) -> dict[str, Any]:
    numbers = dict(zip(INPUTS, np.array(rows).T, strict=True))
    return numbers | {"housing": ["own"] * len(rows)}


def _values(rows: list[tuple[float, ...]]) -> dict[str, Any]:
    return dict(with_formulas(_columns(rows), CONTRACT))


def test_values_are_what_the_formulas_say() -> None:
    found = _values([(2_000, 30, 50), (20_000, 130, 50), (0, 30, 50), (-1, 30, 50), (5, 30, -2)])
    assert found["worst"][:4].tolist() == [50, 100, 50, 50]  # each within its bounds first
    assert found["both"][:4].tolist() == [80, 150, 80, 80]
    assert found["strain"][:2].tolist() == [80 / 2_000, 100 / 10_000]
    # Divided by zero, by a special code, and of one.
    assert np.isnan(found["strain"][2:]).all()
    assert np.isnan(found["worst"][4])
    assert np.isnan(found["both"][4])


@settings(max_examples=300, deadline=None)
@given(ROWS)
def test_a_row_s_cells_are_the_same_alone(rows: list[tuple[float, ...]]) -> None:
    together = cells_of(_columns(rows), CONTRACT)
    alone = [cells_of(_columns([row]), CONTRACT)[0] for row in rows]
    assert together.tolist() == np.array(alone).tolist()


@settings(max_examples=300, deadline=None)
@given(ROWS, st.sampled_from(INPUTS), st.floats(0, 12_000))
def test_a_worse_value_never_makes_a_computed_field_better(
    rows: list[tuple[float, ...]], name: str, step: float
) -> None:
    worse = _columns(rows)
    worse[name] = worse[name] + (-step if name == "income" else step)  # risk falls with income
    before, after = cells_of(_columns(rows), CONTRACT), cells_of(worse, CONTRACT)
    for computed in ("worst", "both", "strain"):
        place = PLACES[computed]
        known = (before[:, place] != MISSING) & (after[:, place] != MISSING)
        assert (after[known, place] >= before[known, place]).all()


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_an_applicant_s_cells_are_those_of_the_same_row_in_training(
    rows: list[tuple[float, ...]],
) -> None:
    trained = cells_of(_columns(rows), CONTRACT)
    for row, expected in zip(rows, trained.tolist(), strict=True):
        numbers = dict(zip(INPUTS, row, strict=True))
        person = Applicant(numbers=numbers, categories={"housing": "own"})
        assert cells_of(person.columns(CONTRACT), CONTRACT)[0].tolist() == expected


def _scorecard() -> Scorecard:
    random = np.random.default_rng(1)
    bins = [np.arange(field.cell_count) * 5 // field.cell_count for field in CONTRACT.fields]
    encoding = Encoding(tuple(tuple(table.tolist()) for table in bins))
    weights = torch.from_numpy(random.normal(size=encoding.width))
    shares = torch.from_numpy(random.random(encoding.width))
    scaling = Scaling(base_points=600, base_odds=50, points_to_double=20)
    return Scorecard(CONTRACT, encoding, weights, shares, Link(), scaling)


SCORECARD = _scorecard()
EVALUATOR = Evaluator.of(SCORECARD)


def test_tables_of_computed_fields_say_what_the_scorecard_says() -> None:
    check_parity(SCORECARD, EVALUATOR)


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_a_file_without_the_computed_columns_is_scored_alike(
    rows: list[tuple[float, ...]],
) -> None:
    columns = _columns(rows)
    batch = pa.record_batch({name: pa.array(column) for name, column in columns.items()})
    found = EVALUATOR.answer_columns(inputs_of(batch, EVALUATOR))
    expected = [score.points for score in SCORECARD.score(columns)]
    assert found.points.tolist() == expected
