"""What an import linter cannot say: who may know flwr, and what a partner's process loads."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocols", "model", "clients", "server")
KNOWS_FLOWER = {
    "clients/app.py",
    "clients/partner/runner.py",
    "protocols/records.py",
    "server/app.py",
    "server/bundle.py",
    "server/grid.py",
    "server/link.py",
    "server/process.py",
}


def files() -> list[Path]:
    """Return every source file of ours."""
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def test_flower_stays_in_a_handful_of_files() -> None:
    knowing = {
        str(path.relative_to(ROOT))
        for path in files()
        if "import flwr" in path.read_text() or "from flwr" in path.read_text()
    }
    assert knowing <= KNOWS_FLOWER


def test_every_init_of_the_protocols_is_empty() -> None:
    inits = [path for path in files() if path.name == "__init__.py"]
    assert inits
    assert all(path.read_text() == "" for path in inits)


def test_every_file_says_in_one_line_what_it_is_for() -> None:
    written = [path for path in files() if path.name != "__init__.py" and "_pb2" not in path.name]
    assert [str(path) for path in written if not path.read_text().startswith('"""')] == []


def loaded_by(module: str) -> set[str]:
    """Return the top-level packages that importing a module loads, in a fresh process."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(shown.stdout.split())


def test_a_partner_loads_no_analysis_package_it_does_not_need() -> None:
    heavy = {"polars", "pandas", "sklearn", "scipy", "opacus", "dp_accounting", "lightgbm", "grpc"}
    assert loaded_by("clients.partner.startup") & heavy == set()


def test_the_auditor_loads_cryptography_and_nothing_else() -> None:
    heavy = {"torch", "numpy", "pydantic", "flwr", "grpc", "google", "typer", "opendp", "pyarrow"}
    assert loaded_by("clients.auditor.cli") & heavy == set()


def test_the_scorer_loads_neither_torch_nor_flower() -> None:
    assert loaded_by("clients.scorer.cli") & {"torch", "flwr", "opendp", "pyarrow"} == set()


def test_the_process_that_trains_waits_for_no_torch() -> None:
    assert "torch" not in loaded_by("server.runs") | loaded_by("server.commands")
