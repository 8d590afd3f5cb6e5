"""Files of loans as columns: Parquet and CSV, read by the contract's names and kinds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from protocols.contracts.features import CategoricalField, FeatureContract
from protocols.errors import MissingColumnError, UnreadableDataError

Texts = list[str | None]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """The columns that a contract names, row by row as in the file.

    Attributes:
        borrower_ids: Text of the borrower id, None where it is empty.
        outcomes: Text of the outcome, None where it is empty.
        columns: Per field that is not computed: float64 (n,) with NaN for empty and for what is
            no number, or text with None for empty.
        not_numbers: Per numeric field, how many values were there but no numbers.
    """

    borrower_ids: Texts
    outcomes: Texts
    columns: Mapping[str, Numbers | Texts]
    not_numbers: Mapping[str, int]


def read_table(path: Path, contract: FeatureContract, *, has_outcome: bool = True) -> Table:
    """Read the contract's columns from a whole file, as ``read_tables``."""
    tables = list(read_tables(path, contract, has_outcome=has_outcome))
    return Table(
        borrower_ids=[text for table in tables for text in table.borrower_ids],
        outcomes=[text for table in tables for text in table.outcomes],
        columns={
            field.name: _joined([table.columns[field.name] for table in tables])
            for field in contract.inputs
        },
        not_numbers={
            name: sum(table.not_numbers[name] for table in tables) for name in tables[0].not_numbers
        },
    )


def read_tables(
    path: Path, contract: FeatureContract, *, has_outcome: bool = True, rows: int = 65_536
) -> Iterator[Table]:
    """Read the contract's columns from a ``.parquet`` or ``.csv`` file, some rows at a time.

    Args:
        path: The file.
        contract: Names the columns.
        has_outcome: Whether outcomes are known; else everybody counts as good so far.
        rows: About as many at a time, however the file is laid out.

    Yields:
        At least one table, without rows if the file has none.

    Raises:
        UnreadableDataError: Truncated, not UTF-8, or of another kind.
        MissingColumnError: A column that the contract names is not there.
    """
    names = [contract.borrower_id, *(field.name for field in contract.inputs)]
    names += [contract.outcome.column] if has_outcome else []
    for arrow in _arrow_tables(path, names, rows=rows):
        yield _table(arrow, contract, has_outcome=has_outcome)


def read_column_names(path: Path) -> dict[str, bool]:
    """Return the columns of a file, and for each whether its values are numbers.

    Raises:
        UnreadableDataError: As ``read_tables``.
    """
    numeric: dict[str, bool] = {}
    for arrow in _arrow_tables(path, None, rows=65_536):
        for name in arrow.column_names:
            numeric[name] = numeric.get(name, True) and _is_numeric(arrow.column(name))
    return numeric


def _arrow_tables(path: Path, names: Sequence[str] | None, *, rows: int) -> Iterator[Any]:
    """Yield a file's rows as Arrow tables with these columns, or all; Any: pyarrow has no types."""
    readers = {".parquet": _parquet_batches, ".csv": _csv_batches}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UnreadableDataError(f"{path.name}: expected a .parquet or .csv file")
    try:
        for batch in reader(path, names, rows):
            batch.validate(full=True)
            yield batch
    except FileNotFoundError as err:
        raise UnreadableDataError(f"{path.name}: no such file") from err
    except (OSError, UnicodeDecodeError, pa.ArrowException) as err:
        raise UnreadableDataError(
            f"{path.name}: truncated, damaged, or not UTF-8; write it again"
        ) from err


def _parquet_batches(path: Path, names: Sequence[str] | None, rows: int) -> Iterator[Any]:
    with pyarrow.parquet.ParquetFile(path, buffer_size=65_536, pre_buffer=False) as file:
        schema = file.schema_arrow
        wanted = _check_names(path, schema.names, names)
        empty = schema.empty_table().select(wanted)
        yield empty
        for batch in file.iter_batches(batch_size=rows, columns=wanted):
            yield pa.Table.from_batches([batch]).select(wanted)


def _csv_batches(path: Path, names: Sequence[str] | None, rows: int) -> Iterator[Any]:
    with pyarrow.csv.open_csv(path) as reader:  # reads the header, checks it is UTF-8
        found = reader.schema.names
    wanted = _check_names(path, found, names)
    # Empty is the only null: "NA" and "null" are text, here as in Parquet.
    as_text = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(found, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    with pyarrow.csv.open_csv(path, convert_options=as_text) as reader:
        yield reader.schema.empty_table().select(wanted)
        for batch in reader:
            whole = pa.Table.from_batches([batch]).select(wanted)
            yield from (whole.slice(first, rows) for first in range(0, len(whole), rows))


def _check_names(path: Path, found: Sequence[str], names: Sequence[str] | None) -> list[str]:
    """Return the columns to read: those asked for, or all."""
    if len(set(found)) != len(found):
        raise UnreadableDataError(f"{path.name}: two columns have the same name")
    missing = [name for name in names or () if name not in found]
    if missing:
        raise MissingColumnError(f"{path.name}: no column named {', '.join(missing)}")
    return list(found if names is None else names)


def _table(arrow: Any, contract: FeatureContract, *, has_outcome: bool) -> Table:
    columns: dict[str, Numbers | Texts] = {}
    not_numbers: dict[str, int] = {}
    for field in contract.inputs:
        column = arrow.column(field.name)
        if isinstance(field, CategoricalField):
            columns[field.name] = _texts(column)
        else:
            columns[field.name], not_numbers[field.name] = _numbers(column)
    return Table(
        borrower_ids=_texts(arrow.column(contract.borrower_id)),
        outcomes=_texts(arrow.column(contract.outcome.column))
        if has_outcome
        else [contract.outcome.good] * len(arrow),
        columns=columns,
        not_numbers=not_numbers,
    )


def _joined(parts: Sequence[Any]) -> Any:
    """Return one column of all parts: arrays or lists."""
    is_numbers = isinstance(parts[0], np.ndarray)
    return np.concatenate(parts) if is_numbers else [text for part in parts for text in part]


def _texts(column: Any) -> Texts:
    """Return values as text, None where there is none."""
    return [text_of(value) for value in column.to_pylist()]


def text_of(value: object) -> str | None:
    """Return a value as text; a number prints without a needless fraction, so 3.0 is "3"."""
    if value is None or value != value:  # NaN is what many writers leave for "empty"
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


def _numbers(column: Any) -> tuple[Numbers, int]:
    """Return float64 with NaN for empty, and how many values were no numbers."""
    try:
        numbers = np.array(pc.cast(column, pa.float64()).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return _parsed(_texts(column))
    return numbers, 0


def _parsed(texts: Texts) -> tuple[Numbers, int]:
    numbers = np.full(len(texts), np.nan)
    refused = 0
    for index, text in enumerate(texts):
        try:
            numbers[index] = np.nan if text is None else float(text)
        except ValueError:
            refused += 1
    return numbers, refused


def _is_numeric(column: Any) -> bool:
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return True
    return bool(pa.types.is_string(column.type)) and _numbers(column)[1] == 0
