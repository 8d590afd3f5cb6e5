"""A release's tables say what its scorecard says, shown on values made from the contract alone."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from model.evaluator import Answers, Evaluator, Values
from model.features import cells_of, grid_edges
from model.field_tables import CategoricalTable, FieldTable
from model.formulas import Column
from model.scorecard import Scorecard
from protocols.contracts.features import (
    CategoricalField,
    FeatureContract,
    FeatureField,
    NumericField,
    is_computed,
)
from protocols.errors import ReleaseError

TOLERANCE = 1e-6
_SINGLE_ROWS = 512  # answered one by one too; what is left differs only in further levels

_MOST_POINTS = 2**31  # either way; what a file of scores can hold

Columns = dict[str, Column]


def check_parity(scorecard: Scorecard, evaluator: Evaluator) -> None:
    """Hold an evaluator against its scorecard on every bin of every field.

    Every way of the evaluator is asked: row by row, as a matrix, and by columns.

    Raises:
        ReleaseError: A probability or the points lost in a field differ by more than 1e-6, or
            points differ at all; or there could be points that no whole number of 32 bits is.
    """
    _check_range(scorecard)
    columns = parity_columns(scorecard.contract)
    cells = cells_of(columns, _without_formulas(scorecard.contract))
    logits = scorecard.logits(cells)
    expected = Answers(
        scorecard.link.probabilities(logits).numpy(),
        np.rint(scorecard.exact_points(logits).numpy()).astype(np.int64),
        scorecard.points_lost(cells).numpy(),
    )
    for way, found in _answers(evaluator, columns):
        for name, is_same in _agreements(expected, found):
            if not is_same:
                raise ReleaseError(f"the tables, asked {way}, differ from the scorecard in {name}")


def parity_columns(contract: FeatureContract) -> Columns:
    """Return rows that together hold every bin of every field, and what is just beside an edge.

    Each field goes through its own values and begins again, so there are as many rows as the
    field with most values needs.
    """
    values: dict[str, list[Any]] = {  # Any: a column is all numbers or all texts
        field.name: _telling_values(field) for field in contract.fields
    }
    rows = max(len(column) for column in values.values())
    return {
        name: [column[row % len(column)] for row in range(rows)] for name, column in values.items()
    }


def _without_formulas(contract: FeatureContract) -> FeatureContract:
    """Return a contract that reads computed fields as columns, so that any value can be tried."""
    plain = {"formula": None, "of": (), "over": ()}
    fields = [
        field.model_copy(update=plain) if is_computed(field) else field for field in contract.fields
    ]
    return contract.model_copy(update={"fields": tuple(fields)})


def inputs_of(evaluator: Evaluator, columns: Columns) -> list[Values]:
    """Return columns of values as an evaluator takes them, in its order."""
    return [_input(table, columns[table.name]) for table in evaluator.tables]


def _input(table: FieldTable, column: Column) -> Values:
    if isinstance(table, CategoricalTable):
        levels = [None if value is None else str(value) for value in column]
        return np.array([table.code(level) for level in levels], dtype=np.int64)
    return np.array(column, dtype=np.float64)


def _check_range(scorecard: Scorecard) -> None:
    parts = torch.split(scorecard.weights.abs(), [1, *scorecard.encoding.bin_counts])
    most = torch.stack([part.max() for part in parts]).sum() * scorecard.encoding.row_scale
    points = scorecard.exact_points(torch.stack([most, -most])).abs()
    if not bool((points < _MOST_POINTS).all()):  # also of NaN
        raise ReleaseError("the scorecard has weights that make points of more than 32 bits")


def _answers(evaluator: Evaluator, columns: Columns) -> Iterator[tuple[str, Answers]]:
    inputs = inputs_of(evaluator, columns)
    rows = len(inputs[0])
    numbers = _matrix([item for item in inputs if item.dtype == np.float64], rows, np.float64)
    codes = _matrix([item for item in inputs if item.dtype != np.float64], rows, np.int64)
    yield "by columns", evaluator.answer_columns(inputs, with_lost=True)
    yield "as a matrix", evaluator.answer_matrix(numbers, codes)
    yield "row by row", evaluator.answer_singly(numbers[:_SINGLE_ROWS], codes[:_SINGLE_ROWS])


def _matrix(columns: list[Values], rows: int, dtype: type) -> Values:
    return np.array(columns, dtype=dtype).reshape(len(columns), rows).T.copy()


def _agreements(expected: Answers, found: Answers) -> Iterator[tuple[str, bool]]:
    rows = len(found.points)
    yield "probabilities", _is_near(expected.p_default[:rows], found.p_default)
    yield "points", bool((expected.points[:rows] == found.points).all())
    yield "points lost", _is_near(expected.points_lost[:rows], found.points_lost)


def _is_near(expected: npt.NDArray[np.float64], found: npt.NDArray[np.float64]) -> bool:
    return bool((np.abs(expected - found) <= TOLERANCE).all())  # never true of NaN


def _telling_values(field: FeatureField) -> list[Any]:  # Any: as above
    if isinstance(field, CategoricalField):
        unlisted = "other"
        while unlisted in field.levels:
            unlisted += "+"
        return [*field.levels, unlisted, None]
    return _telling_numbers(field)


def _telling_numbers(field: NumericField) -> list[float]:
    edges = grid_edges(field).tolist()
    bounds = [float(field.low), float(field.high)]
    codes = [float(item.code) for item in field.special]
    exact = [*edges, *bounds, *codes, 0.0]
    beside = [float(np.nextafter(value, end)) for value in exact for end in (-np.inf, np.inf)]
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    return [*exact, *beside, *middles, -0.0, np.inf, -np.inf, np.nan]
