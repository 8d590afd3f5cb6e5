"""Files of borrowers to score, and a release to score them by.

``python -m tests.unit.server.batch.world SRC DST WORKERS`` scores as the command does, from
``make_release``, so that a test can kill it.
"""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from server.batch.engines import find_engine
from server.batch.run import Summary, View, score_files
from server.batch.work import Outcome, Scorer

BORROWER = "borrower"


def make_scorer(seed: int = 1, *, has_reasons: bool = False) -> Scorer:
    """Return what scores by ``make_release``."""
    from server.batch.run import scorer_of
    from tests.unit.server.serving.world import make_release  # here: processes need no torch

    return scorer_of(make_release(seed), has_reasons=has_reasons)


def make_table(rows: int, *, seed: int = 1) -> Any:  # Any: Arrow is untyped
    """Return borrowers with every kind of value, and columns that no scorecard may see."""
    draw = np.random.default_rng(seed)
    levels = pa.array(["own", "rent", "mortgage", "boat", " own ", ""])
    places = pa.array(draw.integers(0, 6, rows).astype(np.int8), mask=draw.random(rows) < 0.05)
    income = draw.gamma(2, 30_000, rows).astype(np.float32)
    inquiries = draw.choice([-9.0, 0.0, 1.0, 2.5, 40.0, np.nan, np.inf], rows)
    return pa.table(
        {
            "secret": pa.array([f"name {row}" for row in range(rows)]),
            "term": pa.array(draw.choice(["36 months", "60 months", "5"], rows)),
            BORROWER: pa.array([f"b{seed}-{row}" for row in range(rows)]),
            "income": pa.array(income, mask=draw.random(rows) < 0.1),
            "utilisation": pa.array(draw.random(rows) * 2),
            "inquiries": pa.array(inquiries),
            "home": pa.DictionaryArray.from_arrays(places, levels),
        }
    )


def write_parquet(path: Path, table: Any, *, group: int = 1_000) -> Path:
    """Write a table in row groups of so many rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(table, path, row_group_size=group)
    return path


def write_csv(path: Path, table: Any) -> Path:
    """Write a table as text."""
    texts = {name: table[name].cast(pa.string()) for name in table.column_names}
    pa.csv.write_csv(pa.table(texts), path)
    return path


class Seen:
    """A view that remembers."""

    def __init__(self) -> None:
        self.files = 0
        self.rows = 0
        self.outcomes: list[Outcome] = []

    def advance(self, rows: int) -> None:
        self.rows += rows

    def show(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def of(self, files: int) -> AbstractContextManager[View]:
        self.files = files
        return contextlib.nullcontext(self)


def score(
    given: Path,
    folder: Path,
    scorer: Scorer,
    *,
    workers: int = 1,
    engine: str = "local",
    seen: Seen | None = None,
) -> Summary:
    """Score as the command does."""
    found = find_engine(engine, workers=workers, address=None)
    return score_files(given, folder, scorer, engine=found, make_view=(seen or Seen()).of)


def read_scores(path: Path) -> list[dict[str, Any]]:
    """Return a file of scores, row by row."""
    rows: list[dict[str, Any]] = pa.parquet.read_table(path).to_pylist()
    return rows


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return every file of scores by name, and the manifest's lines in order of their names."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in _files(folder)}
    lines = sorted(found["manifest.jsonl"].splitlines(keepends=True))
    return {**found, "manifest.jsonl": b"".join(lines)}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def main(words: Sequence[str]) -> None:
    """Score; slowly enough to be killed midway."""
    score(Path(words[0]), Path(words[1]), make_scorer(), workers=int(words[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
