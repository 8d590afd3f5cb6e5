"""The Flower bundle of a run: our Python files, nothing else of the directory they lie in."""

from collections.abc import Sequence
from pathlib import Path

from flwr.cli.build import build_fab_from_files

from protocols.errors import ConfigError

PACKAGES = ("protocols", "model", "clients", "server")


def build_bundle(
    root: Path | None = None,
    *,
    packages: Sequence[str] = PACKAGES,
    project: bytes | None = None,
) -> bytes:
    """Return the Flower bundle: our Python files and a model card's texts, and nothing else.

    Args:
        root: Directory that holds ``pyproject.toml`` and the packages; ours by default.
        packages: Package folders to take.
        project: What to ship as ``pyproject.toml``, if not the file.

    Raises:
        ConfigError: ``pyproject.toml`` is missing, or Flower refuses the files.
    """
    root = root or Path(__file__).resolve().parents[1]
    files: dict[str, bytes | Path] = {"pyproject.toml": project or root / "pyproject.toml"}
    for package in packages:
        folder = root / package
        for path in sorted((*folder.rglob("*.py"), *folder.glob("model_card.*.md"))):
            files[path.relative_to(root).as_posix()] = path
    try:
        return build_fab_from_files(files)[0]
    except (OSError, ValueError) as err:
        raise ConfigError(f"no Flower bundle can be built from {root}") from err
