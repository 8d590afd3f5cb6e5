"""The log's SQLite file as another process reads it while the coordinator writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from protocols.errors import ConfigError, ScoringError

_BUSY_S = 1.0  # in WAL mode readers wait for nobody, but for a recovery after a crash


class LogUnavailableError(ScoringError):
    """The log's file cannot be read now; to ask again is safe."""

    exit_code = 5


class ReadOnlyLogStore:
    """A log's leaves and latest note. Its connection cannot write, whatever it is told."""

    def __init__(self, path: Path) -> None:
        """Open the file, which must be there.

        Raises:
            ConfigError: It is not there, cannot be opened, or holds no log.
        """
        try:
            address = f"file:{quote(str(path.absolute()))}?mode=ro"
            self._database = sqlite3.connect(
                address, uri=True, isolation_level=None, timeout=_BUSY_S
            )
            self._database.execute("SELECT position, leaf FROM leaves LIMIT 1").fetchall()
            self.note()
        except (sqlite3.Error, LogUnavailableError) as err:
            raise ConfigError(f"{path.name}: there is no log here yet, or no right to it") from err

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state of the file while the block is open, whatever is written meanwhile.

        Raises:
            LogUnavailableError: It cannot be read.
        """
        with _translated():
            self._database.execute("BEGIN")
            try:
                yield
            finally:
                self._database.execute("ROLLBACK")

    def note(self) -> str | None:
        """Return the latest note; None if there is none yet."""
        with _translated():
            row = self._database.execute("SELECT note FROM checkpoints").fetchone()
        return None if row is None else str(row[0])

    def witnessed(self) -> str | None:
        """Return the last note that a quorum has cosigned; None if there is none yet."""
        with _translated():
            row = self._database.execute("SELECT note FROM witnessed").fetchone()
        return None if row is None else str(row[0])

    def leaves(self, first: int, stop: int) -> Iterator[bytes]:
        """Return the leaves from ``first`` up to, without, ``stop``; fewer if there are not."""
        with _translated():
            for position, leaf in self._database.execute(
                "SELECT position, leaf FROM leaves WHERE position >= ? AND position < ?"
                " ORDER BY position",
                (first, stop),
            ):
                if position != first:
                    return  # a gap: what follows is not what it seems
                yield bytes(leaf)
                first += 1

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as err:
        raise LogUnavailableError("the log's file cannot be read now") from err
