"""Orders and replies over a real SuperLink, a real ServerApp and real node processes."""

import contextlib
import http.client
import json
import logging
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from clients.partner.runner import run_node
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import RoundError
from server.bundle import build_bundle
from server.link import Link, LinkSettings, RunState
from tests.integration.flower import node
from tests.integration.flower.coordinator import ECHO_APP
from tests.integration.flower.keys import write_node_key, write_tls

ROOT = Path(__file__).resolve().parents[2]
PARTNERS = ("east", "north", "west")
PATIENCE_S = 30.0  # for a machine that does other things too


class World:
    """Three partners' node processes and a coordinator that can be restarted in its place."""

    def __init__(self, home: Path) -> None:
        self.home = home
        write_tls(home)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.settings = LinkSettings(
            home=home / "link",
            server_cert=home / "server.pem",
            server_key=home / "server.key",
            nodes={name: write_node_key(home / name) for name in PARTNERS},
            public_port=port,
        )
        self.link = Link(self.settings)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_node(self, name: str) -> None:
        address = f"127.0.0.1:{self.settings.public_port}"
        self.processes[name] = _python(
            "tests.integration.flower.node", address, str(self.home / name), out=self.log(name)
        )

    def log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def sessions(self, name: str) -> int:
        return self.log(name).read_text().count("connected")

    def orders(self, name: str) -> list[str]:
        seen = self.home / name / "orders"
        return seen.read_text().splitlines() if seen.exists() else []

    def run(self, name: str, exchanges: Sequence[str]) -> int:
        plan = _plan(self.home / f"{name}.json", exchanges, out=self.home / f"{name}.out")
        return self.link.start_run(
            name, config=plan, bundle=build_bundle(ECHO_APP, packages=("echo",))
        )

    def result(self, name: str, run_id: int) -> tuple[RunState, list[dict[str, dict[str, str]]]]:
        _wait(lambda: self.link.run_state(run_id).is_finished)
        out = self.home / f"{name}.out"
        lines = out.read_text().splitlines() if out.exists() else []
        return self.link.run_state(run_id), [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("federation"))
    for name in PARTNERS:
        made.start_node(name)  # before the coordinator: they have to wait for it
    try:
        with contextlib.ExitStack() as stack:
            made.link = stack.enter_context(Link(made.settings))
            stack.callback(lambda: made.link.__exit__(None, None, None))
            _wait(lambda: made.link.online() == set(PARTNERS))
            yield made
    finally:
        for process in made.processes.values():
            process.terminate()
        assert [process.wait(PATIENCE_S) for process in made.processes.values()] == [0, 0, 0]


@pytest.fixture
def trust(world: World) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(world.home / "ca.pem"))


@pytest.fixture
def client(world: World, trust: ssl.SSLContext) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"https://{world.link.public_address}", verify=trust) as made:
        yield made


def test_partners_answer_and_a_refusal_or_fault_only_leaves_that_partner_out(world: World) -> None:
    run_id = world.run("plain", ["", "x" * 300_000, "refuse north", "fault west"])
    with pytest.raises(RoundError, match="active already"):
        world.run("second", [])
    state, lines = world.result("plain", run_id)
    assert state == RunState(is_finished=True, is_completed=True, details="")
    assert lines[0]["answers"] == {name: f"{name} plain/0" for name in PARTNERS}
    assert lines[1]["vectors"] == dict.fromkeys(PARTNERS, 300_000)
    assert set(lines[2]["answers"]) == {"east", "west"}
    assert set(lines[3]["answers"]) == {"east", "north"}
    assert "17 holds" not in world.log("west").read_text()
    assert world.link.online() == set(PARTNERS)


def test_a_failing_serverapp_is_seen_and_the_next_run_starts(world: World) -> None:
    bundle = build_bundle(ECHO_APP, packages=("echo",))
    run_id = world.link.start_run("lost", config=world.home / "missing.json", bundle=bundle)
    state, _ = world.result("lost", run_id)
    assert state.is_finished
    assert not state.is_completed
    assert "missing.json" in state.details


@pytest.mark.parametrize(
    "path",
    [
        "/v1/control/list-runs",
        "/v1/control/start-run",
        "/v1/runtime/acquire-task",
        "/v1/runtime/pull-messages",
        "/v1/fleet/../control/list-runs",
        "/v1/fleet/%2e%2e/control/list-runs",
        "//v1/control/list-runs",
        "/docs",
        "/openapi.json",
        "/health",
        "/v1/fleet",
    ],
)
def test_public_listener_knows_the_fleet_api_only(client: httpx.Client, path: str) -> None:
    target = httpx.URL(f"{client.base_url}").copy_with(raw_path=path.encode())
    assert client.post(target).status_code == 404
    assert client.get(target).status_code in (404, 411)


