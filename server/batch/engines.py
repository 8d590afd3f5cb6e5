"""Who scores files: processes of this machine, or workers of Dask or Ray; all call ``attempt``."""

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Literal, Protocol

from protocols.errors import ConfigError
from server.batch.work import Advance, Job, Outcome, Scorer, attempt

EngineName = Literal["local", "dask", "ray"]


class Engine(Protocol):
    """Scores files in any order and yields each outcome when it is there."""

    def __call__(
        self, jobs: Sequence[Job], scorer: Scorer, *, advance: Advance
    ) -> Iterator[Outcome]: ...


def find_engine(name: str, *, workers: int, address: str | None) -> Engine:
    """Return an engine.

    Args:
        name: local, dask or ray.
        workers: Files at once, where the engine is started here.
        address: A running Dask scheduler or Ray cluster, whose machines see the same files; it
            decides itself how many files at once.

    Raises:
        ConfigError: There is no such engine, or it is not installed.
    """
    if name == "local":
        if address is not None:
            raise ConfigError("--address: is for --engine dask and ray")
        return functools.partial(score_locally, workers=workers)
    if name == "dask":
        return functools.partial(score_with_dask, _imported("dask"), workers, address)
    if name == "ray":
        return functools.partial(score_with_ray, _imported("ray"), workers, address)
    raise ConfigError("--engine: expected local, dask or ray")


def score_locally(
    jobs: Sequence[Job], scorer: Scorer, *, workers: int, advance: Advance
) -> Iterator[Outcome]:
    """Score files in a pool of processes, or one file here, decoded by all cores.

    Raises:
        ConfigError: A process died.
    """
    workers = min(workers, len(jobs))
    if workers <= 1:
        for job in jobs:
            yield attempt(job, scorer, is_alone=True, advance=advance)
        return
    # Spawned: a fork would copy locks that threads of this process hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        futures = [pool.submit(attempt, job, scorer) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as err:
            raise ConfigError(
                "a process that scored died, perhaps for want of memory; run again with fewer "
                "--workers"
            ) from err
        finally:
            pool.shutdown(cancel_futures=True)


def score_with_dask(
    dask: Any,  # the module, which has no types
    workers: int,
    address: str | None,
    jobs: Sequence[Job],
    scorer: Scorer,
    *,
    advance: Advance,
) -> Iterator[Outcome]:
    """Score files as tasks of Dask, one each, on a cluster or on one that is made here."""
    with contextlib.ExitStack() as opened:
        # Under TLS with keys of its own: who reaches a scheduler's port can run code on it.
        cluster = address or opened.enter_context(
            dask.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, security=True
            )
        )
        client = opened.enter_context(dask.Client(cluster))
        futures = client.map(functools.partial(attempt, scorer=scorer), jobs, pure=False)
        for future in dask.as_completed(futures):
            yield future.result()


def score_with_ray(
    ray: Any,  # the module, whose types need it installed
    workers: int,
    address: str | None,
    jobs: Sequence[Job],
    scorer: Scorer,
    *,
    advance: Advance,
) -> Iterator[Outcome]:
    """Score files as tasks of Ray, one each, on a cluster or on one that is made here."""
    local = {"num_cpus": workers, "include_dashboard": False}
    ray.init(log_to_driver=False, **({"address": address} if address else local))
    try:
        shared = ray.put(scorer)
        remote = ray.remote(attempt)
        waiting = [remote.remote(job, shared) for job in jobs]
        while waiting:
            ready, waiting = ray.wait(waiting)
            yield from ray.get(ready)
    finally:
        ray.shutdown()


def _imported(name: str) -> Any:  # Any: a module
    try:
        if name == "dask":
            import dask.distributed

            return dask.distributed
        import ray
    except ModuleNotFoundError as err:
        raise ConfigError(
            f'--engine {name} needs {err.name}: pip install --editable ".[server,batch-{name}]"'
        ) from err
    return ray


def _end_with_parent() -> None:
    """Make this process end when the one that started it does, however that ends."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
