"""Files to score: which they are, and their columns, a part at a time."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from protocols.errors import ConfigError, MissingColumnError, UnreadableDataError

ROWS_AT_ONCE = 65_536
_CSV_BLOCK = 8 << 20  # bytes; a part of a CSV file
_BUFFER = 1 << 20  # bytes of each Parquet column read ahead, however large its row group is
_KINDS = (".parquet", ".csv")


@dataclass(frozen=True)
class Source:
    """A file as it was found.

    Attributes:
        path: The file.
        name: Its path within the folder that was given, with slashes.
        size: Bytes.
        modified_ns: When it was last changed.
    """

    path: Path
    name: str
    size: int
    modified_ns: int

    @property
    def target(self) -> str:
        """Name of its file of scores."""
        return Path(self.name).with_suffix(".parquet").as_posix()

    def check_unchanged(self) -> None:
        """Raise ``UnreadableDataError`` if the file is not what it was when it was found."""
        if _stat(self.path) != (self.size, self.modified_ns):
            raise UnreadableDataError(f"{self.name}: changed while it was read; run again")


def find_sources(given: Path) -> list[Source]:
    """Return the file, or all Parquet and CSV files in the folder and those in it, by name.

    Files and folders whose names begin with a dot or an underscore are left out, as others
    that write such folders do.

    Raises:
        ConfigError: There is none, or two would have the same file of scores.
    """
    if given.is_dir():
        paths = sorted(path for path in given.rglob("*") if _is_wanted(path.relative_to(given)))
        sources = [_source(path, path.relative_to(given)) for path in paths if path.is_file()]
    else:
        sources = [_source(given, Path(given.name))] if given.is_file() else []
    if not sources:
        raise ConfigError(f"{given.name}: no {' or '.join(_KINDS)} file here")
    _check_targets(sources)
    return sources


def check_columns(source: Source, names: Sequence[str]) -> None:
    """Look at a file's head alone.

    Raises:
        MissingColumnError: One of the columns is not there; says which.
        UnreadableDataError: It cannot be read.
    """
    read_schema(source, names)


def read_schema(source: Source, names: Sequence[str]) -> Any:
    """Return the Arrow schema of these columns; raises as ``check_columns``."""
    found = _whole_schema(source)
    missing = [name for name in names if name not in found.names]
    if missing:
        raise MissingColumnError(f"{source.name}: no column named {', '.join(missing)}")
    return pa.schema([found.field(name) for name in names])


def column_names(source: Source) -> list[str]:
    """Return the names of all columns.

    Raises:
        UnreadableDataError: The file cannot be read, or two columns have the same name.
    """
    return list(_whole_schema(source).names)


def count_rows(source: Source) -> int | None:
    """Return how many rows a file says that it has; None of a CSV file, which does not say.

    Raises:
        UnreadableDataError: It cannot be read.
    """
    if _is_csv(source):
        return None
    with _our_errors(source), pyarrow.parquet.ParquetFile(source.path) as file:
        return int(file.metadata.num_rows)


def read_parts(
    source: Source, names: Sequence[str], *, listed: Sequence[str], is_alone: bool
) -> Iterator[Any]:
    """Yield a file's columns as Arrow record batches of ``ROWS_AT_ONCE`` rows or fewer.

    Args:
        source: The file.
        names: The columns, in the order in which they are given.
        listed: Those of them that hold levels, so few different texts.
        is_alone: Whether no other file is read at the same time, so that all cores may decode.

    Raises:
        UnreadableDataError: It is truncated or damaged somewhere.
    """
    reader = (
        _csv_parts(source, names)
        if _is_csv(source)
        else _parquet_parts(source, names, listed, is_alone=is_alone)
    )
    with _our_errors(source):
        for batch in reader:
            batch.validate(full=True)
            yield batch.select(list(names))


def _whole_schema(source: Source) -> Any:
    with _our_errors(source):
        found = _csv_schema(source) if _is_csv(source) else _parquet_schema(source)
    if len(set(found.names)) != len(found.names):
        raise UnreadableDataError(f"{source.name}: two columns have the same name")
    return found


@contextmanager
def _our_errors(source: Source) -> Iterator[None]:
    """Name the file and nothing in it: Arrow's own words may repeat a value."""
    try:
        yield
    except FileNotFoundError as err:
        raise UnreadableDataError(f"{source.name}: no such file") from err
    except PermissionError as err:
        raise UnreadableDataError(f"{source.name}: may not be read") from err
    except (OSError, ValueError, pa.ArrowException) as err:
        raise UnreadableDataError(
            f"{source.name}: truncated, damaged, or not UTF-8; write it again"
        ) from err


def _parquet_schema(source: Source) -> Any:
    with pyarrow.parquet.ParquetFile(source.path) as file:
        return file.schema_arrow


def _parquet_parts(
    source: Source, names: Sequence[str], listed: Sequence[str], *, is_alone: bool
) -> Iterator[Any]:
    schema = _parquet_schema(source)
    with pyarrow.parquet.ParquetFile(
        source.path,
        read_dictionary=[name for name in listed if pa.types.is_string(schema.field(name).type)],
        buffer_size=_BUFFER,
        pre_buffer=False,
        page_checksum_verification=True,
    ) as file:
        for group in range(file.num_row_groups):
            yield from file.iter_batches(
                ROWS_AT_ONCE, row_groups=[group], columns=list(names), use_threads=is_alone
            )


def _csv_schema(source: Source) -> Any:
    with pyarrow.csv.open_csv(source.path) as reader:
        return pa.schema([pa.field(name, pa.string()) for name in reader.schema.names])


def _csv_parts(source: Source, names: Sequence[str]) -> Iterator[Any]:
    # Empty is the only null: "NA" and "null" are text, here as in Parquet.
    as_text = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=list(names),
        strings_can_be_null=True,
        null_values=[""],
    )
    read = pyarrow.csv.ReadOptions(block_size=_CSV_BLOCK)
    with pyarrow.csv.open_csv(source.path, read_options=read, convert_options=as_text) as reader:
        for batch in reader:
            for first in range(0, len(batch), ROWS_AT_ONCE):
                yield batch.slice(first, ROWS_AT_ONCE)


def _is_csv(source: Source) -> bool:
    return source.path.suffix.lower() == ".csv"


def _is_wanted(inside: Path) -> bool:
    is_hidden = any(part.startswith((".", "_")) for part in inside.parts)
    return inside.suffix.lower() in _KINDS and not is_hidden


def _source(path: Path, inside: Path) -> Source:
    if path.suffix.lower() not in _KINDS:
        raise ConfigError(f"{path.name}: expected a {' or '.join(_KINDS)} file")
    try:
        inside.as_posix().encode("utf-8")
    except UnicodeEncodeError as err:
        raise ConfigError(f"{path.name!a}: a file's name must be UTF-8") from err
    size, modified_ns = _stat(path)
    return Source(path.absolute(), inside.as_posix(), size, modified_ns)


def _stat(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError as err:
        raise UnreadableDataError(f"{path.name}: no such file") from err
    return found.st_size, found.st_mtime_ns


def _check_targets(sources: Sequence[Source]) -> None:
    by_target: dict[str, str] = {}
    for source in sources:
        other = by_target.setdefault(source.target, source.name)
        if other != source.name:
            raise ConfigError(
                f"{other} and {source.name} would both be scored into {source.target}; rename one"
            )
