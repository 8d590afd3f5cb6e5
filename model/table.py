"""Files of loans as columns: Parquet and CSV, read by the contract's names and kinds."""

from collections.abc import Mapping
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
        columns: Per field: float64 (n,) with NaN for empty and for what is no number, or text
            with None for empty.
        not_numbers: Per numeric field, how many values were there but no numbers.
    """

    borrower_ids: Texts
    outcomes: Texts
    columns: Mapping[str, Numbers | Texts]
    not_numbers: Mapping[str, int]


def read_table(path: Path, contract: FeatureContract, *, has_outcome: bool = True) -> Table:
    """Read the contract's columns from a ``.parquet`` or ``.csv`` file.

    Args:
        path: The file.
        contract: Names the columns.
        has_outcome: Whether outcomes are known; else everybody counts as good so far.

    Raises:
        UnreadableDataError: Truncated, not UTF-8, or of another kind.
        MissingColumnError: A column that the contract names is not there.
    """
    names = [contract.borrower_id, *(field.name for field in contract.fields)]
    names += [contract.outcome.column] if has_outcome else []
    arrow = _read(path)
    missing = [name for name in names if name not in arrow.column_names]
    if missing:
        raise MissingColumnError(f"{path.name}: no column named {', '.join(missing)}")
    columns: dict[str, Numbers | Texts] = {}
    not_numbers: dict[str, int] = {}
    for field in contract.fields:
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


def read_column_names(path: Path) -> dict[str, bool]:
    """Return the columns of a file, and for each whether its values are numbers.

    Raises:
        UnreadableDataError: As ``read_table``.
    """
    arrow = _read(path)
    return {name: _is_numeric(arrow.column(name)) for name in arrow.column_names}


def _read(path: Path) -> Any:  # Any: pyarrow has no types
    readers = {".parquet": _read_parquet, ".csv": _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UnreadableDataError(f"{path.name}: expected a .parquet or .csv file")
    try:
        arrow = reader(path)
        arrow.validate(full=True)
        names = arrow.column_names
    except FileNotFoundError as err:
        raise UnreadableDataError(f"{path.name}: no such file") from err
    except (OSError, UnicodeDecodeError, pa.ArrowException) as err:
        raise UnreadableDataError(
            f"{path.name}: truncated, damaged, or not UTF-8; write it again"
        ) from err
    if len(set(names)) != len(names):
        raise UnreadableDataError(f"{path.name}: two columns have the same name")
    return arrow


def _read_parquet(path: Path) -> Any:
    with pyarrow.parquet.ParquetFile(path) as file:
        return file.read()


def _read_csv(path: Path) -> Any:
    with pyarrow.csv.open_csv(path) as reader:  # reads the header, checks it is UTF-8
        names = reader.schema.names
    # Empty is the only null: "NA" and "null" are text, here as in Parquet.
    as_text = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    return pyarrow.csv.read_csv(path, convert_options=as_text)


def _texts(column: Any) -> Texts:
    """Return values as text; a number prints without a needless fraction, so 3.0 is "3"."""
    return [_text(value) for value in column.to_pylist()]


def _text(value: object) -> str | None:
    if value is None or value != value:  # NaN is what many writers leave for "empty"
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


def _numbers(column: Any) -> tuple[Numbers, int]:
    """Return float64 with NaN for empty, and how many values were no numbers."""
    try:
        numbers = np.array(pc.cast(column, pa.float64()).to_pylist(), dtype=np.float64)
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
