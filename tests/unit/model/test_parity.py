"""A release whose tables do not say what its scorecard says is found, whatever is bent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model.evaluator import Evaluator
from model.features import cells_of
from model.field_tables import CategoricalTable, NumericTable
from model.parity import check_parity, parity_columns
from protocols.errors import ReleaseError
from tests.unit.server.serving.world import make_contract, make_scorecard

SCORECARD = make_scorecard()
EVALUATOR = Evaluator.of(SCORECARD)
NUMERIC, CATEGORICAL = 2, 3  # places of the field with a special code, and of the first list


def _bent(place: int, **changes: object) -> Evaluator:
    table: Any = EVALUATOR.tables[place]
    changed = replace(table, **changes)
    return replace(
        EVALUATOR, tables=(*EVALUATOR.tables[:place], changed, *EVALUATOR.tables[place + 1 :])
    )


def _numeric() -> NumericTable:
    table = EVALUATOR.tables[NUMERIC]
    assert isinstance(table, NumericTable)
    return table


def _categorical() -> CategoricalTable:
    table = EVALUATOR.tables[CATEGORICAL]
    assert isinstance(table, CategoricalTable)
    return table


def _moved(values: Any, place: int, by: float) -> Any:
    moved = values.copy()
    moved[place] += by
    return moved


BENDS: dict[str, Callable[[], Evaluator]] = {
    "an edge moves by the least there is": lambda: _bent(
        NUMERIC, edges=(np.nextafter(_numeric().edges[0], 100.0), *_numeric().edges[1:])
    ),
    "two intervals swap": lambda: _bent(
        NUMERIC,
        interval_bins=(
            *_numeric().interval_bins[1::-1],
            *_numeric().interval_bins[2:],
        ),
    ),
    "a special code is forgotten": lambda: _bent(NUMERIC, special={}),
    "missing is the first bin": lambda: _bent(NUMERIC, missing=_numeric().interval_bins[0]),
    "a level is another": lambda: _bent(
        CATEGORICAL, code_bins=np.roll(_categorical().code_bins, 1)
    ),
    "a logit moves by a ten thousandth": lambda: _bent(
        NUMERIC, logits=_moved(_numeric().logits, 1, 1e-4)
    ),
    "points lost move by a ten thousandth": lambda: _bent(
        CATEGORICAL, lost=_moved(_categorical().lost, 0, 1e-4)
    ),
    "the intercept moves": lambda: replace(EVALUATOR, intercept=EVALUATOR.intercept + 1e-4),
    "the calibration is left out": lambda: replace(
        EVALUATOR, link=replace(EVALUATOR.link, slope=1.001)
    ),
    "points have another base": lambda: replace(
        EVALUATOR, link=replace(EVALUATOR.link, base_points=601)
    ),
}


def test_tables_as_exported_are_the_scorecards() -> None:
    check_parity(SCORECARD, EVALUATOR)


@pytest.mark.parametrize("bend", BENDS.values(), ids=BENDS)
def test_a_bent_table_is_refused(bend: Callable[[], Evaluator]) -> None:
    with pytest.raises(ReleaseError, match="differ from the scorecard"):
        check_parity(SCORECARD, bend())


@pytest.mark.parametrize("way", ["answer_columns", "answer_matrix", "answer_singly"])
def test_each_way_of_asking_is_held_to_it(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    true = getattr(Evaluator, way)

    def shifted(*asked: object, **options: object) -> object:
        found = true(*asked, **options)
        return found._replace(p_default=found.p_default + 1e-5)

    monkeypatch.setattr(Evaluator, way, shifted)
    with pytest.raises(ReleaseError, match="probabilities"):
        check_parity(SCORECARD, EVALUATOR)


def test_points_that_no_file_could_hold_are_refused() -> None:
    weights = SCORECARD.weights.clone()
    weights[1] = 1e9
    with pytest.raises(ReleaseError, match="32 bits"):
        check_parity(replace(SCORECARD, weights=weights), EVALUATOR)


def test_the_vectors_hold_every_cell_of_every_field() -> None:
    contract = make_contract()
    cells = cells_of(parity_columns(contract), contract)
    for place, field in enumerate(contract.fields):
        assert set(cells[:, place].tolist()) == set(range(field.cell_count))
