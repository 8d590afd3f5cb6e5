"""Who verifies a log installs one package and loads one: cryptography."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adversarial.ledger.honest import charter_toml, trained

ROOT = Path(__file__).parents[2]
RUN = "import sys; from clients.auditor.cli import main; code = main(sys.argv[1:])"
# The last three are how cryptography reaches its compiled half.
ALLOWED = {"clients", "protocols", "cryptography", "cffi", "_cffi_backend", "_openssl"}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with charter, signatures and an honest log."""
    world, folder = trained(), tmp_path_factory.mktemp("case")
    (folder / "charter.toml").write_text(charter_toml(world.table), encoding="utf-8")
    (folder / "signatures.json").write_bytes(world.signatures)
    (folder / "log").mkdir()
    world.write(folder / "log")
    return folder


def _loaded(case: Path, command: str) -> set[str]:
    """Return the packages beside Python's own that a command loads, from start to end."""
    # A site's own start-up files may load things; they are there before our first line.
    code = f"import sys; before = set(sys.modules); {RUN}; assert code == 0; sys.stdout.flush()"
    code += (
        "; print(); print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    words = [command, str(case / "log"), "--charter", str(case / "charter.toml")]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split()) - sys.stdlib_module_names


def test_to_verify_loads_cryptography_and_nothing_else(case: Path) -> None:
    assert _loaded(case, "verify") <= ALLOWED


def test_this_would_see_another_package(case: Path) -> None:
    assert {"dp_accounting", "scipy", "numpy"} <= _loaded(case, "price")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment into which nothing but cryptography is installed."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    pins = ["--constraint", str(ROOT / "constraints.txt"), "cryptography"]
    subprocess.run([*pip, "install", "--quiet", *pins], check=True, cwd=folder)
    return python


def _run(bare: Path, case: Path, command: str) -> subprocess.CompletedProcess[str]:
    words = [command, str(case / "log"), "--charter", str(case / "charter.toml")]
    return _run_words(bare, case, words)


def _run_words(bare: Path, folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(bare), "-c", f"{RUN}; sys.exit(code)", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_who_installs_one_package_can_verify_a_log(bare: Path, case: Path) -> None:
    done = _run(bare, case, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nTRUE: " in done.stdout


def test_who_installs_one_package_can_verify_a_receipt(bare: Path, tmp_path: Path) -> None:
    vector = json.loads((ROOT / "tests" / "vectors" / "receipt.json").read_text(encoding="utf-8"))
    (tmp_path / "receipt.json").write_text(vector["receipt"], encoding="utf-8")
    (tmp_path / "log.pub").write_text(vector["verifier"], encoding="utf-8")
    words = ["receipt", str(tmp_path / "receipt.json"), "--key", str(tmp_path / "log.pub")]
    done = _run_words(bare, tmp_path, words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "log      test/decisions: record 5 of 7" in done.stdout
    assert "\nTRUE: " in done.stdout
    assert 'that needs google: pip install "fedscore[audit]"' in done.stdout
    done = _run_words(bare, tmp_path, [*words, "--request", str(tmp_path / "receipt.json")])
    assert (done.returncode, done.stdout) == (2, "")
    assert "--request needs pydantic" in done.stderr


def test_and_is_told_what_pricing_needs(bare: Path, case: Path) -> None:
    done = _run(bare, case, "price")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "fedscore[audit]"' in done.stderr
