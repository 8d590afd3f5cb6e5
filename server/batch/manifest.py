"""The manifest of a folder of scores: one line of JSON for each finished file."""

import os
from dataclasses import dataclass
from pathlib import Path

from protocols.errors import ConfigError, EntryError
from protocols.ledger.codec import decode, encode
from server.batch.output import sync_folder
from server.batch.sources import Source
from server.batch.work import Done, Scorer

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Line:
    """A file that was scored.

    Attributes:
        source: Its name within the folder that was given.
        source_size: Its bytes.
        source_modified_ns: When it was last changed, as decimal text.
        rows: Its rows.
        release: Digest of the release, hex.
        has_reasons: Whether reason codes were written.
        scores: Name of the file of scores.
        scores_size: Its bytes.
        scores_digest: Their SHA-256, hex.
    """

    source: str
    source_size: int
    source_modified_ns: str
    rows: int
    release: str
    has_reasons: bool
    scores: str
    scores_size: int
    scores_digest: str


class Manifest:
    """What a folder of scores holds; one process at a time opens it, and holds its lock."""

    def __init__(self, folder: Path) -> None:
        """Read a folder's manifest, or begin one.

        Raises:
            ConfigError: It is damaged, or the folder holds something else.
        """
        self._path = folder / MANIFEST
        if not self._path.exists():
            _check_empty(folder)
            self._path.touch()
            sync_folder(folder)
        self._lines = self._read()

    def check(self, scorer: Scorer) -> None:
        """Raise ``ConfigError`` unless all that was scored was by this release, and as is asked."""
        for line in self._lines.values():
            if line.release != scorer.release:
                raise ConfigError(
                    f"{self._path.parent.name}: holds scores of release {line.release}, not "
                    f"{scorer.release}; choose another folder"
                )
            if line.has_reasons != scorer.has_reasons:
                said = "with" if line.has_reasons else "without"
                raise ConfigError(
                    f"{self._path.parent.name}: holds scores {said} --reasons; choose another "
                    "folder, or ask for the same"
                )

    def holds(self, source: Source) -> bool:
        """Return whether a file was scored as it is now, and its scores are still there."""
        line = self._lines.get(source.name)
        if line is None:
            return False
        scores = self._path.parent / line.scores
        return (
            (line.source_size, line.source_modified_ns) == (source.size, str(source.modified_ns))
            and scores.is_file()
            and scores.stat().st_size == line.scores_size
        )

    def add(self, done: Done, scorer: Scorer) -> None:
        """Write down, on disk, that a file was scored; its scores are on disk already."""
        line = Line(
            source=done.source.name,
            source_size=done.source.size,
            source_modified_ns=str(done.source.modified_ns),
            rows=done.rows,
            release=scorer.release,
            has_reasons=scorer.has_reasons,
            scores=done.source.target,
            scores_size=done.size,
            scores_digest=done.digest,
        )
        self._lines[line.source] = line
        with self._path.open("ab") as file:
            file.write(encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> dict[str, Line]:
        raw = self._path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if whole != raw:  # the line that was being written when the machine went down
            os.truncate(self._path, len(whole))
        lines: dict[str, Line] = {}
        for number, text in enumerate(whole.splitlines(), start=1):
            try:
                line = decode(Line, text)
            except EntryError as err:
                raise ConfigError(f"{MANIFEST}, line {number}: {err}") from err
            lines[line.source] = line
        return lines


def _check_empty(folder: Path) -> None:
    if any(not path.name.endswith(".lock") for path in folder.iterdir()):
        raise ConfigError(f"{folder.name}: is not empty and has no {MANIFEST}; choose another")
