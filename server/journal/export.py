"""A journal as one Parquet file: everything that is needed to check the chain without us."""

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from protocols.errors import ConfigError
from server.journal.record import Record

_SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("tenant", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("answer_id", pa.string(), nullable=False),
        pa.field("answered_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("salt", pa.binary()),  # this and the next two are null once pruned
        pa.field("body_digest", pa.binary()),
        pa.field("answer", pa.binary()),
        pa.field("content_digest", pa.binary(), nullable=False),
        pa.field("digest", pa.binary(), nullable=False),
        pa.field("link", pa.binary(), nullable=False),
    ]
)


def write_parquet(batches: Iterable[list[Record]], path: Path) -> int:
    """Write records to a file that is there whole or not at all, and return how many.

    Raises:
        ConfigError: It cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        count = _write(batches, partial)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    except (OSError, pa.ArrowException) as err:
        raise ConfigError(f"{path.name}: cannot be written; check path, space and rights") from err
    finally:
        partial.unlink(missing_ok=True)
    return count


def _write(batches: Iterable[list[Record]], path: Path) -> int:
    count = 0
    # Made first and for its owner only: it holds what customers were answered.
    opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(opened, "wb") as file, parquet.ParquetWriter(file, _SCHEMA) as writer:
        for records in batches:
            columns = list(zip(*map(_columns, records), strict=True))
            writer.write_table(pa.table(columns, schema=_SCHEMA))
            count += len(records)
    return count


def _columns(record: Record) -> tuple[object, ...]:
    position, key, answer_id, answered_at, *kept, content_digest, digest, link = record
    known = [None] * len(kept) if record.is_pruned else kept
    return (position, *key, answer_id, answered_at, *known, content_digest, digest, link)
