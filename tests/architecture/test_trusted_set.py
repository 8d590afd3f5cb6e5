"""The trusted set is exactly what touches raw rows, it is small, and it is explained."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from clients.partner.trusted_set import FILES, code_digest, covered
from protocols.errors import ConfigError
from tests.architecture.code_lines import code_lines

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocols", "model", "clients", "server")
ENTRANCES = (
    "clients/partner/node.py",
    "clients/partner/data.py",
    "clients/partner/trusted_set.py",
)
MOST_CODE_LINES = 1_735  # of what is not also run, and checked, by the auditor


def imports_of(name: str) -> set[str]:
    """Return our files that a file imports."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    paths = {module.replace(".", "/") + ".py" for module in found if module.startswith(PACKAGES)}
    return {path for path in paths if (ROOT / path).exists()}


def closure() -> set[str]:
    """Return every file of ours that the entrances reach."""
    seen: set[str] = set()
    waiting = list(ENTRANCES)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += imports_of(name)
    return seen


def documented() -> dict[str, int]:
    """Return path and line count of every row of the table in docs/trusted-set.md."""
    text = (ROOT / "docs" / "trusted-set.md").read_text()
    rows = re.findall(r"^\| `([^`]+\.py)` \| (\d+) \| [^|]+ \|$", text, flags=re.MULTILINE)
    return {path: int(lines) for path, lines in rows}


def test_the_list_is_what_the_node_and_its_data_reach() -> None:
    assert set(FILES) == closure()


def test_the_list_is_sorted_so_that_a_change_shows() -> None:
    assert list(FILES) == sorted(FILES)


def test_what_touches_rows_keys_or_noise_can_be_read_in_an_afternoon() -> None:
    beside_the_data = [name for name in FILES if not name.startswith("protocols/")]
    assert sum(code_lines(ROOT / name) for name in beside_the_data) <= MOST_CODE_LINES


def test_every_file_is_listed_with_its_size_and_a_reason() -> None:
    assert documented() == {name: code_lines(ROOT / name) for name in FILES}


def test_one_changed_byte_changes_the_digest(tmp_path: Path) -> None:
    compiled = shutil.ignore_patterns("__pycache__")  # other processes write there meanwhile
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=compiled)
    assert code_digest(tmp_path) == code_digest()
    with (tmp_path / "model" / "noise.py").open("a") as file:
        file.write("#")
    assert code_digest(tmp_path) != code_digest()


def test_code_that_runs_before_a_trusted_file_is_covered_too() -> None:
    assert {"model/__init__.py", "protocols/ledger/__init__.py"} <= set(covered())


def test_a_missing_file_stops_the_node(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        code_digest(tmp_path)
