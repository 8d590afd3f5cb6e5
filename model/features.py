"""Rows become cells, cells become bins: the one encoder for training and for scoring.

A *cell* is public: the contract's bounds, lists and codes fix the fine grid, and every value,
missing and odd ones included, falls into exactly one cell. A *bin* is a group of cells that
shares one weight; which cells share is an ``Encoding``, chosen from private sums alone.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from protocols.contracts.features import (
    GRID_CELLS,
    CategoricalField,
    FeatureContract,
    FeatureField,
    NumericField,
)
from protocols.errors import ContractError

Cells = npt.NDArray[np.int64]  # (n, fields)
Column = Sequence[float | None] | Sequence[str | None] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Encoding:
    """For every field, the bin of each cell.

    Attributes:
        bins: One tuple a field, as long as the field has cells; bin numbers from 0 without gaps.
    """

    bins: tuple[tuple[int, ...], ...]

    def check(self, contract: FeatureContract) -> None:
        """Raise ``ContractError`` unless this encodes exactly the fields of ``contract``."""
        expected = [field.cell_count for field in contract.fields]
        if [len(table) for table in self.bins] != expected:
            raise ContractError("the encoding has other cells than the feature contract")
        for field, table in zip(contract.fields, self.bins, strict=True):
            if set(table) != set(range(max(table) + 1)):
                raise ContractError(f"field {field.name}: bin numbers have gaps")

    @functools.cached_property
    def bin_counts(self) -> tuple[int, ...]:
        """How many bins each field has."""
        return tuple(max(table) + 1 for table in self.bins)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each field's first bin stands in a weight vector; 0 is the intercept."""
        return tuple(accumulate(self.bin_counts, initial=1))[:-1]

    @property
    def width(self) -> int:
        """Entries of a weight vector: the intercept and every bin."""
        return 1 + sum(self.bin_counts)

    @property
    def row_scale(self) -> float:
        """What each 1 of a row is scaled to, so that a row has L2 norm 1."""
        return 1.0 / math.sqrt(len(self.bins) + 1)


def cells_of(columns: Mapping[str, Column], contract: FeatureContract) -> Cells:
    """Return the cell of every value, int64 (n, fields).

    Total: out of bounds counts as the bound, NaN and None as missing, an unlisted level as
    "other". Nothing a value can be makes this raise, so nothing about data shows in an error.

    Args:
        columns: Per field name, n values: floats with NaN for missing, or text with None.
        contract: The public grid.

    Raises:
        KeyError: A column is missing; callers check the header, which is public, first.
    """
    parts = [_field_cells(field, columns[field.name]) for field in contract.fields]
    return np.stack(parts, axis=1)


def bins_of(cells: Cells, encoding: Encoding) -> npt.NDArray[np.int64]:
    """Return positions in a weight vector, int64 (n, fields); the intercept is not among them."""
    tables = [np.array(table, dtype=np.int64) for table in encoding.bins]
    parts = [
        table[cells[:, index]] + offset
        for index, (table, offset) in enumerate(zip(tables, encoding.offsets, strict=True))
    ]
    return np.stack(parts, axis=1)


def design_matrix(cells: Cells, encoding: Encoding) -> Tensor:
    """Return the rows the network sees, float64 (n, width): intercept and one 1 a field, scaled.

    Every row has L2 norm 1.
    """
    positions = torch.from_numpy(bins_of(cells, encoding))  # (n, fields)
    rows = torch.zeros(len(cells), encoding.width, dtype=torch.float64)
    rows[:, 0] = encoding.row_scale
    return rows.scatter_(1, positions, encoding.row_scale)


def row_logits(cells: Cells, encoding: Encoding, weights: Tensor) -> Tensor:
    """Return each row's logit, float64 (n,).

    Added up field by field, so that a row's logit is bit for bit the same wherever the row stands
    and whoever else is there. A matrix product's is not, and would let one borrower move others.
    """
    numbers = weights.numpy() * encoding.row_scale
    logits = np.full(len(cells), numbers[0])
    for positions in bins_of(cells, encoding).T:
        logits += numbers[positions]
    return torch.from_numpy(logits)


@functools.lru_cache(maxsize=4096)
def grid_edges(field: NumericField) -> npt.NDArray[np.float64]:
    """Return the inner edges of a numeric field's grid, ascending float64 (GRID_CELLS - 1,)."""
    low, high = _spaced(float(field.low), field), _spaced(float(field.high), field)
    steps = low + (high - low) * np.arange(1, GRID_CELLS) / GRID_CELLS
    if field.spacing == "linear":
        return np.asarray(steps, dtype=np.float64)
    return np.asarray(np.sign(steps) * np.expm1(np.abs(steps)), dtype=np.float64)


def _spaced(value: float, field: NumericField) -> float:
    if field.spacing == "linear":
        return value
    return math.copysign(math.log1p(abs(value)), value)


def _field_cells(field: FeatureField, column: Column) -> Cells:
    if isinstance(field, CategoricalField):
        return _categorical_cells(field, column)
    return _numeric_cells(field, column)


def _numeric_cells(field: NumericField, column: Column) -> Cells:
    values = np.array(column, dtype=np.float64)  # None becomes NaN
    # Infinity sorts after the last edge, minus infinity before the first: clamped to the bounds.
    cells = np.searchsorted(grid_edges(field), values, side="right").astype(np.int64)
    for index, special in enumerate(field.special):
        cells[values == float(Decimal(special.code))] = GRID_CELLS + index
    cells[np.isnan(values)] = field.cell_count - 1
    return cells


def _categorical_cells(field: CategoricalField, column: Column) -> Cells:
    places: dict[object, int] = {level: index for index, level in enumerate(field.levels)}
    places[None] = field.cell_count - 1
    other = field.cell_count - 2
    return np.array([places.get(value, other) for value in column], dtype=np.int64)
