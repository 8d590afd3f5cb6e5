"""Rows become cells, cells become bins: the one encoder for training and for scoring.

A *cell* is public: the contract's bounds, lists and codes fix the fine grid, and every value,
missing and odd ones included, falls into exactly one cell. A *bin* is a group of cells that
shares one weight; which cells share is an ``Encoding``, chosen from private sums alone.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.formulas import Column, with_formulas
from protocols.contracts.features import (
    GRID_CELLS,
    CategoricalField,
    FeatureContract,
    FeatureField,
    NumericField,
)
from protocols.errors import ContractError

Cells = npt.NDArray[np.uint16]  # (n, fields)
Positions = npt.NDArray[np.int64]  # (n, fields)


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
    """Return the cell of every value, uint16 (n, fields).

    Total: out of bounds counts as the bound, NaN and None as missing, an unlisted level as
    "other". Nothing a value can be makes this raise, so nothing about data shows in an error.

    Args:
        columns: For each field that is not computed, n values by its name: floats with NaN for
            missing, or text with None.
        contract: The public grid.

    Raises:
        KeyError: A column is missing; callers check the header, which is public, first.
    """
    every = with_formulas(columns, contract)
    parts = [_field_cells(field, every[field.name]) for field in contract.fields]
    return np.stack(parts, axis=1).astype(np.uint16)


def bins_of(cells: Cells, encoding: Encoding) -> Positions:
    """Return positions in a weight vector, int64 (n, fields); the intercept is not among them."""
    offsets = zip(encoding.bins, encoding.offsets, strict=True)
    table = np.concatenate([np.array(bins, dtype=np.int64) + offset for bins, offset in offsets])
    first = list(accumulate((len(bins) for bins in encoding.bins), initial=0))[:-1]
    positions: Positions = table[cells + np.array(first, dtype=np.int64)]
    return positions


def row_logits(cells: Cells, encoding: Encoding, weights: Tensor) -> Tensor:
    """Return each row's logit, float64 (n,): ``logits_of`` its bins."""
    return logits_of(bins_of(cells, encoding), encoding, weights)


def logits_of(bins: Positions, encoding: Encoding, weights: Tensor) -> Tensor:
    """Return the logit of each row of ``bins_of``, float64 (n,).

    Added up field by field, so that a row's logit is bit for bit the same wherever the row stands
    and whoever else is there. A matrix product's is not, and would let one borrower move others.
    """
    numbers = weights.numpy() * encoding.row_scale
    logits = np.full(len(bins), numbers[0])
    for positions in bins.T:
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


def _field_cells(field: FeatureField, column: Column) -> Positions:
    if isinstance(field, CategoricalField):
        return _categorical_cells(field, column)
    return _numeric_cells(field, column)


def _numeric_cells(field: NumericField, column: Column) -> Positions:
    values = np.array(column, dtype=np.float64)  # None becomes NaN
    # Infinity sorts after the last edge, minus infinity before the first: clamped to the bounds.
    cells = np.searchsorted(grid_edges(field), values, side="right").astype(np.int64)
    for index, special in enumerate(field.special):
        cells[values == float(Decimal(special.code))] = GRID_CELLS + index
    cells[np.isnan(values)] = field.cell_count - 1
    return cells


def _categorical_cells(field: CategoricalField, column: Column) -> Positions:
    places: dict[object, int] = {level: index for index, level in enumerate(field.levels)}
    places[None] = field.cell_count - 1
    other = field.cell_count - 2
    return np.array([places.get(value, other) for value in column], dtype=np.int64)
