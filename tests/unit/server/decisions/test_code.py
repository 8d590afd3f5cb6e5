"""The program's digest changes with every file that may change a decision, and with no other."""

import shutil
import sys
from pathlib import Path

import pytest

import server
from server.decisions.code import code_digest

REPOSITORY = Path(server.__file__).parents[1]
ROOMS = ("model", "protocols/contracts", "server/decisions", "server/serving")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give ``code_digest`` a copy of the program to look at."""
    for room in ROOMS:
        shutil.copytree(REPOSITORY / room, tmp_path / room)
    monkeypatch.setattr(
        "server.decisions.code.files", lambda name: tmp_path / name.replace(".", "/")
    )
    return tmp_path


def _now() -> bytes:
    return code_digest.__wrapped__()


def test_a_copy_of_the_program_has_the_same_digest_wherever_it_is(copied: Path) -> None:
    assert _now() == code_digest()
    assert len(code_digest()) == 32


@pytest.mark.parametrize(
    "path",
    [
        "server/decisions/pipeline.py",
        "server/decisions/catalogue.toml",
        "server/decisions/profiles/us.toml",
        "model/evaluator.py",
        "model/queries/histogram.py",
        "protocols/contracts/limit_policy.py",
        "server/serving/groups.py",
    ],
)
def test_a_changed_file_is_another_program(copied: Path, path: str) -> None:
    with (copied / path).open("a", encoding="utf-8") as file:
        file.write(" ")
    assert _now() != code_digest()


def test_a_new_name_is_another_program(copied: Path) -> None:
    (copied / "model/evaluator.py").rename(copied / "model/other.py")
    assert _now() != code_digest()


def test_what_decides_nothing_does_not_count(copied: Path) -> None:
    (copied / "server/decisions/notes.md").write_text("x", encoding="utf-8")
    (copied / "model" / "__pycache__").mkdir(exist_ok=True)
    (copied / "model" / "__pycache__" / f"x.{sys.implementation.cache_tag}.pyc").write_bytes(b"x")
    assert _now() == code_digest()
