"""What a challenger policy decided beside the answers, counted from an exported journal."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocols.errors import ConfigError, UnreadableDataError
from server.backtest.challenge import Policies, challenge_facts, challenges
from server.commands import run
from server.journal.journal import open_journal
from server.serving.limit_question import LimitQuestion
from server.serving.once import Once
from server.serving.releases import fixed
from server.serving.rulebooks import Rulebook, always
from server.serving.shadow import Shadow
from tests.unit.server.serving.world import (
    limit_request,
    make_release,
    make_rulebook,
    policy_table,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
AMOUNTS = (100_000, 125_000, 150_000, 200_000)


def _strict() -> Rulebook:
    """Return a policy that gives nobody more than 1,250 dollars."""
    table = policy_table()
    for band in table["segments"]["CONSUMER"]["bands"][:-1]:  # type: ignore[index]
        band["limit_minor"] = 125_000
    return make_rulebook(segments=table["segments"])


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four answers with a challenger beside, and one from before it."""
    folder = tmp_path_factory.mktemp("challenge")
    journal, release = open_journal(folder / "journal.sqlite"), make_release()
    shadow = Shadow(lambda: fixed(release), journal, lambda: NOW, challenger=_strict())
    before = Once(lambda: fixed(release), journal, lambda: NOW)
    once = Once(lambda: fixed(release), journal, lambda: NOW, offer=shadow.offer)
    questions = [
        LimitQuestion("platform", limit_request(f"r{amount}", amount), always(make_rulebook()))
        for amount in (*AMOUNTS, 900_000)
    ]
    before.answer(questions[-1:], before.standing(questions[-1:]))
    once.answer(questions[:-1], once.standing(questions[:-1]))
    shadow.close()
    journal.export(folder / "export.parquet")
    journal.close()
    return folder / "export.parquet"


def _report(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["fedscore-server", "policy", "challenge-report", *words])
    try:
        return run()
    except SystemExit as left:
        return int(left.code or 0)


def test_pairs_are_compared_and_lone_answers_are_not(export: Path) -> None:
    """The champion gives what is asked; the challenger 250 and 750 dollars less to two."""
    ((policies, comparison),) = challenges(export).items()
    assert policies == Policies(_strict().policy.digest, make_rulebook().policy.digest, "USD")
    facts = challenge_facts(policies, comparison)
    assert (facts["pairs"], facts["outcome_differs"], facts["limit_differs"]) == (4, 2, 2)
    assert (facts["lowered"], facts["lowered_minor"]) == (2, 100_000)
    assert (facts["raised"], facts["only_challenger"], facts["only_champion"]) == (0, 0, 0)
    assert facts["outcomes"] == [
        {"champion": "APPROVE", "challenger": "APPROVE", "count": 2},
        {"champion": "APPROVE", "challenger": "COUNTEROFFER", "count": 2},
    ]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_the_report_is_printed(
    words: tuple[str, ...],
    export: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _report(monkeypatch, str(export), *words) == 0
    said = capsys.readouterr().out
    if words:
        assert [one["pairs"] for one in json.loads(said)] == [4]
    else:
        assert "outcome differs" in said
        assert "50.00 %" in said
        assert "1,000.00 USD" in said
        assert "  APPROVE -> COUNTEROFFER: 2" in said


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(UnreadableDataError, match=r"torn\.parquet: truncated"):
        challenges(tmp_path / "torn.parquet")
    with pytest.raises(ConfigError, match="expected the file that journal export wrote"):
        challenges(tmp_path)


def test_without_pairs_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = open_journal(tmp_path / "journal.sqlite")
    journal.export(tmp_path / "export.parquet")
    journal.close()
    assert _report(monkeypatch, str(tmp_path / "export.parquet")) == 0
    assert "No question was answered" in capsys.readouterr().out
