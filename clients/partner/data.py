"""A partner's own file: read once, a part at a time, then only ever summed privately."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from clients.partner.commitment import DataName, Naming
from model.population import Borrowers, import_borrowers
from model.private import Private
from model.table import Table, read_tables
from protocols.contracts.features import FeatureContract
from protocols.errors import CapacityError


@dataclass(frozen=True)
class Loans:
    """A partner's own data, for its node.

    Attributes:
        borrowers: What may be asked about.
        name: Names exactly these data, and tells nothing of them.
    """

    borrowers: Private[Borrowers]
    name: DataName


def load_loans(  # all of it is the partner's or the charter's word
    path: Path,
    contract: FeatureContract,
    *,
    recent: Path | None,
    capacity: int,
    holdout_key: bytes,
    holdout_percent: int,
    folder: Path,
    rows_at_once: int,
) -> Loans:
    """Read a file into borrowers that cannot leave, and another of recent applicants.

    Memory holds some rows at a time, whatever the files' size, and a hash of every borrower.

    Args:
        path: The loans.
        contract: The public grid.
        recent: Recent applicants, without outcomes.
        capacity: Most borrowers of either, by the charter.
        holdout_key: Secret of the partner.
        holdout_percent: Share of borrowers held out, in percent.
        folder: Where rows are put on disk, in files without names.
        rows_at_once: About how many are held in memory at a time.

    Raises:
        UnreadableDataError, MissingColumnError: A file does not fit the contract at all.
        CapacityError: It holds more borrowers than the charter's capacity, or too many rows of one.

    Privacy: everything in it; only private sums of it leave.
    """
    naming = Naming(holdout_key, folder)

    def named() -> Iterator[Table]:
        for table in read_tables(path, contract, rows=rows_at_once):
            naming.take(table)
            yield table

    borrowers = import_borrowers(
        named(), contract, holdout_key=holdout_key, holdout_percent=holdout_percent, folder=folder
    )
    _check_capacity(path, borrowers.count, capacity)
    if recent is not None:
        applied = read_tables(recent, contract, has_outcome=False, rows=rows_at_once)
        applicants = import_borrowers(
            applied, contract, holdout_key=holdout_key, holdout_percent=0, folder=folder
        ).training
        _check_capacity(recent, applicants.count, capacity)
        borrowers = replace(borrowers, recent=applicants)
    return Loans(Private(borrowers), naming.name())


def _check_capacity(path: Path, count: int, capacity: int) -> None:
    if count > capacity:
        raise CapacityError(
            f"{path.name}: more borrowers than the charter's capacity of {capacity}; "
            "agree on a new charter"
        )
