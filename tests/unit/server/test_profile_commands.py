"""The command shows profiles in both languages, and each rule in force with its source."""

import json
from collections.abc import Callable

import pytest

from server.commands import run
from server.decisions.regulation import load_profiles

Command = Callable[..., int]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs ``fedscore-server profiles``."""

    def profiles(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["fedscore-server", "profiles", *words])
        try:
            return run()
        except SystemExit as left:
            return int(left.code or 0)

    return profiles


def test_every_profile_is_listed_in_both_languages(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--on", "2026-11-19") == 0
    said = capsys.readouterr().out
    for profile in load_profiles().values():
        assert profile.title_en in said
        assert profile.title_zh in said
    assert "cn-bank  since 2020-07-17" in said
    assert "eu-ccd2  not before 2026-11-20" in said
    assert command("--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == list(load_profiles())
    assert listed[3]["digest"] == load_profiles()["us"].digest.hex()


def test_the_rules_of_a_day_are_shown_with_their_sources(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("cn-micro-lender", "--on", "2028-01-01") == 0
    said = capsys.readouterr().out
    assert "rate_caps  cn-micro-four-times-lpr  from 2028-01-01\n" in said
    assert "  percent: 12.00\n" in said
    assert "references LPR-1Y  lpr-1y-2025-05-20  from 2025-05-20\n" in said
    assert "cn-micro-24" not in said
    assert said.count("  source: ") == said.count("  from 20")
    assert "网络小额贷款公司" in said
    assert command("cn-micro-lender", "--on", "2027-12-31") == 0
    assert "rate_caps  cn-micro-24  from 2025-12-24 until 2028-01-01" in capsys.readouterr().out


def test_programs_get_the_same_as_json(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("eu-ccd2", "--on", "2026-11-20", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    (data,) = (rule for rule in shown["rules"] if rule["table"] == "data")
    assert data["says"]["barred_groups"] == ["social"]
    assert (data["from"], data["until"]) == ("2026-11-20", None)
    assert all(rule["source"] for rule in shown["rules"])
    assert shown["on"] == "2026-11-20"
    assert shown["has_begun"]


def test_without_a_day_it_is_today(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("us") == 0
    assert capsys.readouterr().out.startswith("us  on 20")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "NAME: expected one of cn-bank, cn-micro-lender, eu-ccd2, us"),
        (("us", "--on", "soon"), "--on: expected a day, as 2026-11-20"),
        (("eu-ccd2", "--on", "2026-11-19"), "profile eu-ccd2 holds no rules for that date"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    command: Command, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert command(*words) == 2
    assert said in capsys.readouterr().err
