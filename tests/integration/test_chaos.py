"""SIGKILL of a partner and of the coordinator at random moments: the run ends, the log is true."""

from pathlib import Path

import pytest

from benchmarks.chaos import trial


@pytest.mark.parametrize("seed", [1, 3])  # one kills the ServerApp, the other all of ``train``
def test_a_run_survives_random_kills(tmp_path: Path, seed: int) -> None:
    result = trial(tmp_path, seed)
    assert result.has_survived, result
    assert result.resumes > 0
