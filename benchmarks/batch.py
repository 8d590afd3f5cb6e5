"""How many rows a second does ``score-file`` score, in how much memory, and how fast is reading?

Files of 22 float32 columns, 8 dictionary columns and a borrower id, zstd Parquet, are generated and
then scored in a process of their own, as the command does from an opened release; beside it, the
same files are only read. Both in turn, as often as asked.

    python -m benchmarks.batch --rows 10000000 --files 4
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_GROUP = 250_000  # rows of a row group
_BINS = 10
_LEVELS = tuple("abcdef")
_BOUNDS = (("0", "250"), ("0", "1.5"), ("0", "200000"))
_LOOK_S = 0.05


def contract_table() -> dict[str, object]:
    """Return a contract of 22 numeric and 8 categorical fields."""
    numeric = [
        {
            "kind": "numeric",
            "unit": "units",
            "low": _BOUNDS[number % 3][0],
            "high": _BOUNDS[number % 3][1],
            "spacing": ("linear", "log")[number % 2],
            **_common(f"number_{number}"),
        }
        for number in range(22)
    ]
    listed = [
        {"kind": "categorical", "levels": list(_LEVELS), **_common(f"level_{number}")}
        for number in range(8)
    ]
    outcome = {"column": "bad", "bad": "1", "good": "0", "definition": "L.", "window_months": 12}
    return {
        "schema": 1,
        "name": "batch",
        "borrower_id": "borrower",
        "currency": "USD",
        "outcome": outcome,
        "fields": numeric + listed,
    }


def _common(name: str) -> dict[str, object]:
    return {
        "name": name,
        "label": name,
        "group": "bureau",
        "computed_from": "own",
        "may_be_missing": True,
        "direction": "none",
        "reason_code": f"R.{name}",
        "reason": "A reason.",
    }


def make_scorecard() -> Any:  # Any: a Scorecard; processes that score do not import torch
    """Return a scorecard of ten bins a field."""
    import torch

    from model.features import Encoding
    from model.link import Link
    from model.scorecard import Scorecard
    from protocols.contracts.features import GRID_CELLS, contract_from_table
    from protocols.contracts.release import Scaling

    contract = contract_from_table(contract_table(), where="benchmark")
    grid = tuple(_BINS * cell // GRID_CELLS for cell in range(GRID_CELLS))
    encoding = Encoding(
        tuple(
            (*grid, _BINS) if field.kind == "numeric" else tuple(range(field.cell_count))
            for field in contract.fields
        )
    )
    drawn = torch.Generator().manual_seed(1)
    weights = torch.randn(encoding.width, dtype=torch.float64, generator=drawn)
    scaling = Scaling(base_points=600, base_odds=50, points_to_double=20)
    return Scorecard(contract, encoding, weights, weights.abs(), Link(), scaling)


def make_scorer(*, has_reasons: bool) -> Any:  # Any: a Scorer, as above
    """Return what scores by that scorecard, checked as one from a release is."""
    from model.evaluator import Evaluator
    from model.parity import check_parity
    from server.batch.work import Scorer

    card = make_scorecard()
    evaluator = Evaluator.of(card)
    check_parity(card, evaluator)
    codes = tuple(field.reason_code for field in card.contract.fields)
    return Scorer(evaluator, card.contract.borrower_id, codes, "00" * 32, has_reasons)


def write_files(folder: Path, *, rows: int, files: int) -> None:
    """Write so many rows into so many files of equal size; those after the first are copies."""
    import pyarrow.parquet as parquet  # here, as above

    folder.mkdir()
    first = folder / "part-0.parquet"
    sizes = [min(_GROUP, rows // files - begun) for begun in range(0, rows // files, _GROUP)]
    tables = (_table(size, seed) for seed, size in enumerate(sizes))
    table = next(tables)
    with parquet.ParquetWriter(first, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        for table in tables:
            writer.write_table(table)
    for number in range(1, files):
        shutil.copy(first, folder / f"part-{number}.parquet")


def _table(rows: int, seed: int) -> Any:
    import pyarrow as pa

    draw = np.random.default_rng(seed)
    columns = {"borrower": pa.array(np.arange(rows) + seed * _GROUP)}
    for number in range(22):
        scale = float(_BOUNDS[number % 3][1]) / 4
        values = draw.gamma(2, scale, rows).astype(np.float32)
        columns[f"number_{number}"] = pa.array(values, mask=draw.random(rows) < 0.05)
    for number in range(8):
        places = pa.array(draw.integers(0, 6, rows, dtype=np.int32), mask=draw.random(rows) < 0.02)
        columns[f"level_{number}"] = pa.DictionaryArray.from_arrays(places, list(_LEVELS))
    return pa.table(columns)


class Took(NamedTuple):
    """Seconds, seconds of processors, and the most MiB that a process and its own held."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


