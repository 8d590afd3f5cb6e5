"""Which release answers whom, as ``routing.toml`` says, and a subject's place in a split."""

import hashlib
import os
from pathlib import Path
from typing import Annotated

import tomli_w
from pydantic import Field, ValidationError, model_validator

from protocols.contracts.features import Contract, HexDigest, describe, read_toml
from protocols.errors import ConfigError, ContractError

LATEST = "latest"

_SHARE_TAG = b"fedscore challenger share v1\n"
_PLACES = 10_000  # of a subject in a split: hundredths of a percent


class Routing(Contract):
    """Which releases are served, and to whom.

    Attributes:
        champion: Digest of the release that answers, or ``latest``: whichever was published last.
        challenger: Answers a share of the subjects instead.
        challenger_percent: That share.
        shadow: Scores every call after the reply; never answers.
    """

    champion: Annotated[str, Field(pattern=r"^(latest|[0-9a-f]{64})$")]
    challenger: HexDigest | None = None
    challenger_percent: int = Field(default=0, ge=0, le=100)
    shadow: HexDigest | None = None

    @model_validator(mode="after")
    def _check_challenger(self) -> "Routing":
        if self.challenger is None and self.challenger_percent:
            raise ValueError("challenger_percent needs a challenger")
        if self.challenger == self.champion:
            raise ValueError("the challenger is the champion already; clear one of them")
        return self


def routing_from_table(table: dict[str, object], *, where: str) -> Routing:
    """Parse a routing table.

    Raises:
        ConfigError: It breaks a rule; says where, and repeats no value.
    """
    try:
        return Routing.model_validate(table)
    except ValidationError as err:
        raise ConfigError(f"{where}: {describe(err)}") from err


def read_routing(path: Path) -> Routing:
    """Read a routing file; where there is none, the latest release is the champion.

    Raises:
        ConfigError: There is one, but it cannot be read or breaks a rule.
    """
    try:
        path.lstat()
        return routing_from_table(read_toml(path), where=path.name)
    except FileNotFoundError:
        return Routing(champion=LATEST)
    except OSError as err:  # not the same as no file: it may name a pinned release
        raise ConfigError(f"{path.name}: cannot be read; check the path") from err
    except ContractError as err:
        raise ConfigError(str(err)) from err


def write_routing(path: Path, routing: Routing) -> None:
    """Put a routing file in place, whole and on disk, or leave the one that was there.

    Raises:
        ConfigError: The file cannot be written.
    """
    raw = tomli_w.dumps(routing.model_dump(exclude_none=True)).encode("utf-8")
    fresh = path.with_name(f"{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as err:
        raise ConfigError(f"{path.name}: cannot be written; check the folder") from err


def place_of(subject: str, challenger_digest: bytes) -> int:
    """Return a subject's place in a challenger's split, uniform in 0..9999.

    It depends on nothing else, so it stays for ever, and places in the splits of different
    challengers are independent.

    Args:
        subject: Any text.
        challenger_digest: 32 bytes, so that no two pairs give the same hashed bytes.
    """
    raw = subject.encode("utf-8", "surrogatepass")  # every text has a place, odd ones too
    hashed = hashlib.sha256(_SHARE_TAG + challenger_digest + raw).digest()
    return int.from_bytes(hashed[:8]) * _PLACES >> 64


def is_in_share(subject: str, challenger_digest: bytes, *, percent: int) -> bool:
    """Return whether a challenger answers a subject; once it does, then at every higher percent."""
    return place_of(subject, challenger_digest) * 100 < percent * _PLACES


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
