"""A file of scores: whole and on disk under its name, or not there at all."""

import hashlib
import os
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from protocols.errors import ConfigError

RELEASE_KEY = "fedscore.release"  # in the Parquet metadata: the release's digest, hex
PART_SUFFIX = ".part"
_LEAST_ROWS = 131_072  # of a row group but the last


@dataclass(frozen=True)
class Written:
    """A finished file of scores: its bytes and their SHA-256, hex."""

    size: int
    digest: str


class ScoreFile:
    """Writes record batches, each while the caller works on the next; use as a context manager.

    Without ``finish`` nothing remains.
    """

    def __init__(self, target: Path, schema: Any) -> None:
        self._target = target
        # Of its own name: a worker of a run that was killed may still be writing the same scores.
        own = secrets.token_hex(4)
        self._part = target.with_name(f".{target.name}.{own}{PART_SUFFIX}")
        target.parent.mkdir(parents=True, exist_ok=True)
        self._thread = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None
        self._held: list[Any] = []
        self._file = _Digesting(self._part)
        # Names of levels repeat; nothing else does, so that a dictionary would be tried in vain.
        repeated = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        self._writer = pyarrow.parquet.ParquetWriter(
            self._file, schema, compression="zstd", compression_level=1, use_dictionary=repeated
        )

    def __enter__(self) -> "ScoreFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
        self._file.forget()
        self._writer.close()  # writes a footer, if that was not done: to nowhere
        self._file.close()
        self._part.unlink(missing_ok=True)

    def write(self, batch: Any) -> None:
        """Add rows to the file.

        Raises:
            ConfigError: The disk is full, or fails.
        """
        self._held.append(batch)
        if sum(map(len, self._held)) >= _LEAST_ROWS:
            self._flush()

    def finish(self) -> Written:
        """Put the file in its place, on disk, and return what it is; raises as ``write``."""
        self._flush()
        self._wait()
        try:
            self._writer.close()
            self._file.sync()
            self._part.rename(self._target)
            sync_folder(self._target.parent)
        except OSError as err:
            raise self._refused() from err
        return Written(self._file.size, self._file.digest.hexdigest())

    def _flush(self) -> None:
        self._wait()
        if self._held:
            table = pa.Table.from_batches(self._held)
            self._held = []
            self._pending = self._thread.submit(self._writer.write_table, table)

    def _wait(self) -> None:
        if self._pending is not None:
            try:
                self._pending.result()
            except OSError as err:
                raise self._refused() from err

    def _refused(self) -> ConfigError:
        return ConfigError(f"{self._target.name}: cannot be written; is the disk full?")


class _Digesting:
    """A file that is hashed as it is written; what Arrow needs of a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._is_wanted = True
        self.digest = hashlib.sha256()
        self.size = 0

    @property
    def closed(self) -> bool:  # Arrow asks before each write
        return self._file.closed

    def write(self, raw: Any) -> int:  # Any: whatever has a buffer
        return self._put(raw) if self._is_wanted else len(raw)

    def forget(self) -> None:
        """Take what is written from now on, and drop it."""
        self._is_wanted = False

    def tell(self) -> int:
        return self.size

    def _put(self, raw: Any) -> int:
        self.digest.update(raw)
        written = self._file.write(raw)
        self.size += written
        return written

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def sync_folder(folder: Path) -> None:
    """Put a folder's list of names on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
