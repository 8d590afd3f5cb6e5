"""A federation of real processes over real TLS: founded as in the simulator, then started."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w

from tests.simulator import CONTRACT, World, WriteLoans, found_world, write_loans

BIN = Path(sys.executable).parent
_LOOK_S = 0.02


@dataclass
class Processes:
    """Partners and a coordinator, each a process; ended by their ids.

    Attributes:
        world: The founded federation.
        nodes: Running partners by name.
    """

    world: World
    nodes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_node(
        self, name: str, *, environment: dict[str, str] | None = None, profile: Path | None = None
    ) -> None:
        """Start a partner's node; its serving is profiled if a file is given for that."""
        config = self.world.folder / name / "partner.toml"
        words = [str(BIN / "fedscore-partner"), "run", "--config", str(config)]
        if profile:
            words = [sys.executable, "-m", "benchmarks.profiled_node", str(profile), *words[1:]]
        self.nodes[name] = self._start(words, name, environment or {})

    def kill_node(self, name: str) -> None:
        """SIGKILL a partner's node."""
        self.nodes[name].send_signal(signal.SIGKILL)
        self.nodes[name].wait()

    def train(self, run: str, *, abandon: str | None = None) -> subprocess.Popen[bytes]:
        """Start a training run, or take it up again if it was begun."""
        config = self.world.server / "server.toml"
        option = "--resume" if self.events(run) else "--name"
        words = ["train", "--config", str(config), option, run]
        return self.start_server(run, *words, *(["--abandon", abandon] if abandon else []))

    def drift(self, run: str, *, epsilon: float) -> subprocess.Popen[bytes]:
        """Start a run that measures drift against the latest release."""
        config = self.world.server / "server.toml"
        words = ["drift", "--config", str(config), "--name", run, "--epsilon", str(epsilon)]
        return self.start_server(run, *words)

    def start_server(self, run: str, *words: str) -> subprocess.Popen[bytes]:
        """Start one of the coordinator's commands for a run."""
        words = (str(BIN / "fedscore-server"), *words)
        process = self._start(words, run, {})
        self.others.append(process)
        return process

    def events(self, run: str) -> list[dict[str, object]]:
        """Return what the run has said so far."""
        path = self.world.server / "runs" / run / "events.jsonl"
        if not path.exists():
            return []
        whole = path.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for(
        self,
        run: str,
        is_there: Callable[[list[dict[str, object]]], bool],
        *,
        within_s: float = 60.0,
    ) -> None:
        """Return once the run's events satisfy ``is_there``; fail loudly if they never do."""
        until = time.monotonic() + within_s
        while not is_there(self.events(run)):
            if time.monotonic() > until:
                raise TimeoutError(f"run {run} said only {self.events(run)}\n{self.said(run)}")
            time.sleep(_LOOK_S)

    def said(self, name: str) -> str:
        """Return what a process printed."""
        return (self.world.folder / f"{name}.log").read_text()

    def stop(self) -> None:
        """End every process that still runs."""
        running = [*self.others, *self.nodes.values()]
        for process in running:
            if process.poll() is None:
                process.terminate()
        for process in running:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(
        self, words: list[str], name: str, environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        quiet = {
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "OMP_NUM_THREADS": "1",
        }
        with (self.world.folder / f"{name}.log").open("ab") as output:
            return subprocess.Popen(
                words,
                env={**os.environ, **quiet, **environment},
                stdout=output,
                stderr=output,
            )


@contextmanager
def real_federation(
    folder: Path,
    *,
    sizes: Collection[int] = (400, 300, 200),
    epsilon_micro: int = 4_000_000,
    run_epsilon_micro: int = 2_000_000,
    settings: dict[str, object] | None = None,
    contract: str = CONTRACT,
    write: WriteLoans = write_loans,
    mode: str | None = None,
) -> Iterator[Processes]:
    """Found a federation and hand out its processes, none of them started; end all afterwards."""
    port = free_port()
    world = found_world(
        folder,
        sizes=sizes,
        epsilon_micro=epsilon_micro,
        run_epsilon_micro=run_epsilon_micro,
        port=port,
        start=False,
        contract=contract,
        write=write,
        mode=mode,
    )
    server = world.server / "server.toml"
    server.write_text(server.read_text() + tomli_w.dumps(settings or {}))
    for number in range(len(sizes)):
        _write_settings(world, f"p{number}", port)
    processes = Processes(world)
    try:
        yield processes
    finally:
        processes.stop()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_settings(world: World, name: str, port: int) -> None:
    settings = {
        "name": name,
        "coordinator": f"127.0.0.1:{port}",
        "data": "loans.parquet",
        "charter": "../server/charter.toml",
        "contract": "../server/contract.toml",
        "ca_cert": "../server/ca.crt",
    }
    (world.folder / name / "partner.toml").write_text(tomli_w.dumps(settings))
