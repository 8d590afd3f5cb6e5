"""One field of a scorecard as tables: from a value or a category code to what its bin is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from protocols.contracts.features import GRID_CELLS, CategoricalField, NumericField

if TYPE_CHECKING:  # torch stays out of processes that only answer
    from model.scorecard import Scorecard

Floats = npt.NDArray[np.float64]
Bins = npt.NDArray[np.unsignedinteger[Any]]  # of any width

_KEY_BITS = 16  # leading bits of a float32, which alone decide the bin of nearly every value
_INFINITE_KEYS = (0x7F80, 0xFF80)  # infinity, and what is no number but has no leading bit of it


@dataclass(frozen=True)
class NumericTable:
    """A numeric field.

    Attributes:
        name: The field's name.
        edges: Values at which the bin changes, ascending.
        interval_bins: Bin below the first edge, between edges, and from the last one on.
        special: Bin of each special code.
        missing: Bin of missing values.
        logits: What each bin adds to a logit, float64 (bins,).
        lost: Points below the average borrower's in each bin, float64 (bins,).
    """

    name: str
    edges: tuple[float, ...]
    interval_bins: tuple[int, ...]
    special: Mapping[float, int]
    missing: int
    logits: Floats
    lost: Floats

    def bins(self, values: npt.NDArray[np.floating[Any]]) -> Bins:
        """Return the bin of each value, float32 or float64 (n,); NaN is missing.

        Looks at a few leading bits of each value, and exactly at those that these do not decide:
        no bisection for most, and the same bins for all.
        """
        with np.errstate(over="ignore"):  # beyond float32 is its infinity, which decides nothing
            short = np.ascontiguousarray(values, dtype=np.float32)
        bins: Bins = self._bin_of_key.take(short.view(np.uint32) >> (32 - _KEY_BITS))
        undecided = np.flatnonzero(bins == self._undecided)
        if len(undecided):
            bins[undecided] = self._exact_bins(values[undecided].astype(np.float64))
        return bins

    @property
    def _undecided(self) -> int:
        return int(np.iinfo(self._bin_of_key.dtype).max)

    @cached_property
    def _bin_of_key(self) -> Bins:
        """The bin of all values with these leading bits, or a number that is no bin."""
        low, high = _bounds_of_keys()
        first, last = (
            np.searchsorted(self.edges, low, "right"),
            np.searchsorted(self.edges, high, "right"),
        )
        dtype = np.uint8 if len(self.logits) < np.iinfo(np.uint8).max else np.uint16
        nothing = np.iinfo(dtype).max
        bins = np.where(first == last, np.array(self.interval_bins)[first], nothing)
        for code in self.special:
            bins[(low <= code) & (code <= high)] = nothing
        bins[np.isnan(low)] = self.missing
        bins[list(_INFINITE_KEYS)] = nothing
        return bins.astype(dtype)

    def _exact_bins(self, values: Floats) -> Bins:
        intervals = np.searchsorted(self.edges, values, side="right")
        bins: Bins = np.array(self.interval_bins, dtype=np.uint16)[intervals]
        for code, number in self.special.items():
            bins[values == code] = number
        bins[np.isnan(values)] = self.missing
        return bins


@dataclass(frozen=True)
class CategoricalTable:
    """A categorical field.

    Attributes:
        name: The field's name.
        levels: Code of each listed level; "other" and missing have the next two.
        code_bins: Bin of each code.
        logits, lost: As in ``NumericTable``.
    """

    name: str
    levels: Mapping[str, int]
    code_bins: npt.NDArray[np.uint16]
    logits: Floats
    lost: Floats

    @property
    def other(self) -> int:
        """Code of a level that is not listed."""
        return len(self.levels)

    @property
    def missing(self) -> int:
        """Code of no level at all."""
        return len(self.levels) + 1

    def code(self, level: str | None) -> int:
        """Return the code of a level, given as text."""
        return self.missing if level is None else self.levels.get(level, self.other)

    def bins(self, codes: npt.NDArray[np.integer[Any]]) -> Bins:
        """Return the bin of each code, integers (n,); what is no code counts as other."""
        bins: Bins = self.code_bins.take(self.checked(codes))
        return bins

    def checked(self, codes: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.integer[Any]]:
        """Return the codes, and "other" for what is none."""
        is_code = (codes >= 0) & (codes <= self.missing)
        return codes if is_code.all() else np.where(is_code, codes, self.other)


FieldTable: TypeAlias = NumericTable | CategoricalTable


def field_tables(scorecard: "Scorecard") -> tuple[FieldTable, ...]:
    """Return the table of each field of a scorecard, in the contract's order."""
    return tuple(_table(scorecard, place) for place in range(len(scorecard.contract.fields)))


def _table(scorecard: "Scorecard", place: int) -> FieldTable:
    field, cell_bins = scorecard.contract.fields[place], scorecard.encoding.bins[place]
    offset, count = scorecard.encoding.offsets[place], scorecard.encoding.bin_counts[place]
    logits = scorecard.weights.numpy()[offset : offset + count] * scorecard.encoding.row_scale
    lost = -np.array(scorecard.bin_points(place))
    if isinstance(field, CategoricalField):
        levels = {level: code for code, level in enumerate(field.levels)}
        code_bins = np.array(cell_bins, dtype=np.uint16)
        return CategoricalTable(field.name, levels, code_bins, logits, lost)
    edges, interval_bins = _intervals(field, cell_bins[:GRID_CELLS])
    return NumericTable(
        name=field.name,
        edges=edges,
        interval_bins=interval_bins,
        special={
            float(Decimal(item.code)): number
            for item, number in zip(field.special, cell_bins[GRID_CELLS:], strict=False)
        },
        missing=cell_bins[-1],
        logits=logits,
        lost=lost,
    )


def _intervals(
    field: NumericField, cell_bins: Sequence[int]
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the edges of the grid that part two bins, and the bins that they part."""
    from model.features import grid_edges  # here: it loads torch

    parting = [cell for cell in range(1, GRID_CELLS) if cell_bins[cell] != cell_bins[cell - 1]]
    edges = grid_edges(field)
    return (
        tuple(float(edges[cell - 1]) for cell in parting),
        (cell_bins[0], *(cell_bins[cell] for cell in parting)),
    )


def _bounds_of_keys() -> tuple[Floats, Floats]:
    """Return the smallest and the largest float64 that each key may stand for; NaN for NaN.

    A float64 gets its key from the float32 nearest to it, so bounds reach one float32 further,
    but never across zero, whose sign a conversion keeps.
    """
    keys = np.arange(2**_KEY_BITS, dtype=np.uint32) << (32 - _KEY_BITS)
    near, far = keys.view(np.float32), (keys | (2 ** (32 - _KEY_BITS) - 1)).view(np.float32)
    low, high = np.minimum(near, far), np.maximum(near, far)
    with np.errstate(over="ignore", invalid="ignore"):  # at infinity, and of NaN
        below = np.nextafter(low, np.float32(-np.inf), dtype=np.float32)
        above = np.nextafter(high, np.float32(np.inf), dtype=np.float32)
    return (
        np.where(low == 0, low, below).astype(np.float64),
        np.where(high == 0, high, above).astype(np.float64),
    )
