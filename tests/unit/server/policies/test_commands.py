"""The commands of officers: what they print, what is next, and their exit status."""

import json
import sys
from pathlib import Path

import pytest

from server.commands import run
from server.policies import proof
from server.proof import proving
from tests.policies import START, prove_nothing
from tests.unit.server.serving.world import POLICY_TOML, make_policy

ONE = make_policy().digest.hex()


class Shell:
    """Types commands in a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def said(self, *words: str, status: int = 0) -> str:
        """Return what a command printed, which must leave with this status."""
        self._monkeypatch.setattr(sys, "argv", ["fedscore-server", "policy", *words])
        try:
            left = run()
        except SystemExit as end:
            left = int(end.code or 0)
        out, err = self._capsys.readouterr()
        assert left == status, (out, err)
        return out if status == 0 else out + err

    def table(self, *words: str) -> dict[str, object]:
        """Return what a command printed as JSON."""
        made = json.loads(self.said(*words, "--json"))
        assert isinstance(made, dict)
        return made


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Two officers with their keys, a folder with both, and a policy's file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(proving, "prove_by_search", prove_nothing)  # it takes seconds
    typed = Shell(monkeypatch, capsys)
    Path("policies").mkdir()
    lines = [
        typed.said("key", name, "--role", role, "--key", f"{name}.pem")
        for name, role in (("ana", "author"), ("boris", "approver"))
    ]
    Path("policies/officers.toml").write_text("".join(lines))
    Path("policy.toml").write_text(POLICY_TOML)
    return typed


def _approved(shell: Shell) -> None:
    shell.said("submit", "policy.toml", "--key", "ana.pem")
    shell.said("approve", ONE[:8], "--key", "boris.pem")


def test_each_command_says_what_it_did_and_what_is_next(shell: Shell) -> None:
    said = shell.said("submit", "policy.toml", "--key", "ana.pem")
    next_one = f"fedscore-server policy approve {ONE} --key KEY"
    assert said == f"Submitted {ONE}. Next, by another person: {next_one}\n"
    said = shell.said("approve", ONE[:8], "--key", "boris.pem")
    assert ": no search was made" in said
    assert said.endswith(
        f"Approved. Next: fedscore-server policy activate {ONE} --from now --key KEY\n"
    )
    said = shell.said("activate", ONE[:8], "--from", "now", "--key", "boris.pem")
    assert said.startswith("Active for test-loan from 20")
    said = shell.said("retire", "--product", "test-loan", "--from", "now", "--key", "boris.pem")
    assert said.startswith("Retired from 20")
    said = shell.said("verify")
    assert said.startswith("4 acts on 1 policies, and the book is whole. Head: ")


def test_each_command_says_it_as_json(shell: Shell) -> None:
    assert shell.table("submit", "policy.toml", "--key", "ana.pem") == {"policy": ONE}
    assert set(shell.table("approve", ONE, "--key", "boris.pem")) == {"policy", "proof"}
    at = "2099-01-01T00:00:00+01:00"
    said = shell.table("activate", ONE, "--from", at, "--key", "boris.pem")
    assert said == {"product": "test-loan", "from": "2098-12-31T23:00:00Z"}
    said = shell.table("retire", ONE, "--from", "2099-06-01T00:00:00Z", "--key", "boris.pem")
    assert said == {"product": "test-loan", "from": "2099-06-01T00:00:00Z"}
    shown = shell.table("show", ONE[:10])
    assert (shown["status"], shown["author"], shown["approver"]) == ("approved", "ana", "boris")
    assert shown["spans"] == [{"from": "2098-12-31T23:00:00Z", "until": "2099-06-01T00:00:00Z"}]
    assert json.loads(shell.said("list", "--json")) == [shown]
    head = shell.table("verify")["head"]
    assert shell.table("verify", "--seen", str(head), "--officers", "policies/officers.toml")


def test_a_list_shows_where_each_policy_is_in_its_life(shell: Shell) -> None:
    assert "No policy yet. Next: fedscore-server policy submit" in shell.said("list")
    _approved(shell)
    assert shell.said("list") == f"{ONE[:12]}  approved  test-loan  test-loan\n"
    shell.said("activate", ONE, "--from", "2099-01-01T00:00:00Z", "--key", "boris.pem")
    assert shell.said("list").endswith("2099-01-01T00:00:00Z to ...\n")
    shown = shell.said("show", ONE[:4])
    assert f"file        policies/policies/{ONE}.toml" in shown
    assert "author      ana" in shown


def test_the_folder_may_be_named_in_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("policies").rename("elsewhere")
    monkeypatch.setenv("FEDSCORE_POLICIES", "elsewhere")
    assert shell.table("verify")["acts"] == 0


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["approve", ONE, "--key", "ana.pem"], 1, "RoleError: officer: needs the role approver"),
        (["submit", "none.toml", "--key", "ana.pem"], 2, "none.toml: cannot be read"),
        (["submit", "policy.toml", "--key", "none.pem"], 2, "none.pem: cannot be read"),
        (["approve", "ffff", "--key", "boris.pem"], 1, "no policy; fedscore-server policy list"),
        (["show", "ffff"], 1, "no policy; fedscore-server policy list"),
        (["verify", "--policies", "none"], 2, "officers.toml: cannot be read"),
        (["verify", "--seen", "ab" * 32], 1, "does not go on from the head"),
        (["retire", "--from", "now", "--key", "boris.pem"], 2, "a policy's digest or --product"),
        (
            ["retire", ONE, "--product", "x", "--from", "now", "--key", "boris.pem"],
            2,
            "and not both",
        ),
        (["key", "no name", "--role", "author", "--key", "x.pem"], 2, "officer: name"),
        (["key", "ana", "--role", "owner", "--key", "x.pem"], 2, "officer: roles"),
        (["key", "ana", "--role", "author", "--key", "ana.pem"], 2, "never overwritten"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str], status: int, text: str, shell: Shell
) -> None:
    shell.said("submit", "policy.toml", "--key", "ana.pem")
    assert text in shell.said(*words, status=status)
    assert not Path("x.pem").exists()


@pytest.mark.parametrize(
    ("since", "status", "text"),
    [
        ("tomorrow", 2, "--from: expected now, or an instant like"),
        ("2099-01-01T00:00:00", 2, "--from: needs a time zone"),
        ("2099-01-01T00:00:00.5Z", 2, "whole seconds"),
        (START.isoformat().replace("2026", "2020"), 1, "DateError: activate: expected to take"),
    ],
)
def test_an_instant_that_cannot_be_is_said(
    since: str, status: int, text: str, shell: Shell
) -> None:
    _approved(shell)
    words = ("activate", ONE, "--from", since, "--key", "boris.pem")
    assert text in shell.said(*words, status=status)


def test_a_policy_that_fails_its_proof_is_shown_with_what_was_found(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:

    found = proof.Proof("anna gets less than boris\n", ("anna",))
    monkeypatch.setattr(proving, "prove_by_search", lambda _: found)
    shell.said("submit", "policy.toml", "--key", "ana.pem")
    said = shell.said("approve", ONE, "--key", "boris.pem", status=2)
    assert "anna gets less than boris\n" in said
    assert "UnprovenPolicyError: approve: the policy fails its proof" in said
