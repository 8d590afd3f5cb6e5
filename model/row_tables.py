"""All fields of a scorecard side by side: bins of some rows at once, for serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.field_tables import CategoricalTable, FieldTable, NumericTable

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RowTables:
    """Where each value of some rows stands among all bins of all fields.

    Attributes:
        edges: Every numeric field's edges and infinity up to a power of two, one after another.
        interval_places: Place of the bin of each interval, likewise.
        width: Intervals of a numeric field.
        missing: Place of each numeric field's bin of missing values.
        special: Numeric field, code, and the place of the code's bin.
        code_places: Place of the bin of each code, all categorical fields one after another.
        first_codes: Where each categorical field begins among them.
        others: Code of "other" in each categorical field.
        numeric, categorical: Which fields they are.
    """

    edges: Floats
    interval_places: Integers
    width: int
    missing: Integers
    special: tuple[tuple[int, float, int], ...]
    code_places: Integers
    first_codes: Integers
    others: Integers
    numeric: Integers
    categorical: Integers

    @classmethod
    def of(cls, tables: Sequence[FieldTable]) -> "RowTables":
        """Return the tables of all fields side by side."""
        sizes = [len(table.logits) for table in tables]
        offsets = np.cumsum([0, *sizes])[:-1]
        placed = list(zip(tables, offsets.tolist(), strict=True))
        numeric = [(item, first) for item, first in placed if isinstance(item, NumericTable)]
        listed = [(item, first) for item, first in placed if isinstance(item, CategoricalTable)]
        most = max((len(item.interval_bins) for item, _ in numeric), default=1)
        width = 1 << (most - 1).bit_length()
        return cls(
            edges=_joined(_padded(item.edges, width, np.inf) for item, _ in numeric),
            interval_places=_joined(
                _padded(item.interval_bins, width, item.interval_bins[-1]) + first
                for item, first in numeric
            ).astype(np.int64),
            width=width,
            missing=np.array([item.missing + first for item, first in numeric], dtype=np.int64),
            special=tuple(
                (place, code, number + first)
                for place, (item, first) in enumerate(numeric)
                for code, number in item.special.items()
            ),
            code_places=_joined(item.code_bins + np.int64(first) for item, first in listed),
            first_codes=np.cumsum([0, *(len(item.code_bins) for item, _ in listed)])[:-1],
            others=np.array([item.other for item, _ in listed], dtype=np.int64),
            numeric=_places(tables, NumericTable),
            categorical=_places(tables, CategoricalTable),
        )

    def positions(self, numbers: Floats, codes: Integers) -> Integers:
        """Return the place of each value's bin among all bins, int64 (n, fields)."""
        positions = np.empty((len(numbers), len(self.numeric) + len(self.categorical)), np.int64)
        positions[:, self.numeric] = self._numeric_positions(numbers)
        positions[:, self.categorical] = self._categorical_positions(codes)
        return positions

    def _numeric_positions(self, numbers: Floats) -> Integers:
        """Bisect for all numbers in step: half the intervals, then half of that half."""
        places = np.zeros(numbers.shape, dtype=np.int64)
        places += np.arange(numbers.shape[1]) * self.width
        step = self.width // 2
        while step:
            places += step * (self.edges.take(places + (step - 1)) <= numbers)
            step //= 2
        positions: Integers = self.interval_places.take(places)
        for place, code, position in self.special:
            positions[numbers[:, place] == code, place] = position
        return np.where(np.isnan(numbers), self.missing, positions)

    def _categorical_positions(self, codes: Integers) -> Integers:
        is_code = (codes >= 0) & (codes <= self.others + 1)
        known = np.where(is_code, codes, self.others)
        positions: Integers = self.code_places.take(known + self.first_codes)
        return positions


def _padded(values: Sequence[float], width: int, filler: float) -> npt.NDArray[Any]:
    return np.array([*values, *[filler] * (width - len(values))])


def _joined(parts: Any) -> npt.NDArray[Any]:  # Any: arrays of numbers of either kind
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _places(tables: Sequence[FieldTable], kind: type) -> Integers:
    found = [place for place, table in enumerate(tables) if isinstance(table, kind)]
    return np.array(found, dtype=np.int64)
