"""The journal's commands: what they print, and their exit status."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.commands import run
from server.journal.journal import open_journal
from tests.journals import draft


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path, now = tmp_path / "journal.sqlite", datetime.now(UTC)
    journal = open_journal(path)
    journal.commit([draft("r1", at=now - timedelta(days=800)), draft("r2", at=now)])
    journal.close()
    return path


def _said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["fedscore-server", "journal", *words])
    try:
        status = run()
    except SystemExit as left:
        status = int(left.code or 0)
    said = capsys.readouterr()
    return status, said.out, said.err


def test_each_command_says_what_it_did(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("protocols.console._PATIENCE_S", 60.0)  # a busy machine is long at it
    target = str(path.with_name("journal.parquet"))
    for words, text in (
        (["verify"], "2 records, and the chain is whole.\n"),
        (["export", target], f"Wrote 2 records to {target}.\n"),
        (["prune", "--older-than-days", "730"], "Deleted 1 answers given before "),
    ):
        status, out, err = _said(monkeypatch, capsys, *words, "--journal", str(path))
        assert (status, err) == (0, "")
        assert out.startswith(text)


def test_each_command_says_it_as_json(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FEDSCORE_JOURNAL", str(path))
    target = str(path.with_name("journal.parquet"))
    for words, facts in (
        (["verify"], {"records": 2}),
        (["export", target], {"records": 2}),
        (["prune", "--older-than-days", "730"], {"answers": 1}),
    ):
        status, out, _ = _said(monkeypatch, capsys, *words, "--json")
        said = json.loads(out)
        assert (status, {name: said[name] for name in facts}) == (0, facts)


def test_a_broken_chain_and_a_missing_journal_have_their_status(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = open_journal(path)
    with journal._database.engine.begin() as link:
        link.exec_driver_sql("UPDATE journal_answers SET answer = X'00' WHERE position = 2")
    journal.close()
    status, out, err = _said(monkeypatch, capsys, "verify", "--journal", str(path))
    assert (status, out) == (1, "")
    assert err == "fedscore-server: ChainError: journal record 2 is not what was stored\n"
    missing = str(path.with_name("missing.sqlite"))
    status, out, err = _said(monkeypatch, capsys, "verify", "--journal", missing)
    assert (status, err) == (
        2,
        "fedscore-server: ConfigError: journal missing.sqlite: there is none\n",
    )
    status, _, err = _said(
        monkeypatch, capsys, "verify", "--journal", "postgresql+psycopg://u:hunter2@127.0.0.1:1/d"
    )
    assert status == 5
    assert "hunter2" not in err


def test_an_age_before_the_calendar_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("prune", "--older-than-days", "999999", "--journal", str(path))
    status, _, err = _said(monkeypatch, capsys, *words)
    assert (status, "--older-than-days" in err) == (2, True)


def test_long_work_says_how_far_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("protocols.console._PATIENCE_S", 0.0)
    for words in (
        ["verify"],
        ["export", str(path.with_name("x"))],
        ["prune", "--older-than-days", "9"],
    ):
        _, _, err = _said(monkeypatch, capsys, *words, "--journal", str(path))
        assert err == f"{words[0]}: 2 of 2 records ...\n"


def test_a_journal_of_version_1_is_taken_over(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("import", str(path), "--tenant", "local", "--journal", str(tmp_path / "new.sqlite"))
    status, _, err = _said(monkeypatch, capsys, *words)
    assert (status, "not a journal of version 1" in err) == (2, True)
