"""An applicant's values in the order of a feature contract, whichever form they came in."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from model.formulas import with_formulas
from protocols.contracts.applicants import Applicant, PackedApplicant
from protocols.contracts.features import CategoricalField, FeatureContract, NumericField


class Row(NamedTuple):
    """One applicant as an evaluator reads it.

    Attributes:
        numbers: Values of the numeric fields in contract order, NaN where missing.
        codes: Category codes of the categorical fields in contract order.
    """

    numbers: Sequence[float]
    codes: Sequence[int]


@dataclass(frozen=True, eq=False)
class RowReader:
    """Reads applicants by one feature contract."""

    contract: FeatureContract

    def read(self, features: Applicant | PackedApplicant) -> Row:
        """Return an applicant's values, without those that are computed.

        They must have been checked against the contract.
        """
        if isinstance(features, PackedApplicant):
            return Row(features.numbers, features.codes)
        numbers, categories = features.numbers, features.categories
        return Row(
            [numbers.get(field.name, math.nan) for field in self._numeric],
            [_code(levels, categories.get(name)) for name, levels in self._levels],
        )

    def clipped(self, row: Row) -> tuple[str, ...]:
        """Return the fields whose value, before any is computed, lies beyond its public bounds."""
        return tuple(
            [
                name
                for value, (name, low, high, codes) in zip(row.numbers, self._bounds, strict=True)
                if (value < low or value > high) and value not in codes
            ]
        )

    def completed(self, row: Row) -> Row:
        """Return a row with the values that the contract computes."""
        if not self._is_computing:
            return row
        pairs = zip(self._numeric, row.numbers, strict=True)
        every = with_formulas({field.name: [value] for field, value in pairs}, self.contract)
        return Row([float(np.asarray(every[name])[0]) for name in self._every_number], row.codes)

    def is_missing(self, row: Row, place: int) -> bool:
        """Return whether a completed row has no value for a field, by its place."""
        missing, own_place = self._places[place]
        if missing is None:
            return math.isnan(row.numbers[own_place])
        return row.codes[own_place] == missing

    @cached_property
    def _is_computing(self) -> bool:
        return len(self.contract.inputs) < len(self.contract.fields)

    @cached_property
    def _numeric(self) -> list[NumericField]:
        return [field for field in self.contract.inputs if isinstance(field, NumericField)]

    @cached_property
    def _every_number(self) -> list[str]:
        return [field.name for field in self.contract.fields if isinstance(field, NumericField)]

    @cached_property
    def _levels(self) -> list[tuple[str, dict[str, int]]]:
        return [
            (field.name, {level: place for place, level in enumerate(field.levels)})
            for field in self.contract.inputs
            if isinstance(field, CategoricalField)
        ]

    @cached_property
    def _bounds(self) -> list[tuple[str, float, float, frozenset[float]]]:
        return [
            (
                field.name,
                float(field.low),
                float(field.high),
                frozenset(float(item.code) for item in field.special),
            )
            for field in self._numeric
        ]

    @cached_property
    def _places(self) -> list[tuple[int | None, int]]:
        """For each field the code of a missing level, None for a number; and its place in a row."""
        codes, numbers, places = itertools.count(), itertools.count(), []
        for field in self.contract.fields:
            is_listed = isinstance(field, CategoricalField)
            missing = field.cell_count - 1 if is_listed else None
            places.append((missing, next(codes if is_listed else numbers)))
        return places


def _code(levels: dict[str, int], level: str | None) -> int:
    return len(levels) + 1 if level is None else levels.get(level, len(levels))
