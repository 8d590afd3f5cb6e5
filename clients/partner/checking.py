"""Whether a partner's data are as the contract says, counted table by table for its console."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from model.table import Table
from protocols.contracts.features import (
    CategoricalField,
    FeatureContract,
    FeatureField,
    NumericField,
)


@dataclass(frozen=True)
class Violation:
    """One rule that some values of a column break. Says how many, never which.

    Attributes:
        column: Name of the column.
        rule: What the contract says.
        count: Values, rows or borrowers that break it.
    """

    column: str
    rule: str
    count: int


@dataclass
class Check:
    """Takes a file's tables one after another, and says what breaks the contract in all of them.

    Training does not stop for any of it: values out of bounds count as the bound, what is no
    number as missing, unlisted levels as "other", and rows without id or outcome are left out.

    Attributes:
        contract: The public contract.
        capacity: The charter's capacity for this partner, if there is a charter yet.
        rows: How many rows were taken.
    """

    contract: FeatureContract
    capacity: int | None = None
    rows: int = 0
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _borrowers: set[int] = field(default_factory=set)

    def take(self, table: Table) -> None:
        """Look at the next rows."""
        self.rows += len(table.outcomes)
        self._borrowers |= {hash(name) for name in table.borrower_ids if name is not None}
        for column, rule, count in _broken(table, self.contract):
            self._counts[column, rule] += count

    def violations(self) -> list[Violation]:
        """Return every way in which the tables break the contract."""
        outcome, capacity = self.contract.outcome, self.capacity
        found = [Violation(*place, count) for place, count in self._counts.items() if count]
        if not self.rows:
            found.insert(0, Violation(outcome.column, "at least one row", 1))
        elif self._counts[outcome.column, _OUTCOME] == self.rows:
            # Most likely the two values are spelled in another way, as ``1`` is to ``1.0``.
            rule = f'no row has outcome "{outcome.bad}" or "{outcome.good}"'
            found.insert(0, Violation(outcome.column, rule, self.rows))
        if capacity is not None and len(self._borrowers) > capacity:
            rule = f"at most {capacity} borrowers, the charter's capacity"
            found.append(Violation(self.contract.borrower_id, rule, len(self._borrowers)))
        return found


_OUTCOME = "the outcome is one of the two values"
_Broken = tuple[str, str, int]  # column, rule, count


def _broken(table: Table, contract: FeatureContract) -> Iterator[_Broken]:
    known = {contract.outcome.bad, contract.outcome.good}
    missing = sum(text is None for text in table.borrower_ids)
    yield contract.borrower_id, "every row has a borrower id", missing
    yield contract.outcome.column, _OUTCOME, sum(text not in known for text in table.outcomes)
    for item in contract.inputs:
        yield from _broken_field(item, table)


def _broken_field(item: FeatureField, table: Table) -> Iterator[_Broken]:
    column = table.columns[item.name]
    if isinstance(item, CategoricalField):
        levels = [text for text in column if isinstance(text, str)]
        yield _missing(item, len(column) - len(levels))
        yield item.name, "one of the listed levels", sum(x not in item.levels for x in levels)
        return
    values = np.array(column, dtype=np.float64)
    not_numbers = table.not_numbers[item.name]
    yield _missing(item, int(np.isnan(values).sum()) - not_numbers)
    yield item.name, "a number", not_numbers
    yield item.name, "finite", int(np.isinf(values).sum())
    yield item.name, f"from {item.low} to {item.high}", _outside(item, values)


def _missing(item: FeatureField, count: int) -> _Broken:
    return item.name, "never missing", 0 if item.may_be_missing else count


def _outside(item: NumericField, values: npt.NDArray[np.float64]) -> int:
    numbers = values[np.isfinite(values)]
    special = [float(Decimal(each.code)) for each in item.special]
    numbers = numbers[~np.isin(numbers, special)]
    return int(((numbers < float(item.low)) | (numbers > float(item.high))).sum())
