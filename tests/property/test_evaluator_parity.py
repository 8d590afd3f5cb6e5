"""The tables say what the scorecard says, on any contract and any value, whichever way is asked."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.evaluator import Answers, Evaluator
from model.features import Encoding, cells_of, grid_edges
from model.field_tables import NumericTable
from model.link import Link
from model.numeric_link import NumericLink
from model.parity import inputs_of, parity_columns
from model.scorecard import Scorecard
from protocols.contracts.features import FeatureContract, NumericField, contract_from_table
from protocols.contracts.release import Scaling

COMMON = {
    "label": "A field.",
    "group": "bureau",
    "computed_from": "own",
    "may_be_missing": True,
    "direction": "none",
    "reason_code": "R1",
    "reason": "A reason.",
}
BOUNDS = [
    ("0", "1"),
    ("-64", "64"),
    ("0", "250000"),
    ("1000", "1000.001"),
    ("-1e300", "1e300"),
    ("0", "1e-300"),
    ("-3e38", "1e39"),
    ("0.1", "0.7"),
]
CODES = ["-9", "0", "32", "0.5", "1e-45", "1e400", "-1e39", "3.4028235e38", "-0.25"]


@st.composite
def scorecards(draw: st.DrawFn) -> Scorecard:
    """Draw a contract of some fields, an encoding of it, weights, a link and a scaling."""
    fields = [
        draw(st.one_of(_numeric(name), _categorical(name)))
        for name in "abcd"[: draw(st.integers(1, 4))]
    ]
    contract = contract_from_table(
        {
            "schema": 1,
            "name": "drawn",
            "borrower_id": "id",
            "currency": "USD",
            "outcome": {
                "column": "bad",
                "bad": "1",
                "good": "0",
                "definition": "Late.",
                "window_months": 12,
            },
            "fields": fields,
        },
        where="drawn",
    )
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    encoding = Encoding(tuple(_bins(field.cell_count, random) for field in contract.fields))
    return Scorecard(
        contract,
        encoding,
        torch.from_numpy(random.normal(size=encoding.width) * draw(st.sampled_from([1, 40]))),
        torch.from_numpy(random.random(encoding.width)),
        Link(
            intercept=draw(st.floats(-1, 1)),
            slope=draw(st.floats(0.5, 2)),
        ),
        Scaling(base_points=600, base_odds=50, points_to_double=20),
    )


def _numeric(name: str) -> st.SearchStrategy[dict[str, object]]:
    return st.builds(
        lambda bounds, spacing, codes: {
            **COMMON,
            "kind": "numeric",
            "name": name,
            "unit": "units",
            "low": bounds[0],
            "high": bounds[1],
            "spacing": spacing,
            "special": [{"code": code, "meaning": "A code."} for code in codes],
        },
        st.sampled_from(BOUNDS),
        st.sampled_from(["linear", "log"]),
        st.lists(st.sampled_from(CODES), max_size=3, unique=True),
    )


def _categorical(name: str) -> st.SearchStrategy[dict[str, object]]:
    return st.lists(st.sampled_from(["own", "rent", "other", "x y"]), min_size=1, unique=True).map(
        lambda levels: {**COMMON, "kind": "categorical", "name": name, "levels": levels}
    )


def _bins(cells: int, random: np.random.Generator) -> tuple[int, ...]:
    """Return bins without gaps, of neighbours and of strangers."""
    drawn = np.repeat(random.integers(0, 30, size=cells), random.integers(1, 6, size=cells))[:cells]
    numbers: list[int] = np.unique(drawn, return_inverse=True)[1].tolist()
    return tuple(numbers)


def _numbers(field: NumericField) -> st.SearchStrategy[float]:
    edges = [float(edge) for edge in grid_edges(field)]
    return st.one_of(
        st.floats(),
        st.floats(width=32),
        st.floats(min_value=float(field.low), max_value=float(field.high)),
        st.builds(
            lambda number, towards: math.nextafter(number, towards),
            st.sampled_from(edges + [float(item.code) for item in field.special]),
            st.sampled_from([-math.inf, 0.0, math.inf]),
        ),
        st.sampled_from(edges + [float(item.code) for item in field.special]),
    )


def _column(field: Any, rows: int) -> st.SearchStrategy[list[Any]]:
    values = (
        _numbers(field)
        if isinstance(field, NumericField)
        else st.sampled_from([*field.levels, None, "unlisted", "Own", ""])
    )
    return st.lists(values, min_size=rows, max_size=rows)


def _all_ways(evaluator: Evaluator, columns: dict[str, Any]) -> list[Answers]:
    inputs = inputs_of(evaluator, columns)
    is_numeric = [isinstance(table, NumericTable) for table in evaluator.tables]
    rows = len(inputs[0])
    numbers = _matrix(inputs, is_numeric, rows, np.float64)
    codes = _matrix(inputs, [not claim for claim in is_numeric], rows, np.int64)
    return [
        evaluator.answer_columns(inputs, with_lost=True),
        evaluator.answer_matrix(numbers, codes),
        evaluator.answer_singly(numbers, codes),
        evaluator.answer(numbers, codes),
    ]


def _matrix(inputs: list[Any], chosen: Sequence[bool], rows: int, dtype: type) -> Any:
    columns = [item for item, is_chosen in zip(inputs, chosen, strict=True) if is_chosen]
    return np.array(columns, dtype=dtype).reshape(len(columns), rows).T


def _check(scorecard: Scorecard, columns: dict[str, Any], answers: list[Answers]) -> None:
    scores = scorecard.score(columns)
    lost = scorecard.points_lost(cells_of(columns, scorecard.contract)).numpy()
    for found in answers:
        assert found.points.tolist() == [score.points for score in scores]
        np.testing.assert_array_equal(found.points_lost, lost)
        stated = [score.p_default for score in scores]
        np.testing.assert_allclose(found.p_default, stated, rtol=1e-9, atol=1e-300)


@settings(max_examples=60, deadline=None)
@given(st.data(), scorecards())
def test_any_rows_are_answered_as_the_scorecard_answers(
    data: st.DataObject, scorecard: Scorecard
) -> None:
    columns = {field.name: data.draw(_column(field, 6)) for field in scorecard.contract.fields}
    _check(scorecard, columns, _all_ways(Evaluator.of(scorecard), columns))


@settings(max_examples=60, deadline=None)
@given(scorecards())
def test_every_bin_and_every_edge_is_answered_as_the_scorecard_answers(
    scorecard: Scorecard,
) -> None:
    columns = parity_columns(scorecard.contract)
    _check(scorecard, columns, _all_ways(Evaluator.of(scorecard), columns))


@settings(max_examples=60, deadline=None)
@given(scorecards())
def test_a_float32_is_in_the_bin_of_the_number_it_is(scorecard: Scorecard) -> None:
    columns: dict[str, Any] = parity_columns(scorecard.contract)
    evaluator = Evaluator.of(scorecard)
    with np.errstate(over="ignore"):
        for table in evaluator.tables:
            if isinstance(table, NumericTable):
                columns[table.name] = np.array(columns[table.name]).astype(np.float32)
        shorter = [
            item.astype(np.float32) if item.dtype == np.float64 else item.astype(np.int16)
            for item in inputs_of(evaluator, columns)
        ]
    _check(scorecard, columns, [evaluator.answer_columns(shorter, with_lost=True)])


@settings(max_examples=60, deadline=None)
@given(scorecards(), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_any_bits_of_a_float32_are_in_the_bin_of_the_number_they_are(
    scorecard: Scorecard, bits: list[int]
) -> None:
    values = np.array(bits, dtype=np.uint32).view(np.float32)
    for field, table in zip(scorecard.contract.fields, Evaluator.of(scorecard).tables, strict=True):
        if isinstance(field, NumericField) and isinstance(table, NumericTable):
            with np.errstate(invalid="ignore"):  # converting a signalling NaN says so
                cells = _one_column(field, values.astype(np.float64))
            encoded = scorecard.encoding.bins[scorecard.contract.fields.index(field)]
            assert table.bins(values).tolist() == [encoded[cell] for cell in cells]


def _one_column(field: NumericField, values: Any) -> list[int]:
    alone = FeatureContract.model_construct(fields=(field,))
    cells: list[int] = cells_of({field.name: values}, alone)[:, 0].tolist()
    return cells


@pytest.mark.parametrize("code", [-1, 3, 2**40, -(2**40)])
def test_what_is_no_code_counts_as_other(code: int) -> None:
    scorecard = _one_level()
    evaluator = Evaluator.of(scorecard)
    numbers, codes = np.empty((1, 0)), np.array([[code]])
    other = scorecard.score({"a": ["unlisted"]})[0].points
    for found in (
        evaluator.answer_singly(numbers, codes),
        evaluator.answer_matrix(numbers, codes),
        evaluator.answer_columns([codes[:, 0]]),
    ):
        assert found.points.tolist() == [other]


def _one_level() -> Scorecard:
    table = {**COMMON, "kind": "categorical", "name": "a", "levels": ["own"]}
    outcome = {"column": "bad", "bad": "1", "good": "0", "definition": "L.", "window_months": 12}
    contract = contract_from_table(
        {
            "schema": 1,
            "name": "one",
            "borrower_id": "id",
            "currency": "USD",
            "outcome": outcome,
            "fields": [table],
        },
        where="one",
    )
    weights = torch.tensor([0.1, 1.0, -1.0, 3.0], dtype=torch.float64)
    scaling = Scaling(base_points=600, base_odds=50, points_to_double=20)
    encoding = Encoding(((0, 1, 2),))
    return Scorecard(contract, encoding, weights, weights.abs(), Link(), scaling)


@pytest.mark.parametrize("rows", [0, 1, 7, 1_500, 40_000])
def test_any_number_of_rows_is_answered(rows: int) -> None:
    scorecard = _one_level()
    codes = np.arange(rows, dtype=np.int64)[:, None] % 3
    found = Evaluator.of(scorecard).answer(np.empty((rows, 0)), codes)
    expected = [score.points for score in scorecard.score({"a": ["own", "unlisted", None]})]
    assert found.points.tolist() == [expected[row % 3] for row in range(rows)]
    assert found.points_lost.shape == (rows, 1)


def test_every_way_adds_from_the_first_field_to_the_last() -> None:
    # Any other order gives another number: 3 in this one, 4 or 5 in others.
    scorecard = _three_fields(1.0, 1e16, -1e16, 3.0)
    columns = {name: ["own"] for name in "abc"}
    (expected,) = scorecard.score(columns)
    assert expected.points == round(scorecard.exact_points(torch.tensor(1.5)).item())
    for found in _all_ways(Evaluator.of(scorecard), columns):
        assert found.points.tolist() == [expected.points]


def _three_fields(intercept: float, *levels: float) -> Scorecard:
    one = _one_level()
    table = {**one.contract.model_dump(by_alias=True), "segments": []}
    (field,) = table["fields"]
    table["fields"] = [{**field, "name": name} for name in "abc"]
    weights = torch.zeros(10, dtype=torch.float64)
    weights[[0, 1, 4, 7]] = torch.tensor([intercept, *levels], dtype=torch.float64)
    contract = contract_from_table(table, where="three")
    encoding = Encoding(((0, 1, 2),) * 3)
    return Scorecard(contract, encoding, weights, weights.abs(), Link(), one.scaling)


@pytest.mark.parametrize("codes", [10, 253, 254, 255, 256, 600])
def test_a_field_may_have_more_bins_than_a_byte_counts(codes: int) -> None:
    one = _one_level()
    field: dict[str, object] = {
        **COMMON,
        "kind": "numeric",
        "name": "a",
        "unit": "units",
        "low": "0",
        "high": "64",
        "spacing": "linear",
        "special": [{"code": str(-code - 1), "meaning": "A code."} for code in range(codes)],
    }
    table = {**one.contract.model_dump(by_alias=True), "fields": [field], "segments": []}
    contract = contract_from_table(table, where="many")
    bins = (*([0] * 63), 1, *range(2, codes + 2), codes + 2)
    weights = torch.linspace(-50, 50, codes + 4, dtype=torch.float64)
    card = Scorecard(contract, Encoding((bins,)), weights, weights, Link(), one.scaling)
    columns: dict[str, Any] = parity_columns(contract)
    _check(card, columns, _all_ways(Evaluator.of(card), columns))


@pytest.mark.parametrize("together", [2, 7, 64])
def test_a_probability_is_the_same_to_the_last_bit_alone_and_among_others(
    together: int,
) -> None:
    link = NumericLink(-0.3, 1.1, 600, math.log(50), 20 / math.log(2))
    logits = np.random.default_rng(5).normal(scale=6, size=64 * 30)
    among: list[float] = []
    for first in range(0, len(logits), together):
        among += link.probabilities(logits[first : first + together]).tolist()
    assert [link.probability(logit) for logit in logits.tolist()] == among
    assert link.probabilities(logits).tolist() == among
