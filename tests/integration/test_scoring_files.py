"""Scoring that is killed midway, and then asked for again, leaves what one run would have left."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.server.batch.world import (
    bytes_of,
    make_scorer,
    make_table,
    score,
    write_parquet,
)

FILES = 24
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scoring") / "loans"
    first = write_parquet(folder / "0.parquet", make_table(100_000), group=20_000)
    for number in range(1, FILES):
        shutil.copy(first, folder / f"{number}.parquet")
    return folder


def _start(loans: Path, folder: Path, workers: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.unit.server.batch.world"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*words, str(loans), str(folder), str(workers)], env=environment)


def _wait_for_a_line(process: subprocess.Popen[bytes], manifest: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not (manifest.exists() and manifest.stat().st_size):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.001)


def _children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(word) for word in path.read_text().split()]


def _is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # ended, though nobody has asked how


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on_where_it_ended(workers: int, loans: Path, tmp_path: Path) -> None:
    scorer = make_scorer()
    score(loans, tmp_path / "once", scorer)
    process = _start(loans, tmp_path / "out", workers)
    _wait_for_a_line(process, tmp_path / "out" / "manifest.jsonl")
    children = _children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    end = time.monotonic() + PATIENCE_S
    while any(map(_is_running, children)):  # nobody goes on to write for one who is gone
        assert time.monotonic() < end
        time.sleep(0.01)
    whole = {path.name for path in (tmp_path / "out").glob("[0-9]*.parquet")}
    assert 0 < len(whole) < FILES
    once = bytes_of(tmp_path / "once")
    for name in whole:  # what has its name is whole, also what was begun is not there
        assert (tmp_path / "out" / name).read_bytes() == once[name]
    summary = score(loans, tmp_path / "out", scorer, workers=workers)
    assert 0 < summary.done_before < FILES
    assert summary.files + summary.done_before == FILES
    assert bytes_of(tmp_path / "out") == once