def test_public_listener_refuses_strangers_and_bodies_that_cannot_be_messages(
    world: World, client: httpx.Client, trust: ssl.SSLContext
) -> None:
    kind = {"content-type": "application/protobuf"}
    pull = "/v1/fleet/pull-messages"
    assert client.post(pull, headers=kind, content=b"").status_code == 401
    assert client.post(pull, headers=kind, content=iter([b"no", b"length"])).status_code == 411
    host, port = world.link.public_address.split(":")
    raw = http.client.HTTPSConnection(host, int(port), context=trust, timeout=PATIENCE_S)
    with contextlib.closing(raw):
        raw.putrequest("POST", pull)
        raw.putheader("content-length", str(10**9))
        raw.endheaders()
        assert raw.getresponse().status == 413


def test_loopback_gives_neither_control_nor_tasks_to_other_programs(world: World) -> None:
    kind = {"content-type": "application/protobuf"}
    with httpx.Client(base_url=f"http://{world.link.loopback_address}", headers=kind) as client:
        assert client.post("/v1/control/list-runs", content=b"").status_code == 404
        guess = {"x-fedscore-secret": b"\xe9" * 64}
        assert client.post("/v1/control/start-run", headers=guess).status_code == 404
        assert client.get("/docs").status_code == 404
        assert client.post("/v1/runtime/acquire-task", content=b"").status_code == 401
        assert client.post("/v1/runtime/get-nodes", content=b"").status_code == 401


def test_unregistered_key_is_refused_and_says_so_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = world.home / "stranger"
    write_node_key(stranger)
    stop, asked = threading.Event(), []

    def answer(delivery: Delivery) -> Reply:
        asked.append(delivery)
        raise AssertionError("a stranger was asked")

    threading.Timer(2.0, stop.set).start()
    with caplog.at_level(logging.WARNING, logger="clients.partner.runner"):
        run_node(node.settings(world.link.public_address, stranger), answer, stop=stop)
    assert not asked
    assert [record.message for record in caplog.records].count("coordinator not available") == 1


def test_killed_node_gets_the_same_order_again_after_its_restart(world: World) -> None:
    run_id = world.run("killed", ["stall north", ""])
    _wait(lambda: "killed/0" in world.orders("north"))
    world.processes["north"].kill()
    world.processes["north"].wait()
    before, began = world.sessions("north"), time.monotonic()
    world.start_node("north")
    _wait(lambda: world.sessions("north") > before)
    assert time.monotonic() - began < 15.0  # the SuperLink's own patience would be 20 s or more
    state, lines = world.result("killed", run_id)
    assert state.is_completed
    assert [set(line["answers"]) for line in lines] == [set(PARTNERS)] * 2
    assert lines[1]["answers"]["north"] == "north killed/1"
    assert world.orders("north").count("killed/0") == 2
    assert statistics.median(world.orders(name).count("killed/1") for name in PARTNERS) == 1


def test_nodes_come_back_when_the_coordinator_restarts(world: World) -> None:
    before = {name: world.sessions(name) for name in PARTNERS}
    world.link.__exit__(None, None, None)
    world.link = Link(world.settings).__enter__()
    _wait(lambda: world.link.online() == set(PARTNERS))
    # The coordinator knows of a session a moment before its node has said so.
    _wait(lambda: all(world.sessions(name) == before[name] + 1 for name in PARTNERS))
    run_id = world.run("again", [""])
    state, lines = world.result("again", run_id)
    assert state.is_completed
    assert set(lines[0]["answers"]) == set(PARTNERS)


def test_no_process_outlives_the_coordinator(tmp_path: Path) -> None:
    write_tls(tmp_path)
    plan = _plan(tmp_path / "plan.json", [""], out=tmp_path / "out")
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    coordinators: dict[signal.Signals, subprocess.Popen[bytes]] = {}
    for number in signals:
        (home := tmp_path / number.name).mkdir()
        module = "tests.integration.flower.coordinator"
        coordinators[number] = _python(module, str(home), str(plan), out=tmp_path / "log")
    try:
        for number in signals:
            _wait((tmp_path / number.name / "started").exists)
        children = [_children(process.pid) for process in coordinators.values()]
        assert [len(pids) for pids in children] == [1, 1, 1]
    finally:
        for number, process in coordinators.items():
            process.send_signal(number)
    codes = [process.wait(PATIENCE_S) for process in coordinators.values()]
    assert codes == [-signal.SIGINT, 128 + signal.SIGTERM, -signal.SIGKILL]
    _wait(lambda: not any(_is_running(pid) for pids in children for pid in pids))


def _plan(path: Path, exchanges: Sequence[str], *, out: Path) -> Path:
    plan = {
        "exchanges": list(exchanges),
        "out": str(out),
        "deadline_s": PATIENCE_S,
        "repush_after_s": 2.0,
    }
    path.write_text(json.dumps(plan))
    return path


def _python(module: str, *args: str, out: Path) -> subprocess.Popen[bytes]:
    with out.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *args], cwd=ROOT, stdout=log, stderr=log
        )


def _wait(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    """Return the ids of a process's children, as Linux tells them."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
