"""A scorecard as a table: what every answer to every field is worth in points.

An applicant's points are the average borrower's and one row of each field, added: what the table
says is exactly what is served, before the sum is rounded to whole points.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from model.features import grid_edges
from model.label_words import ENGLISH, LabelWords, say_range, say_whole_range
from model.scorecard import Scorecard
from protocols.contracts.features import GRID_CELLS, CategoricalField, FeatureField, NumericField

MISSING, OTHER = "missing", "other"
_MOST_NAMED = 8  # levels of one bin


@dataclass(frozen=True)
class PointsRow:
    """One bin of one field.

    Attributes:
        label: Which values fall into it, in words.
        points: What they add to the average borrower's points; below zero they cost points.
        share: Noised share of borrowers with such a value, in (0, 1).
    """

    label: str
    points: float
    share: float


@dataclass(frozen=True)
class FieldPoints:
    """One field's part of the scorecard.

    Attributes:
        rows: One for each bin, intervals first and in their order.
    """

    field: FeatureField
    rows: tuple[PointsRow, ...]

    @property
    def origin(self) -> str:
        """Say the column, or the formula."""
        field = self.field
        if isinstance(field, NumericField) and field.formula is not None:
            return f"{field.name} = {field.formula_text}"
        return field.name

    @property
    def span(self) -> float:
        """Points between the best value and the worst."""
        points = [row.points for row in self.rows]
        return max(points) - min(points)


@dataclass(frozen=True)
class PointsTable:
    """A whole scorecard.

    Attributes:
        average: The average borrower's points, not rounded.
        fields: In the contract's order.
    """

    average: float
    fields: tuple[FieldPoints, ...]


def points_table(scorecard: Scorecard) -> PointsTable:
    """Return a scorecard as a table."""
    return PointsTable(scorecard.average_points, tuple(_fields(scorecard)))


def _fields(scorecard: Scorecard) -> Iterator[FieldPoints]:
    shares = scorecard.bin_shares.tolist()
    for place, (field, table, offset) in enumerate(
        zip(
            scorecard.contract.fields,
            scorecard.encoding.bins,
            scorecard.encoding.offsets,
            strict=True,
        )
    ):
        points = scorecard.bin_points(place)
        rows = tuple(
            PointsRow(_label(field, table, number), points[number], shares[offset + number])
            for number in range(len(points))
        )
        yield FieldPoints(field, rows)


def level_names(field: FeatureField) -> list[str]:
    """Return what each cell of a categorical field is called."""
    assert isinstance(field, CategoricalField)
    return [*field.levels, OTHER, MISSING]


def interval_bounds(field: NumericField, first: int, last: int) -> tuple[float, float]:
    """Return from where on, and below what, numbers fall into cells; the last hold all beyond."""
    edges = [-math.inf, *grid_edges(field).tolist(), math.inf]
    return edges[first], edges[last + 1]


def interval_label(field: NumericField, first: int, last: int, words: LabelWords = ENGLISH) -> str:
    """Say which numbers the cells from ``first`` to ``last`` hold; the bounds hold all beyond."""
    low, high = interval_bounds(field, first, last)
    if field.is_whole and (whole := _whole_between(low, high, lowest=float(field.low))):
        return say_whole_range(*whole, words)
    return say_range(_bound(low), _bound(high), words)


def _whole_between(low: float, high: float, *, lowest: float) -> tuple[str, str] | None:
    """Return the first and the last whole number from ``low`` on and below ``high``, as text.

    Where none but the field's lowest is left, it stands alone: nobody has up to 0 late payments.
    """
    first = low if math.isinf(low) else float(math.ceil(low))
    last = high if math.isinf(high) else float(math.ceil(high) - 1)
    first = lowest if math.isinf(low) and last == lowest else first
    return (_bound(first), _bound(last)) if first <= last else None


def _bound(value: float) -> str:
    return "" if math.isinf(value) else say_number(value)


def level_label(
    field: CategoricalField, table: Sequence[int], number: int, words: LabelWords
) -> str:
    """Say which levels share a bin: the first few of them, and how many more there are."""
    every = [*field.levels, words.other, words.missing]
    names = [name for name, home in zip(every, table, strict=True) if home == number]
    more = [words.more.format(count=len(names) - _MOST_NAMED)] if len(names) > _MOST_NAMED else []
    return ", ".join([*names[:_MOST_NAMED], *more])


def _label(field: FeatureField, table: tuple[int, ...], number: int) -> str:
    """Say which values fall into a bin."""
    cells = [cell for cell, home in enumerate(table) if home == number]
    if isinstance(field, CategoricalField):
        names = level_names(field)
        return ", ".join(names[cell] for cell in cells)
    grid = [cell for cell in cells if cell < GRID_CELLS]
    named = [*(item.meaning for item in field.special), MISSING]
    interval = [interval_label(field, grid[0], grid[-1])] if grid else []
    return ", ".join(interval + [named[cell - GRID_CELLS] for cell in cells if cell >= GRID_CELLS])


def say_number(value: float) -> str:
    """Return an edge of the grid with four digits that count, and thousands set apart."""
    if value == 0:
        return "0"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
