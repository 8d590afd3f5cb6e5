"""Applicants' values in the order of a feature contract, whichever form they came in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.formulas import with_formulas
from protocols.contracts.applicants import Applicant, PackedApplicant
from protocols.contracts.features import CategoricalField, FeatureContract, NumericField

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]


class Row(NamedTuple):
    """One applicant.

    Attributes:
        numbers: Values of the numeric fields in contract order, NaN where missing.
        codes: Category codes of the categorical fields in contract order.
    """

    numbers: Sequence[float]
    codes: Sequence[int]


class Rows(NamedTuple):
    """Some applicants as an evaluator reads them: the values of ``Row``, (n, fields) each."""

    numbers: Floats
    codes: Integers


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

    def joined(self, rows: Sequence[Row]) -> Rows:
        """Return rows, at least one, side by side."""
        return Rows(
            np.array([row.numbers for row in rows], dtype=np.float64),
            np.array([row.codes for row in rows], dtype=np.int64),
        )

    def clipped(self, rows: Rows) -> list[list[str]]:
        """Return each row's fields whose value, before any is computed, is beyond its bounds."""
        low, high = self._bounds
        is_beyond = (rows.numbers < low) | (rows.numbers > high)
        for place, code in self._special:
            is_beyond[rows.numbers[:, place] == code, place] = False
        beyond: list[list[str]] = [[] for _ in rows.numbers]
        for number, place in zip(*(found.tolist() for found in is_beyond.nonzero()), strict=True):
            beyond[number].append(self._numeric[place].name)
        return beyond

    def completed(self, rows: Rows) -> Rows:
        """Return rows with the values that the contract computes."""
        if not self._is_computing:
            return rows
        pairs = zip(self._numeric, rows.numbers.T, strict=True)
        every = with_formulas({field.name: column for field, column in pairs}, self.contract)
        numbers = [np.asarray(every[name]) for name in self._every_number]
        return Rows(np.stack(numbers, axis=1), rows.codes)

    def missing(self, rows: Rows) -> Truths:
        """Return whether completed rows have no value for a field, (n, fields)."""
        is_missing = np.empty((len(rows.numbers), len(self.contract.fields)), dtype=np.bool_)
        is_missing[:, ~self._is_listed] = np.isnan(rows.numbers)
        is_missing[:, self._is_listed] = rows.codes == self._missing_codes
        return is_missing

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
    def _bounds(self) -> tuple[Floats, Floats]:
        low = np.array([float(field.low) for field in self._numeric])
        return low, np.array([float(field.high) for field in self._numeric])

    @cached_property
    def _special(self) -> list[tuple[int, float]]:
        return [
            (place, float(item.code))
            for place, field in enumerate(self._numeric)
            for item in field.special
        ]

    @cached_property
    def _is_listed(self) -> Truths:
        fields = self.contract.fields
        return np.array([isinstance(field, CategoricalField) for field in fields], dtype=np.bool_)

    @cached_property
    def _missing_codes(self) -> Integers:
        return np.array([len(levels) + 1 for _, levels in self._levels], dtype=np.int64)


def _code(levels: dict[str, int], level: str | None) -> int:
    return len(levels) + 1 if level is None else levels.get(level, len(levels))
