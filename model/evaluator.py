"""A scorecard as plain tables: answers for one applicant and for millions, without torch.

Three ways lead to the same answer: one row in plain Python, some rows as a matrix, many rows
column by column. All add the same numbers in the same order as the scorecard does, so their
logits and points are its own bit for bit; ``model.parity`` holds them to it when a release loads.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from model.field_tables import CategoricalTable, FieldTable, NumericTable, field_tables
from model.numeric_link import NumericLink
from model.row_tables import RowTables
from protocols.contracts.features import FeatureContract

if TYPE_CHECKING:  # torch stays out of processes that only answer
    from model.scorecard import Scorecard

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Values = npt.NDArray[Any]  # float32 or float64 of a numeric field, integer codes of a categorical
_Pair = tuple[float, float]  # what a bin adds to the logit, and its points lost
_OneField = tuple[Sequence[float] | None, Sequence[_Pair], dict[float, _Pair], _Pair]

_ROWS_AT_ONCE = 16_384  # whose columns stay in a core's cache
_MOST_SINGLE_ROWS = 6  # up to here, row by row is fastest
_MOST_MATRIX_ROWS = 1_024  # and up to here, a matrix


class Answer(NamedTuple):
    """One applicant's answer.

    Attributes:
        p_default: Probability of default within the contract's window.
        points: Scorecard points; more is safer.
        points_lost: Per field, in contract order, points below the average borrower's.
    """

    p_default: float
    points: int
    points_lost: list[float]


class Answers(NamedTuple):
    """Answers for n applicants.

    Attributes:
        p_default: float64 (n,).
        points: int64 (n,).
        points_lost: float64 (n, fields); without columns if nobody asked for them.
    """

    p_default: Floats
    points: Integers
    points_lost: Floats


@dataclass(frozen=True, eq=False)
class Evaluator:
    """Answers from tables of numbers.

    Category codes are a field's cells: the place of a level among the contract's levels, then
    "other", then missing; any other integer counts as "other".

    Attributes:
        contract: The public feature contract.
        tables: One for each field of the contract, in its order.
        intercept: Logit before any field adds to it.
        link: Turns logits into probabilities and points.
    """

    contract: FeatureContract
    tables: tuple[FieldTable, ...]
    intercept: float
    link: NumericLink

    @classmethod
    def of(cls, scorecard: "Scorecard") -> "Evaluator":
        """Return the tables of a scorecard."""
        intercept = float(scorecard.weights[0]) * scorecard.encoding.row_scale
        tables = field_tables(scorecard)
        return cls(scorecard.contract, tables, intercept, NumericLink.of(scorecard))

    def answer_one(self, numbers: Sequence[float], codes: Sequence[int]) -> Answer:
        """Answer for one applicant; for one, bisecting lists is faster than any array.

        Args:
            numbers: Values of the numeric fields in contract order, NaN where missing.
            codes: Category codes of the categorical fields in contract order.
        """
        logit, lost = self.intercept, []
        next_number, next_code = iter(numbers).__next__, iter(codes).__next__
        for edges, pairs, special, odd in self._one_row:
            if edges is None:
                code = next_code()
                pair = pairs[code] if 0 <= code < len(pairs) else odd
            elif (value := next_number()) != value:  # NaN
                pair = odd
            else:
                pair = special.get(value) or pairs[bisect_right(edges, value)]
            logit += pair[0]
            lost.append(pair[1])
        return Answer(self.link.probability(logit), self.link.points(logit), lost)

    def answer(self, numbers: Floats, codes: Integers) -> Answers:
        """Answer for n applicants, whichever way is fastest for so many.

        Args:
            numbers: float64 (n, numeric fields) in contract order, NaN where missing.
            codes: Category codes, integers (n, categorical fields) in contract order.
        """
        if len(numbers) <= _MOST_SINGLE_ROWS:
            return self.answer_singly(numbers, codes)
        if len(numbers) > _MOST_MATRIX_ROWS:
            return self.answer_columns(self._columns(numbers, codes), with_lost=True)
        return self.answer_matrix(numbers, codes)

    def answer_singly(self, numbers: Floats, codes: Integers) -> Answers:
        """Answer as ``answer``, row by row."""
        rows = zip(numbers.tolist(), codes.tolist(), strict=True)
        answers = [self.answer_one(*row) for row in rows]
        return Answers(
            np.array([one.p_default for one in answers], dtype=np.float64),
            np.array([one.points for one in answers], dtype=np.int64),
            np.array([one.points_lost for one in answers]).reshape(len(answers), len(self.tables)),
        )

    def answer_matrix(self, numbers: Floats, codes: Integers) -> Answers:
        """Answer as ``answer``, all rows and fields at once."""
        positions = self._rows.positions(numbers, codes)
        logits = self._added(positions)
        lost: Floats = self._lost.take(positions)
        return Answers(self.link.probabilities(logits), self.link.all_points(logits), lost)

    def answer_columns(self, columns: Sequence[Values], *, with_lost: bool = False) -> Answers:
        """Answer for many applicants, column by column.

        Args:
            columns: One for each field of the contract, in its order: float32 or float64 with NaN
                where missing, or category codes; each (n,).
            with_lost: Whether points lost are wanted too.
        """
        rows = len(columns[0])
        logits = np.full(rows, self.intercept)
        lost = np.empty((rows, len(self.tables) if with_lost else 0))
        for first in range(0, rows, _ROWS_AT_ONCE):
            part = slice(first, first + _ROWS_AT_ONCE)
            for place, (table, column) in enumerate(zip(self.tables, columns, strict=True)):
                bins = table.bins(column[part])
                logits[part] += table.logits.take(bins)
                if with_lost:
                    lost[part, place] = table.lost.take(bins)
        return Answers(self.link.probabilities(logits), self.link.all_points(logits), lost)

    def _columns(self, numbers: Floats, codes: Integers) -> list[Values]:
        numeric, categorical = iter(numbers.T), iter(codes.T)
        return [
            next(categorical if isinstance(table, CategoricalTable) else numeric)
            for table in self.tables
        ]

    def _added(self, positions: Integers) -> Floats:
        # Accumulated rather than summed: from the first field to the last, as the scorecard adds.
        steps = np.empty((len(positions), len(self.tables) + 1))
        steps[:, 0] = self.intercept
        steps[:, 1:] = self._logits.take(positions)
        total: Floats = np.add.accumulate(steps, axis=1)[:, -1]
        return total

    @cached_property
    def _one_row(self) -> list[_OneField]:
        return [_one_field(table) for table in self.tables]

    @cached_property
    def _rows(self) -> RowTables:
        return RowTables.of(self.tables)

    @cached_property
    def _logits(self) -> Floats:
        return np.concatenate([table.logits for table in self.tables])

    @cached_property
    def _lost(self) -> Floats:
        return np.concatenate([table.lost for table in self.tables])


def _one_field(table: FieldTable) -> _OneField:
    """Return a field's edges, what each interval or code is worth, and what odd values are."""
    pairs = list(zip(table.logits.tolist(), table.lost.tolist(), strict=True))
    if isinstance(table, NumericTable):
        special = {code: pairs[number] for code, number in table.special.items()}
        intervals = [pairs[number] for number in table.interval_bins]
        return list(table.edges), intervals, special, pairs[table.missing]
    of_codes = [pairs[number] for number in table.code_bins.tolist()]
    return None, of_codes, {}, of_codes[table.other]
