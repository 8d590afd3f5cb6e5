"""SIGKILL of a partner and of the coordinator at random moments: the run ends, the log is true."""

from pathlib import Path

from benchmarks.chaos import trial


def test_a_run_survives_random_kills(tmp_path: Path) -> None:
    result = trial(tmp_path, seed=3)  # ``train`` in the 18th round, a partner in the 19th
    assert result.has_survived, result
    assert result.resumes > 0
