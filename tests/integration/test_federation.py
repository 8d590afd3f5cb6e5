"""Three partners, a SuperLink, a ServerApp: real processes over TLS, also when some are killed."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.partner.budget import BudgetBook
from protocols.contracts.charter import load_charter_model
from protocols.ledger.keyfile import load_keys
from server.config import load_settings
from server.purpose import report_path
from server.registry import Registry
from server.renewal import adopt
from tests.processes import Processes, real_federation

NAMES = ("p0", "p1", "p2")
RUN_S = 120.0  # a run takes a few seconds; a busy machine is slower, also to start a node again


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Nodes that stay up from run to run, as at real partners."""
    folder = tmp_path_factory.mktemp("federation")
    with real_federation(
        folder,
        epsilon_micro=20_000_000,
        settings={"deadline_s": RUN_S / 2, "connect_s": 60.0},
    ) as processes:
        for name in NAMES:
            processes.start_node(name)
        yield processes


def rounds(count: int) -> object:
    """Return a condition: at least ``count`` rounds are done."""
    return lambda events: sum(event["event"] == "round" for event in events) >= count


def children_of(pid: int) -> list[int]:
    """Return the processes that a process started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def is_running(pid: int) -> bool:
    """Say whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def spends_in_book(processes: Processes, name: str) -> int:
    """Return how many attempts a partner's own book says were paid for."""
    home = processes.world.folder / name
    _, terms = load_charter_model(processes.world.server / "charter.toml")
    key = load_keys(home / "keys", "identity")[-1]
    book = BudgetBook(home / "budget.sqlite", name=name, key=key, terms=terms)
    try:
        return book.spends
    finally:
        book.close_file()


def assert_honest(processes: Processes) -> None:
    """The auditor has nothing to say, and every book says what the log says."""
    audit = processes.world.audit()
    assert audit.findings == ()
    for row in audit.partners:
        assert row.spends == spends_in_book(processes, row.name)


def test_three_partners_train_and_the_release_is_proven(federation: Processes) -> None:
    training = federation.train("honest")
    assert training.wait(timeout=RUN_S) == 0, federation.said("honest")
    _, terms = load_charter_model(federation.world.server / "charter.toml")
    release = Registry(federation.world.server / "releases", terms).open()
    assert release.manifest.run == "honest"
    assert [item.partner for item in release.manifest.privacy] == list(NAMES)
    assert_honest(federation)


def test_drift_is_measured_over_real_connections_and_paid_for(federation: Processes) -> None:
    before = spends_in_book(federation, "p0")
    measuring = federation.drift("this-month", epsilon=0.5)
    assert measuring.wait(timeout=RUN_S) == 0, federation.said("this-month")
    assert "Population stability index" in federation.said("this-month")
    report = json.loads(report_path(federation.world.server / "runs" / "this-month").read_text())
    assert {part["verdict"] for part in report["parts"]} == {"unclear"}  # nobody has a file of them
    assert spends_in_book(federation, "p0") == before + 1
    assert_honest(federation)
    assert federation.train("this-month").wait(timeout=RUN_S) == 2
    assert "complete" in federation.said("this-month")


def test_a_partner_killed_in_a_round_comes_back_and_the_run_ends(federation: Processes) -> None:
    training = federation.train("killed-partner")
    federation.wait_for("killed-partner", rounds(3), within_s=RUN_S)
    federation.kill_node("p1")
    federation.start_node("p1")
    assert training.wait(timeout=RUN_S) == 0, federation.said("killed-partner")
    assert_honest(federation)


def test_after_the_serverapp_is_killed_a_new_run_completes(federation: Processes) -> None:
    training = federation.train("killed-app")
    federation.wait_for("killed-app", rounds(3), within_s=RUN_S)
    (app,) = children_of(training.pid)
    os.kill(app, signal.SIGKILL)
    assert training.wait(timeout=RUN_S) == 4, federation.said("killed-app")
    before = federation.world.audit()
    assert before.findings == ()
    assert all("killed-app" in row.open_runs for row in before.partners)

    assert federation.train("too-soon").wait(timeout=RUN_S) == 2  # it would end the other
    assert "--resume killed-app" in federation.said("too-soon")
    training = federation.train("after-kill", abandon="killed-app")
    assert training.wait(timeout=RUN_S) == 0, federation.said("after-kill")
    after = federation.world.audit()
    assert all(row.open_runs == () for row in after.partners)
    assert_honest(federation)


def test_ctrl_c_leaves_no_process(federation: Processes) -> None:
    training = federation.train("interrupted")
    federation.wait_for("interrupted", rounds(1), within_s=RUN_S)
    children = children_of(training.pid)
    assert children
    training.send_signal(signal.SIGINT)
    assert training.wait(timeout=RUN_S) != 0
    until = time.monotonic() + 15
    while any(is_running(child) for child in children) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(is_running(child) for child in children)
    assert federation.world.audit().findings == ()


def test_everybody_goes_on_under_the_next_charter(federation: Processes) -> None:
    before = federation.world.audit()
    folder = federation.world.renew(names=NAMES, new_keys=["p0"])
    adopt(load_settings(federation.world.server / "server.toml"), folder, abandon="interrupted")
    for name in NAMES:
        federation.kill_node(name)
        federation.start_node(name)
    training = federation.train("renewed")
    assert training.wait(timeout=RUN_S) == 0, federation.said("renewed")
    after = federation.world.audit()
    assert [row.index for row in after.charters] == [0, before.size]
    for earlier, later in zip(before.partners, after.partners, strict=True):
        assert later.runs == earlier.runs + 1
        assert later.open_runs == ()
        assert later.spent.released_micro > earlier.spent.released_micro
    assert_honest(federation)