class _Silent:
    def advance(self, rows: int) -> None: ...
    def show(self, outcome: object) -> None: ...


def scored(folder: Path, target: Path, *, engine: str, workers: int, reasons: bool) -> str:
    """Score a folder in this process; say seconds from opened release to finished files."""
    from server.batch.engines import find_engine
    from server.batch.run import score_files

    scorer = make_scorer(has_reasons=reasons)
    found = find_engine(engine, workers=workers, address=None)
    begun = _now()
    summary = score_files(
        folder,
        target,
        scorer,
        engine=found,
        make_view=lambda files: contextlib.nullcontext(_Silent()),
    )
    assert not summary.failed
    return _since(begun)


def read_only(folder: Path) -> str:
    """Read all columns of a folder with all cores; say seconds."""
    from server.batch.sources import find_sources, read_parts

    names = ["borrower", *(str(field["name"]) for field in _fields())]
    begun = _now()
    for source in find_sources(folder):
        for _ in read_parts(source, names, listed=[], is_alone=True):
            pass
    return _since(begun)


def _now() -> tuple[float, float]:
    """Return seconds, and seconds of processors of this process and those that it started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in used)


def _since(begun: tuple[float, float]) -> str:
    return " ".join(str(now - then) for now, then in zip(_now(), begun, strict=True))


def _fields() -> list[dict[str, object]]:
    fields: Any = contract_table()["fields"]
    return list(fields)


def in_own_process(words: list[str]) -> Took:
    """Run this file as a process that does nothing else, and return what it took."""
    command = [sys.executable, "-m", "benchmarks.batch", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with process, _peak_of(process.pid) as peak:
        printed, _ = process.communicate()
    if process.returncode:
        raise SystemExit(process.returncode)
    seconds, cpu_seconds = map(float, printed.split())
    return Took(seconds, cpu_seconds, max(peak))


@contextlib.contextmanager
def _peak_of(process: int) -> Iterator[list[float]]:
    """Look now and then how much memory a process and its children hold together."""
    seen, stop = [0.0], threading.Event()

    def look() -> None:
        while not stop.wait(_LOOK_S):
            seen.append(sum(map(_resident, [process, *_children(process)])))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _children(process: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):  # it may have ended
        for path in Path(f"/proc/{process}/task").glob("*/children"):
            found += map(int, path.read_text().split())
    return found + [below for one in found for below in _children(one)]


def _resident(process: int) -> float:
    """MiB of a process; of what it shares with others, its share."""
    with contextlib.suppress(OSError, IndexError):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 2**10
    return 0.0


def _print(name: str, values: list[float], unit: str, setting: dict[str, object]) -> None:
    digits = 2 if unit == "M rows/s" else 0
    line = {
        "name": name,
        "value": round(statistics.median(values), digits),
        "unit": unit,
        "n": len(values),
        "lowest": round(min(values), digits),
        "highest": round(max(values), digits),
        "setting": setting,
    }
    print(json.dumps(line), flush=True)


def measure(folder: Path, asked: argparse.Namespace) -> None:
    """Generate, measure in turn, and print JSON lines."""
    rows = asked.rows // asked.files * asked.files
    write_files(folder / "loans", rows=rows, files=asked.files)
    words = [f"--engine={asked.engine}", f"--workers={asked.workers}"]
    words += ["--reasons"] if asked.reasons else []
    reading, scoring = [], []
    for number in range(asked.times):
        reading.append(in_own_process(["--read", str(folder / "loans")]))
        target = folder / f"scores-{number}"
        scoring.append(in_own_process(["--score", str(folder / "loans"), str(target), *words]))
        shutil.rmtree(target)
    setting = {
        "rows": rows,
        "files": asked.files,
        "megabytes": round(sum(path.stat().st_size for path in (folder / "loans").iterdir()) / 1e6),
        "engine": asked.engine,
        "workers": asked.workers,
        "reasons": asked.reasons,
        "load": round(os.getloadavg()[0], 1),
    }
    for name, took in (("score-file", scoring), ("reading alone", reading)):
        _print(name, [rows / one.seconds / 1e6 for one in took], "M rows/s", setting)
        _print(f"{name}, CPU", [one.cpu_seconds / rows * 1e9 for one in took], "ns/row", setting)
    _print("score-file, peak memory", [one.peak_mib for one in scoring], "MiB", setting)


def main() -> None:
    """Measure and print, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--reasons", action="store_true")
    parser.add_argument("--score", nargs=2, type=Path, help="score this folder, in this process")
    parser.add_argument("--read", type=Path, help="read this folder, in this process")
    asked = parser.parse_args()
    if asked.read:
        print(read_only(asked.read))
    elif asked.score:
        options = {"engine": asked.engine, "workers": asked.workers, "reasons": asked.reasons}
        print(scored(*asked.score, **options))
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), asked)


if __name__ == "__main__":
    main()
