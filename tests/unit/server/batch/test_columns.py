"""Columns of any type become what the encoder makes of the same values."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from model.field_tables import CategoricalTable
from server.batch.columns import codes_of, numbers_of, text_of

TABLE = CategoricalTable(
    name="home",
    levels={"own": 0, "rent": 1, "3": 2, "True": 3},
    code_bins=np.arange(6, dtype=np.uint16),
    logits=np.zeros(6),
    lost=np.zeros(6),
)
OTHER, MISSING = 4, 5


@pytest.mark.parametrize(
    ("column", "codes"),
    [
        (pa.array(["own", " rent ", "boat", "", "  ", None]), [0, 1, OTHER, MISSING, MISSING, 5]),
        (pa.array([3.0, 3.5, math.nan, None]), [2, OTHER, MISSING, MISSING]),
        (pa.array([3, 4, None], pa.int8()), [2, OTHER, MISSING]),
        (pa.array([True, False, None]), [3, OTHER, MISSING]),
        (pa.array([None, None]), [MISSING, MISSING]),
        (pa.array([], pa.string()), []),
        (pa.array([["own"], None], pa.list_(pa.string())), [OTHER, MISSING]),
        (pa.array(["own", "rent", "own", None]).dictionary_encode(), [0, 1, 0, MISSING]),
        (
            pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.uint8()), ["own", None, "x"]),
            [0, MISSING, OTHER],
        ),
    ],
)
def test_levels_become_codes(column: Any, codes: list[int]) -> None:
    assert codes_of(column, TABLE).tolist() == codes


def test_a_dictionary_as_long_as_its_numbers_reach_may_have_missing_values() -> None:
    texts = [f"level {number}" for number in range(127)] + ["own"]
    places = pa.array([*range(128), None], pa.int8())
    column = pa.DictionaryArray.from_arrays(places, texts)
    assert codes_of(column, TABLE).tolist() == [OTHER] * 127 + [0, MISSING]


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (pa.array([1.5, None], pa.float32()), [1.5, math.nan]),
        (pa.array([1, None, 2**53 + 1], pa.int64()), [1.0, math.nan, float(2**53 + 1)]),
        (
            pa.array(["1.5", "", "a lot", " 2 ", "inf", None]),
            [1.5, math.nan, math.nan, 2, math.inf, math.nan],
        ),
        (pa.array([None, None]), [math.nan, math.nan]),
        (pa.array([[1.0], None], pa.list_(pa.float64())), [math.nan, math.nan]),
    ],
)
def test_numbers_stay_and_all_else_is_missing(column: Any, numbers: list[float]) -> None:
    np.testing.assert_array_equal(numbers_of(column), numbers)


def test_float32_is_not_made_longer() -> None:
    assert numbers_of(pa.array([1.5], pa.float32())).dtype == np.float32


def test_a_whole_number_prints_without_a_fraction() -> None:
    assert [text_of(value) for value in (3.0, 3.5, 3, " x ", "")] == ["3", "3.5", "3", "x", None]
