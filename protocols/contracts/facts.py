"""Facts about a borrower beside the contract's fields, and a policy's rules and tables on them."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from protocols.contracts.features import Contract, Name
from protocols.contracts.money import Share

FactName = Literal[
    "days_past_due",
    "utilisation_percent",
    "utilisation_6m_percent",
    "cash_advance_percent",
    "enquiries_90_days",
    "returned_debits_90_days",
    "income_drop_percent",
    "public_records",
    "fraud_flags",
    "months_on_book",
    "months_in_business",
]

# What a fact may be, in whole units; beyond is the bound. More of all but the last two is worse.
FACT_RANGES: dict[FactName, tuple[int, int]] = {
    "days_past_due": (0, 3_650),
    "utilisation_percent": (0, 1_000),
    "utilisation_6m_percent": (0, 1_000),
    "cash_advance_percent": (0, 100),
    "enquiries_90_days": (0, 1_000),
    "returned_debits_90_days": (0, 1_000),
    "income_drop_percent": (0, 100),
    "public_records": (0, 1_000),
    "fraud_flags": (0, 100),
    "months_on_book": (0, 1_200),
    "months_in_business": (0, 1_200),
}
BETTER_WHEN_HIGHER: frozenset[FactName] = frozenset(("months_on_book", "months_in_business"))

_Range = Annotated[tuple[int, int], Field(strict=False)]


class Rule(Contract):
    """A fact that stops or slows a decision, whatever the score.

    Attributes:
        code: Of the catalogue of reasons.
        at_least, below: One of them: where the rule holds.
        action: DECLINE also freezes a line that there is; REFER asks a person.
        when_unknown: What to do where nobody says.
    """

    code: Name
    fact: FactName
    at_least: int | None = None
    below: int | None = None
    action: Literal["DECLINE", "REFER"]
    when_unknown: Literal["PASS", "REFER", "DECLINE"]

    @model_validator(mode="after")
    def _check_bound(self) -> "Rule":
        if (self.at_least is None) == (self.below is None):
            raise ValueError("a rule has at_least or below, and not both")
        if (self.below is not None) != (self.fact in BETTER_WHEN_HIGHER):
            raise ValueError("at_least is for facts of which more is worse, below for the others")
        return self

    def holds(self, value: int) -> bool:
        """Return whether the rule stops who has this value."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.below is not None and value < self.below


class Cell(Contract):
    """One row of a table: where every fact lies in its range, this share of the band's limit.

    Attributes:
        ranges: Of each of the table's facts in their order: from, and below; whole units.
    """

    ranges: tuple[_Range, ...] = Field(min_length=1, max_length=3, strict=False)
    share: Share

    @model_validator(mode="after")
    def _check_ranges(self) -> "Cell":
        if not all(low < high for low, high in self.ranges):
            raise ValueError("a range is [from, below) with from < below")
        return self

    def holds(self, values: Sequence[int]) -> bool:
        """Return whether values of the table's facts, in their order, lie in the ranges."""
        pairs = zip(values, self.ranges, strict=True)
        return all(low <= value < high for value, (low, high) in pairs)


class FactTable(Contract):
    """A table over one to three facts that scales the band's limit.

    Attributes:
        code: Of the catalogue of reasons.
        when_unknown: The share where a fact is not known.
    """

    code: Name
    facts: tuple[FactName, ...] = Field(min_length=1, max_length=3, strict=False)
    cells: tuple[Cell, ...] = Field(min_length=1, max_length=500, strict=False)
    when_unknown: Share

    @cached_property
    def best_share(self) -> Decimal:
        """Return what the best facts get."""
        return max(Decimal(cell.share) for cell in self.cells)

    @model_validator(mode="after")
    def _check_cells(self) -> "FactTable":
        if len(set(self.facts)) != len(self.facts):
            raise ValueError("facts must differ")
        if any(len(cell.ranges) != len(self.facts) for cell in self.cells):
            raise ValueError("cells: one range for each fact")
        return self
