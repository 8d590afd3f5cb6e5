"""Fields that the contract computes from others, by the same code at a partner and for applicants.

A value follows from one row alone. It is computed from values within their public bounds, so that
it rises or falls with each of them as the contract says, and is missing where one of them is, is a
special code, or divides and is zero.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from protocols.contracts.features import FeatureContract, NumericField

Column = Sequence[float | None] | Sequence[str | None] | npt.NDArray[np.float64]
Numbers = npt.NDArray[np.float64]


def with_formulas(columns: Mapping[str, Column], contract: FeatureContract) -> Mapping[str, Column]:
    """Return the columns, and for each computed field one more, float64 (n,)."""
    numeric = [field for field in contract.fields if isinstance(field, NumericField)]
    used = {name for field in numeric for name in (*field.of, *field.over)}
    every, known = dict(columns), dict[str, Numbers]()
    for field in numeric:
        if field.formula is not None:
            every[field.name] = _computed(field, known)
        if field.name in used:
            known[field.name] = _quantities(field, every[field.name])
    return every


def _quantities(field: NumericField, column: Column) -> Numbers:
    """Return values within the public bounds; NaN for missing and special ones."""
    values = np.array(column, dtype=np.float64)  # None becomes NaN
    within: Numbers = np.minimum(np.maximum(values, float(field.low)), float(field.high))
    for item in field.special:
        within[values == float(Decimal(item.code))] = np.nan
    return within


def _computed(field: NumericField, known: Mapping[str, Numbers]) -> Numbers:
    # Value by value, so that a row's value is the same whoever else's rows are computed with it.
    if field.formula == "largest":
        largest: Numbers = functools.reduce(np.maximum, [known[name] for name in field.of])
        return largest
    total = _total(known[name] for name in field.of)
    if field.formula == "total":
        return total
    divisor = _total(known[name] for name in field.over)
    ratio: Numbers = np.full(len(total), np.nan)
    with np.errstate(over="ignore"):  # infinite counts as the bound
        np.divide(total, divisor, out=ratio, where=divisor != 0)
    return ratio


def _total(parts: Iterable[Numbers]) -> Numbers:
    total: Numbers = functools.reduce(np.add, parts)
    return total
