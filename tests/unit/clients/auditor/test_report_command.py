"""``fedscore-audit report``: what it writes, says, and how it exits."""

import json
import sys
from pathlib import Path

import pytest

from clients.auditor import report_command
from clients.auditor.cli import main
from tests.adversarial.ledger.honest import World, charter_toml
from tests.unit.clients.auditor.report.worlds import eventful

WORLD = eventful()


def _write(world: World, folder: Path) -> Path:
    (folder / "charter.toml").write_text(charter_toml(world.table), encoding="utf-8")
    (folder / "signatures.json").write_bytes(world.signatures)
    (folder / "log").mkdir()
    world.write(folder / "log")
    return folder


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Return a folder with charter, signatures and an exported log, all true."""
    return _write(WORLD, tmp_path)


def _report(case: Path, *more: str, out: str = "report.html") -> int:
    paths = (str(case / "log"), "--charter", str(case / "charter.toml"), "--out", str(case / out))
    return main(["report", *paths, *more])


def test_a_true_log_exits_0_with_a_page_and_a_record(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _report(case) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"report   {case / 'report.html'}",
        f"record   {case / 'report.json'}",
        "verdict  TRUE",
    ]
    assert said.err == ""
    assert '<html lang="en">' in (case / "report.html").read_text(encoding="utf-8")
    assert json.loads((case / "report.json").read_text(encoding="utf-8"))["is_true"] is True


def test_the_page_has_the_language_asked_for_and_the_record_does_not_change(case: Path) -> None:
    assert _report(case) == 0
    before = (case / "report.json").read_bytes()
    assert _report(case, "--language", "zh") == 0
    assert '<html lang="zh">' in (case / "report.html").read_text(encoding="utf-8")
    assert (case / "report.json").read_bytes() == before


def test_a_false_log_exits_1_and_is_reported_all_the_same(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = (case / "log" / "tile" / "entries" / "000.p").iterdir()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert _report(case) == 1
    assert "verdict  NOT TRUE: " in capsys.readouterr().out
    assert 'class="verdict bad"' in (case / "report.html").read_text(encoding="utf-8")


def test_a_log_without_a_checkpoint_is_reported_too(case: Path) -> None:
    (case / "log" / "checkpoint").unlink()
    assert _report(case) == 1
    assert json.loads((case / "report.json").read_text(encoding="utf-8"))["who"]["root"] == ""


def test_what_is_absent_or_cannot_be_written_exits_2(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _report(case, "--signatures", str(case / "none.json")) == 2
    assert _report(case, out="no-folder/report.html") == 2
    assert "report.html: cannot be written" in capsys.readouterr().err
    assert _report(case, out="report.json") == 2
    assert "expected the name of an HTML file" in capsys.readouterr().err


def test_a_missing_package_is_named_with_its_remedy(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "clients.auditor.report.page")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert _report(case) == 2
    assert 'report needs jinja2: pip install "fedscore[audit]"' in capsys.readouterr().err


def test_a_module_of_ours_that_is_missing_is_a_bug(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "clients.auditor.report.page", None)
    with pytest.raises(ModuleNotFoundError):
        _report(case)


def test_a_report_that_takes_long_says_so(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report_command, "_PATIENCE_S", 0.0)
    assert _report(case) == 0
    assert "pricing and writing the report" in capsys.readouterr().err
