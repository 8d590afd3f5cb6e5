"""The ranges of a field between which a scorecard tells, in words, with what each of them costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from model.label_words import ENGLISH, LabelWords
from model.points import interval_bounds, interval_label, level_label
from model.scorecard import Scorecard
from protocols.contracts.features import GRID_CELLS, CategoricalField, FeatureField, NumericField


class Bucket(NamedTuple):
    """Values that are worth the same.

    Attributes:
        label: Which they are, in words.
        points_lost: Below the average borrower's; negative where they are better.
    """

    label: str
    points_lost: float


class Run(NamedTuple):
    """Neighbouring numbers that are worth the same: from ``low``, and below ``high``."""

    low: float
    high: float
    bucket: Bucket


@dataclass(frozen=True)
class FieldBuckets:
    """One field's ranges.

    Attributes:
        runs: Of a numeric field, ascending and without a gap; none of a categorical one.
        codes: Of a categorical field what each category code is worth, its levels first; of a
            numeric one each special code, in the contract's order. Missing is the last.
    """

    field: FeatureField
    runs: tuple[Run, ...]
    codes: tuple[Bucket, ...]

    def place(self, value: float) -> int | None:
        """Return among which run a number is; None if it is missing or stands for a meaning."""
        if math.isnan(value) or value in self._special:
            return None
        last = len(self.runs) - 1  # which holds infinity too
        return next((place for place, run in enumerate(self.runs) if value < run.high), last)

    def of_number(self, value: float) -> Bucket:
        """Return the range of a number; NaN is missing."""
        place = self.place(value)
        if place is not None:
            return self.runs[place].bucket
        return self.codes[-1 if math.isnan(value) else self._special.index(value)]

    def of_code(self, code: int) -> Bucket:
        """Return the range of a category code."""
        return self.codes[code]

    @cached_property
    def _special(self) -> list[float]:
        return [float(item.code) for item in getattr(self.field, "special", ())]


def field_buckets(scorecard: Scorecard, words: LabelWords = ENGLISH) -> tuple[FieldBuckets, ...]:
    """Return the ranges of every field, in the contract's order."""
    fields = enumerate(zip(scorecard.contract.fields, scorecard.encoding.bins, strict=True))
    return tuple(
        _buckets(field, table, scorecard.bin_points(place), words)
        for place, (field, table) in fields
    )


def _buckets(
    field: FeatureField, table: Sequence[int], points: Sequence[float], words: LabelWords
) -> FieldBuckets:
    lost = [-points[number] for number in table]
    if isinstance(field, CategoricalField):
        labels = [level_label(field, table, number, words) for number in range(len(points))]
        codes = (Bucket(labels[number], lost[cell]) for cell, number in enumerate(table))
        return FieldBuckets(field, (), tuple(codes))
    meanings = [*(item.meaning for item in field.special), words.missing]
    odd = zip(meanings, lost[GRID_CELLS:], strict=True)
    codes = (Bucket(meaning, cost) for meaning, cost in odd)
    return FieldBuckets(field, tuple(_runs(field, table, lost, words)), tuple(codes))


def _runs(
    field: NumericField, table: Sequence[int], lost: Sequence[float], words: LabelWords
) -> list[Run]:
    runs = []
    for _, group in groupby(range(GRID_CELLS), key=lambda cell: table[cell]):
        cells = list(group)
        first, last = cells[0], cells[-1]
        bucket = Bucket(interval_label(field, first, last, words), lost[first])
        runs.append(Run(*interval_bounds(field, first, last), bucket))
    return runs
