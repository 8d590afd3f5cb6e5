"""What is odd about data that breaks no rule: said at the partner's console, no reason to stop.

Gathered table by table, in memory that does not grow with the rows but for eight bytes each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from model.formulas import with_formulas
from model.table import Table
from protocols.contracts.features import CategoricalField, FeatureContract, FeatureField

_FEW_BORROWERS = 1_000  # a partner alone with so few learns little, and its hold-out tells little


@dataclass(frozen=True)
class Oddity:
    """One thing that training copes with, and that may not be as the partner thinks.

    Attributes:
        column: Name of the column.
        note: What is odd.
        count: Rows or borrowers that it is about.
    """

    column: str
    note: str
    count: int


@dataclass
class Oddities:
    """Takes a file's tables one after another, and says what is odd about all of them."""

    contract: FeatureContract
    _rows: int = 0
    _outcomes: set[str] = field(default_factory=set)
    _borrowers: list[npt.NDArray[np.int64]] = field(default_factory=list)
    _some: dict[str, set[object]] = field(default_factory=dict)  # two values of a column will do
    _inside: set[str] = field(default_factory=set)  # fields with a value within their bounds

    def take(self, table: Table) -> None:
        """Look at the next rows."""
        outcome = self.contract.outcome
        self._rows += len(table.outcomes)
        self._outcomes |= {outcome.bad, outcome.good} & set(table.outcomes)
        named = [hash(name) for name in table.borrower_ids if name is not None]
        self._borrowers.append(np.array(named, dtype=np.int64))
        columns = with_formulas(table.columns, self.contract)
        for item in self.contract.fields:
            values = _known(item, columns[item.name])
            some = self._some.setdefault(item.name, set())
            some |= set(values[:1]) | set(values[values != values[0]][:1] if len(values) else ())
            if isinstance(item, CategoricalField) or _is_any_inside(item, values):
                self._inside.add(item.name)

    def found(self) -> list[Oddity]:
        """Return what is odd, in the contract's order."""
        return [*self._of_borrowers(), *self._of_fields()] if self._rows else []

    def _of_borrowers(self) -> Iterator[Oddity]:
        _, counts = np.unique(np.concatenate(self._borrowers), return_counts=True)
        if len(counts) < _FEW_BORROWERS:
            yield Oddity(
                self.contract.borrower_id, "few borrowers: noise outweighs them", len(counts)
            )
        if several := int((counts > 1).sum()):
            note = "borrowers with several rows: each counts once, however many they are"
            yield Oddity(self.contract.borrower_id, note, several)
        if len(self._outcomes) == 1:
            yield Oddity(self.contract.outcome.column, "only one of the two outcomes", self._rows)

    def _of_fields(self) -> Iterator[Oddity]:
        for item in self.contract.fields:
            some = self._some[item.name]
            if not some:
                yield Oddity(item.name, "always missing", self._rows)
            elif len(some) == 1:
                yield Oddity(item.name, "always the same value", self._rows)
            elif item.name not in self._inside:
                yield Oddity(item.name, "no value within the contract's bounds", self._rows)


def _known(
    item: FeatureField, column: Sequence[object] | npt.NDArray[np.float64]
) -> npt.NDArray[Any]:
    """Return the values that are there."""
    if isinstance(item, CategoricalField):
        return np.array([text for text in column if text is not None], dtype=object)
    numbers = np.asarray(column, dtype=np.float64)
    return numbers[~np.isnan(numbers)]


def _is_any_inside(item: FeatureField, values: npt.NDArray[np.float64]) -> bool:
    assert not isinstance(item, CategoricalField)
    codes = [float(special.code) for special in item.special]
    inside = (values >= float(item.low)) & (values <= float(item.high))
    return bool((inside | np.isin(values, codes)).any())
