"""Records put aside on disk until those that belong together can be read together.

In unnamed temporary files: nothing of them is left when the process ends, however it ends.
"""

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from protocols.errors import ConfigError

Records = npt.NDArray[Any]  # structured; the first field is a key of evenly spread bytes


def bytes_of(keys: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint8]:
    """Return the bytes of keys of one length, uint8 (n, length)."""
    raw = np.ascontiguousarray(keys).view(np.uint8)
    return raw.reshape(len(keys), keys.dtype.itemsize)


class Spill:
    """Takes records of one kind, and gives them back sorted by key, a bucket at a time.

    A bucket holds all records whose keys begin with one byte: memory holds a 256th of them.
    """

    def __init__(self, kind: np.dtype[Any], folder: Path) -> None:
        self._kind, self._folder = kind, folder
        self._buckets: dict[int, IO[bytes]] = {}
        self._open = ExitStack()
        weakref.finalize(self, self._open.close)  # also when an import was refused

    def take(self, records: Records) -> None:
        """Put records aside."""
        first = bytes_of(records[self._key])[:, 0]
        for byte in np.unique(first).tolist():
            if byte not in self._buckets:
                self._buckets[byte] = self._open.enter_context(_unnamed(self._folder))
            _write(self._buckets[byte], records[first == byte])

    def sorted(self) -> Iterator[Records]:
        """Yield all records, those of one key side by side, and forget them."""
        with self._open:
            for byte in sorted(self._buckets):
                file = self._buckets[byte]
                file.seek(0)
                records = np.frombuffer(file.read(), dtype=self._kind)
                yield records[np.argsort(records[self._key], kind="stable")]

    @property
    def _key(self) -> str:
        assert self._kind.names
        return self._kind.names[0]


class Column:
    """Numbers written one after another to an unnamed file, and then read from there in place."""

    def __init__(self, kind: npt.DTypeLike, folder: Path) -> None:
        self._kind = np.dtype(kind)
        self._file = _unnamed(folder)
        weakref.finalize(self, self._file.close)

    def append(self, numbers: npt.NDArray[Any]) -> None:
        """Write numbers after those before."""
        _write(self._file, numbers.astype(self._kind, copy=False))

    def mapped(self, *shape: int) -> npt.NDArray[Any]:
        """Return all that was written, read-only; memory holds what is looked at."""
        with self._file:
            if self._file.tell() == 0:
                return np.empty(shape, dtype=self._kind).reshape((0, *shape[1:]))
            return np.memmap(self._file, dtype=self._kind, mode="r").reshape(shape)


def _unnamed(folder: Path) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(dir=folder, buffering=0)
    except OSError as err:
        raise ConfigError(
            f"{folder.name}: no file can be made there; may the process open more than 600?"
        ) from err


def _write(file: IO[bytes], numbers: npt.NDArray[Any]) -> None:
    rest = memoryview(numbers.tobytes())
    try:
        while rest:  # the system may take a part
            rest = rest[file.write(rest) :]
    except OSError as err:
        raise ConfigError("the disk is too full for the rows; see docs/operations.md") from err
