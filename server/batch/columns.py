"""Arrow columns as an evaluator takes them: every value is read as training reads it.

What ``model.table`` makes of a file is the rule; this makes the same of it faster, and tests hold
one against the other. Nothing that a value can be is an error.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from model.evaluator import Evaluator, Values
from model.field_tables import CategoricalTable, FieldTable
from model.formulas import with_formulas
from model.table import text_of

_REFUSALS = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError)


def inputs_of(batch: Any, evaluator: Evaluator) -> list[Values]:
    """Return a record batch's columns for ``Evaluator.answer_columns``; Any: pyarrow is untyped."""
    tables = {table.name: table for table in evaluator.tables}
    read: dict[str, Values] = {
        field.name: _read(batch.column(field.name), tables[field.name])
        for field in evaluator.contract.inputs
    }
    every = with_formulas(read, evaluator.contract)
    return [np.asarray(every[name]) for name in tables]


def _read(column: Any, table: FieldTable) -> Values:
    return codes_of(column, table) if isinstance(table, CategoricalTable) else numbers_of(column)


def numbers_of(column: Any) -> Values:
    """Return float32 or float64 with NaN for empty and for what is no number."""
    if pa.types.is_float32(column.type) or pa.types.is_float64(column.type):
        return _as_numpy(column)
    try:
        return _as_numpy(pc.cast(column, pa.float64()))
    except _REFUSALS:
        return np.array([_number(text_of(value)) for value in column.to_pylist()])


def codes_of(column: Any, table: CategoricalTable) -> npt.NDArray[np.int32]:
    """Return the category code of each value; one look at each different value, not at each row."""
    try:
        encoded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    except _REFUSALS:  # a type that cannot be told apart, such as a list
        texts = [text_of(value) for value in column.to_pylist()]
        return np.array([table.code(text) for text in texts], dtype=np.int32)
    values = encoded.dictionary.to_pylist()
    codes = np.array([*(table.code(text_of(value)) for value in values), table.missing], np.int32)
    places = encoded.indices
    if places.null_count:
        places = places.cast(pa.int64()).fill_null(len(values))
    found: npt.NDArray[np.int32] = codes.take(_as_numpy(places))
    return found


def _as_numpy(column: Any) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)  # null becomes NaN
    return found


def _number(text: str | None) -> float:
    try:
        return float("nan" if text is None else text)
    except ValueError:
        return float("nan")
