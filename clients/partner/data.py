"""A partner's own file: read once, judged at its own console, then only ever summed privately."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from clients.partner.commitment import DataName, name_of
from model.population import Borrowers, group_borrowers
from model.private import Private
from model.table import Table, read_table
from protocols.contracts.features import (
    CategoricalField,
    FeatureContract,
    FeatureField,
    NumericField,
)
from protocols.errors import CapacityError


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


@dataclass(frozen=True)
class Loans:
    """A partner's own data, for its node.

    Attributes:
        borrowers: What may be asked about.
        name: Names exactly these data, and tells nothing of them.
    """

    borrowers: Private[Borrowers]
    name: DataName


def check_table(
    table: Table, contract: FeatureContract, *, capacity: int | None
) -> list[Violation]:
    """Return every way in which a table breaks the contract, for the partner's own console.

    Training does not stop for any of them: values out of bounds count as the bound, what is no
    number as missing, unlisted levels as "other", and rows without id or outcome are left out.

    Args:
        table: What ``read_table`` returned.
        contract: The public contract.
        capacity: The charter's capacity for this partner, if there is a charter yet.
    """
    found = [*_check_rows(table, contract)]
    for field in contract.fields:
        found += _check_field(field, table)
    borrowers = len({item for item in table.borrower_ids if item is not None})
    if capacity is not None and borrowers > capacity:
        rule = f"at most {capacity} borrowers, the charter's capacity"
        found.append(Violation(contract.borrower_id, rule, borrowers))
    return [violation for violation in found if violation.count]


def load_loans(
    path: Path,
    contract: FeatureContract,
    *,
    recent: Path | None,
    capacity: int,
    holdout_key: bytes,
    holdout_percent: int,
) -> Loans:
    """Read a file into borrowers that cannot leave, and another of recent applicants.

    Raises:
        UnreadableDataError, MissingColumnError: The file does not fit the contract at all.
        CapacityError: It holds more borrowers than the charter's capacity.

    Privacy: everything in it; only private sums of it leave.
    """
    table = read_table(path, contract)
    borrowers = group_borrowers(
        table,
        contract,
        holdout_key=holdout_key,
        holdout_percent=holdout_percent,
    )
    _check_capacity(path, borrowers.count, capacity)
    if recent is not None:
        applied = read_table(recent, contract, has_outcome=False)
        applicants = group_borrowers(
            applied, contract, holdout_key=holdout_key, holdout_percent=0
        ).training
        _check_capacity(recent, applicants.count, capacity)
        borrowers = replace(borrowers, recent=applicants)
    return Loans(Private(borrowers), name_of(table, secret=holdout_key))


def _check_capacity(path: Path, count: int, capacity: int) -> None:
    if count > capacity:
        raise CapacityError(
            f"{path.name}: more borrowers than the charter's capacity of {capacity}; "
            "agree on a new charter"
        )


def _check_rows(table: Table, contract: FeatureContract) -> Iterator[Violation]:
    outcome = contract.outcome
    known = {outcome.bad, outcome.good}
    yield Violation(outcome.column, "at least one row", 0 if table.outcomes else 1)
    missing = sum(text is None for text in table.borrower_ids)
    yield Violation(contract.borrower_id, "every row has a borrower id", missing)
    others = sum(text not in known for text in table.outcomes)
    yield Violation(outcome.column, "the outcome is one of the two values", others)


def _check_field(field: FeatureField, table: Table) -> Iterator[Violation]:
    column = table.columns[field.name]
    if isinstance(field, CategoricalField):
        levels = [text for text in column if isinstance(text, str)]
        yield _missing(field, len(column) - len(levels))
        unlisted = sum(text not in field.levels for text in levels)
        yield Violation(field.name, "one of the listed levels", unlisted)
        return
    values = np.array(column, dtype=np.float64)
    not_numbers = table.not_numbers[field.name]
    yield _missing(field, int(np.isnan(values).sum()) - not_numbers)
    yield Violation(field.name, "a number", not_numbers)
    yield Violation(field.name, "finite", int(np.isinf(values).sum()))
    yield Violation(field.name, f"from {field.low} to {field.high}", _outside(field, values))


def _missing(field: FeatureField, count: int) -> Violation:
    return Violation(field.name, "never missing", 0 if field.may_be_missing else count)


def _outside(field: NumericField, values: npt.NDArray[np.float64]) -> int:
    numbers = values[np.isfinite(values)]
    special = [float(Decimal(item.code)) for item in field.special]
    numbers = numbers[~np.isin(numbers, special)]
    return int(((numbers < float(field.low)) | (numbers > float(field.high))).sum())
