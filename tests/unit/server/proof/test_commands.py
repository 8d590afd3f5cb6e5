"""``policy check``: exit 0 and one line, or exit 1 and what is wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.commands import app
from server.proof import commands, proving
from server.proof.proving import prove_by_search
from tests.unit.server.decisions.cases import EXAMPLE, example_policy
from tests.unit.server.proof.test_search import of_planted, planted

_VECTORS = Path(__file__).parents[3] / "vectors" / "policies"


def _check(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["policy", "check", *arguments])
    return result.exit_code, result.stdout


def test_a_policy_without_counterexample_is_one_line() -> None:
    status, said = _check(str(EXAMPLE), "--examples", "20")
    assert status == 0
    assert said.startswith("no counterexample in 20 cases, 14 laws, seed ")
    assert said.endswith("faults: none\n")


def test_a_policy_with_one_ends_with_status_1() -> None:
    status, said = _check(str(_VECTORS / "safer_gets_less.toml"), "--examples", "20")
    assert status == 1
    assert "bands B and C: the safer one gets less" in said


def test_programs_get_json() -> None:
    path = _VECTORS / "safer_gets_less.toml"
    status, said = _check(str(path), "--examples", "20", "--seed", "6", "--json")
    found = json.loads(said)
    assert (status, found["proven"], found["seed"]) == (1, False, 6)


def test_in_json_both_applicants_have_the_same_facts_and_one_that_differs() -> None:
    found = json.loads(json.dumps(commands.facts_of_search(of_planted("gap_at_20_60"))))
    (broken,) = [one for one in found["broken"] if one["law"] == "I2"]
    first, second = broken["applicants"]
    differing = {name for name in first["facts"] if first["facts"][name] != second["facts"][name]}
    assert set(first["facts"]) == set(second["facts"])
    assert differing == {"utilisation_percent"}


def test_no_folder_is_left_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _check(str(EXAMPLE), "--examples", "20")
    assert list(tmp_path.iterdir()) == []


def test_an_approval_is_told_what_stands_against_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = proving.search
    monkeypatch.setattr(proving, "search", lambda *a, **k: real(*a, **k, examples=20))
    good = prove_by_search(example_policy())
    assert not good.counterexamples
    assert "no counterexample in 20 cases" in good.said
    said = prove_by_search(planted("safer_gets_less")).counterexamples
    assert said[0] == "segments.CONSUMER: bands B and C: the safer one gets less"
