"""Whoever does the work, the same function does it; an engine that is absent is named."""

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from protocols.errors import ConfigError
from server.batch import engines
from server.batch.engines import find_engine
from server.batch.work import Job, Scorer
from tests.unit.server.batch.world import (
    bytes_of,
    make_scorer,
    make_table,
    score,
    write_parquet,
)

SCORER = make_scorer()


@pytest.fixture
def loans(tmp_path: Path) -> Path:
    for number in range(3):
        write_parquet(tmp_path / "loans" / f"{number}.parquet", make_table(200, seed=number))
    (tmp_path / "loans" / "3.parquet").write_bytes(b"no file")
    return tmp_path / "loans"


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_an_engine_that_is_not_installed_is_named(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = builtins.__import__

    def absent(name: str, *rest: Any, **options: Any) -> Any:
        if name.partition(".")[0] == engine:
            raise ModuleNotFoundError(f"No module named {name!r}", name=engine)
        return true(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigError, match=rf"needs {engine}: pip install .*batch-{engine}"):
        find_engine(engine, workers=1, address=None)


@pytest.mark.parametrize(("name", "address"), [("spark", None), ("local", "tcp://host:1")])
def test_an_engine_that_is_none_is_refused(name: str, address: str | None) -> None:
    with pytest.raises(ConfigError, match="--engine"):
        find_engine(name, workers=1, address=address)


def test_dask_leaves_the_same_bytes_as_a_process_here(loans: Path, tmp_path: Path) -> None:
    here = score(loans, tmp_path / "here", SCORER)
    dask = score(loans, tmp_path / "dask", SCORER, workers=1, engine="dask")
    assert dask == here
    assert len(dask.failed) == 1
    assert bytes_of(tmp_path / "dask") == bytes_of(tmp_path / "here")


class FakeRay:
    """What ``score_with_ray`` uses of Ray, done at once, last first."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.is_open = False

    def init(self, **options: Any) -> None:
        self.said, self.is_open = options, True

    def put(self, value: Any) -> Any:
        return value

    def remote(self, function: Any) -> Any:
        return type("Remote", (), {"remote": staticmethod(lambda *given: function(*given))})

    def wait(self, waiting: list[Any]) -> tuple[list[Any], list[Any]]:
        return waiting[-1:], waiting[:-1]

    def get(self, ready: list[Any]) -> list[Any]:
        return ready

    def shutdown(self) -> None:
        self.is_open = False


@pytest.mark.parametrize(
    ("address", "said"),
    [(None, {"num_cpus": 2, "include_dashboard": False}), ("host:1", {"address": "host:1"})],
)
def test_ray_is_asked_for_one_task_a_file(
    address: str | None, said: dict[str, Any], loans: Path, tmp_path: Path
) -> None:
    ray = FakeRay()
    jobs = _jobs(loans, tmp_path / "ray")
    done = list(engines.score_with_ray(ray, 2, address, jobs, SCORER, advance=lambda _: None))
    assert [outcome.source for outcome in done] == [job.source for job in reversed(jobs)]
    assert ray.said == {"log_to_driver": False, **said}
    assert not ray.is_open


def test_ray_is_used_where_it_is_installed(
    loans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", FakeRay())
    ray = score(loans, tmp_path / "ray", SCORER, engine="ray")
    assert ray == score(loans, tmp_path / "here", SCORER)
    assert bytes_of(tmp_path / "ray") == bytes_of(tmp_path / "here")


def _jobs(loans: Path, folder: Path) -> list[Job]:
    from server.batch.sources import find_sources

    return [Job(source, folder / source.target) for source in find_sources(loans)]


class Dying:
    """Ends the process that unpickles it, as want of memory would."""

    def __reduce__(self) -> Any:
        import os

        return os._exit, (9,)


def test_a_process_that_dies_is_said(loans: Path, tmp_path: Path) -> None:
    deadly: Scorer = Dying()  # type: ignore[assignment]  # that it is none is the point
    with pytest.raises(ConfigError, match="a process that scored died"):
        list(
            engines.score_locally(_jobs(loans, tmp_path), deadly, workers=2, advance=lambda _: None)
        )


def test_processes_that_score_load_no_torch() -> None:
    code = "import sys, server.batch.work; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
