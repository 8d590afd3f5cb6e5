"""``fedscore-audit fetch``: what it says when it cannot. That it can is an integration test."""

import sys
from pathlib import Path

import pytest

from clients.auditor.cli import main


def _fetch(folder: Path, address: str = "127.0.0.1:1") -> int:
    words = ["fetch", "--log", address, "--ca", str(folder / "ca.crt")]
    return main([*words, "--out", str(folder / "out")])


def test_without_grpc_it_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "clients.auditor.remote", raising=False)
    monkeypatch.delattr("clients.auditor.remote", raising=False)
    monkeypatch.setitem(sys.modules, "grpc", None)
    assert _fetch(tmp_path) == 2
    assert 'fetch needs grpc: pip install "fedscore[audit]"' in capsys.readouterr().err


def test_without_one_of_our_own_files_it_is_a_bug_and_not_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "clients.auditor.remote", None)
    with pytest.raises(ModuleNotFoundError):
        _fetch(tmp_path)


def test_a_coordinator_that_does_not_answer_is_exit_status_2_and_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fetch(tmp_path) == 2
    assert "ca.crt: absent" in capsys.readouterr().err
    (tmp_path / "ca.crt").write_text("no certificate")
    assert _fetch(tmp_path) == 2
    assert "RemoteLogError: UNAVAILABLE: no answer" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
