"""The commands begin a log once, say what auditors need of it, and write it for them."""

import sys
from pathlib import Path

import pytest

from protocols.ledger.verifier import parse_verifier
from server.commands import run
from server.receipts.folder import PUBLIC_NAME
from tests.journals import drafts
from tests.simulator import found_world
from tests.unit.server.receipts.world import LogWorld


def _run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["fedscore-server", *words])
    try:
        return run()
    except SystemExit as left:
        return int(left.code or 0)


def test_a_log_is_begun_with_the_federation_s_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = found_world(tmp_path / "world", sizes=(3, 3, 3), start=False).server
    words = ["init-receipts", str(tmp_path / "receipts"), "--config", str(server / "server.toml")]
    assert _run(monkeypatch, *words) == 0
    line, *_ = capsys.readouterr().out.splitlines()
    assert (tmp_path / "receipts" / PUBLIC_NAME).read_text() == line + "\n"
    assert parse_verifier(line).origin.endswith("/decisions")
    assert _run(monkeypatch, *words) == 2
    assert "exists already" in capsys.readouterr().err


def test_what_is_logged_is_written_for_auditors(
    world: LogWorld,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world.journal.commit(drafts(3))
    world.follow()
    where = ["--receipts", str(world.folder.path), "--journal", str(tmp_path / "journal.sqlite")]
    assert _run(monkeypatch, "export-receipts", str(tmp_path / "log"), *where) == 0
    assert capsys.readouterr().out.startswith("Wrote 3 leaves.")
    assert (tmp_path / "log" / "checkpoint").is_file()
