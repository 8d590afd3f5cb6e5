"""A run that measures drift: authorised and paid for like any other, with a report at its end."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from protocols.contracts.charter import load_charter_model
from protocols.errors import ConfigError, ReleaseError
from server.drift import DriftReport, drift_text
from server.purpose import DriftPurpose, read_purpose, report_path, write_purpose, write_whole
from server.registry import Registry
from tests.simulator import World, found_world

SIZES = (1_500, 1_200, 1_000)
EPSILON = 2_000_000


def _recent(world: World, *, income: float | None) -> None:
    """Let last month's applicants be the borrowers again, with another income if one is given."""
    for name in world.nodes:
        table = pyarrow.parquet.read_table(world.folder / name / "loans.parquet").drop(["outcome"])
        if income is not None:
            place = table.column_names.index("income")
            table = table.set_column(place, "income", pa.array([income] * len(table)))
        pyarrow.parquet.write_table(table, world.folder / name / "recent.parquet")
        world.restart(name)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = found_world(tmp_path_factory.mktemp("drift"), sizes=SIZES, epsilon_micro=20_000_000)
    world.train("run-1")
    return world


def _measure(world: World, run: str) -> DriftReport:
    _purpose(world, run)
    world.train(run)
    report: DriftReport = json.loads(report_path(world.server / "runs" / run).read_text())
    return report


def _purpose(world: World, run: str) -> None:
    _, terms = load_charter_model(world.server / "charter.toml")
    release = Registry(world.server / "releases", terms).open().digest.hex()
    purpose = DriftPurpose(release=release, epsilon_micro=EPSILON)
    write_purpose(world.server / "runs" / run, purpose)


def test_drift_is_found_where_it_is_and_paid_for(trained: World) -> None:
    """With real noise, which would have to reach from 0 to beyond 0.1: false alarm below 1e-3."""
    _recent(trained, income=None)
    still = _measure(trained, "still")
    spends = {name: node.book.spends for name, node in trained.nodes.items()}
    _recent(trained, income=9_900.0)
    moved = _measure(trained, "moved")
    assert [part["name"] for part in moved["parts"]] == ["score", "income", "usage", "housing"]
    assert all(float(part["low"]) < 0.1 for part in still["parts"])
    by_name = {part["name"]: part for part in moved["parts"]}
    assert by_name["income"]["verdict"] == "large shift"
    assert by_name["usage"]["verdict"] not in {"shift", "large shift"}
    assert all(node.book.spends == spends[name] + 1 for name, node in trained.nodes.items())
    audit = trained.audit()
    assert audit.findings == ()
    assert len(audit.releases) == 1
    text = drift_text(moved)
    assert "large shift" in text
    assert text.index("Score") < text.index("Monthly income") < text.index("Use of credit lines")


def test_without_recent_applicants_the_answer_is_noise_and_nothing_is_claimed(
    tmp_path: Path,
) -> None:
    world = found_world(tmp_path, sizes=(40, 30, 30), epsilon_micro=20_000_000)
    world.train("run-1")
    report = _measure(world, "empty")
    assert {part["verdict"] for part in report["parts"]} == {"unclear"}


def test_a_run_killed_after_its_sum_is_taken_up_without_another_spend(tmp_path: Path) -> None:
    world = found_world(tmp_path, sizes=(40, 30, 30), epsilon_micro=20_000_000)
    world.train("run-1")
    report = _measure(world, "once")
    spends = {name: node.book.spends for name, node in world.nodes.items()}
    report_path(world.server / "runs" / "once").unlink()
    world.train("once")
    again = json.loads(report_path(world.server / "runs" / "once").read_text())
    assert again == report
    assert spends == {name: node.book.spends for name, node in world.nodes.items()}


def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_whole(tmp_path / "drift.json", "{}")
    assert not (tmp_path / "drift.json").exists()
    write_whole(tmp_path / "drift.json", "{}")
    assert (tmp_path / "drift.json").read_text() == "{}"


def test_a_release_that_is_not_there_is_no_purpose(tmp_path: Path) -> None:
    world = found_world(tmp_path, sizes=(40, 30, 30))
    purpose = DriftPurpose(release="11" * 32, epsilon_micro=EPSILON)
    write_purpose(world.server / "runs" / "lost", purpose)
    with pytest.raises(ReleaseError):
        world.train("lost")
    assert all(node.book.spends == 0 for node in world.nodes.values())


def test_a_release_of_another_contract_is_not_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = found_world(tmp_path, sizes=(40, 30, 30), epsilon_micro=20_000_000)
    world.train("run-1")
    _, terms = load_charter_model(world.server / "charter.toml")
    release = Registry(world.server / "releases", terms).open()
    other = release.manifest.model_copy(update={"contract_digest": "22" * 32})
    monkeypatch.setattr(Registry, "open", lambda *_: replace(release, manifest=other))
    spends = world.nodes["p0"].book.spends
    with pytest.raises(ConfigError, match="another feature contract"):
        _measure(world, "other")
    assert world.nodes["p0"].book.spends == spends


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"release": "11", "epsilon_micro": 1}'])
def test_a_damaged_purpose_is_refused(raw: str, tmp_path: Path) -> None:
    (tmp_path / "purpose.json").write_text(raw)
    with pytest.raises(ConfigError, match=r"purpose\.json"):
        read_purpose(tmp_path)
