"""What a run is for: written into its folder before it begins, so that it can be taken up again."""

import json
from pathlib import Path

from pydantic import Field, ValidationError

from protocols.contracts.features import Contract, HexDigest, describe
from protocols.errors import ConfigError

_NAME = "purpose.json"


class DriftPurpose(Contract):
    """The run measures how recent applicants differ from a release's borrowers.

    Attributes:
        release: Digest of the release.
        epsilon_micro: What the run may cost each partner's borrowers, taken by itself.
    """

    release: HexDigest
    epsilon_micro: int = Field(ge=1_000, le=50_000_000)


def write_purpose(folder: Path, purpose: DriftPurpose) -> None:
    """Make the folder of a new run, which says what the run is for."""
    fresh = folder.with_name(f".{folder.name}.new")
    fresh.mkdir(parents=True, exist_ok=True)
    write_whole(fresh / _NAME, purpose.model_dump_json() + "\n")
    fresh.rename(folder)  # a folder without a purpose is a training run's


def read_purpose(folder: Path) -> DriftPurpose | None:
    """Return what a run is for; None if it trains.

    Raises:
        ConfigError: The file is damaged.
    """
    path = folder / _NAME
    if not path.exists():
        return None
    try:
        return DriftPurpose.model_validate(json.loads(path.read_bytes()))
    except ValidationError as err:
        raise ConfigError(f"{folder.name}/{_NAME}: {describe(err)}") from err
    except ValueError as err:
        raise ConfigError(f"{folder.name}/{_NAME}: not JSON") from err


def report_path(folder: Path) -> Path:
    """Return where the report of a run that measures drift is, given the run's folder."""
    return folder / "drift.json"


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
