"""The columns of a file of past applicants, and their values as a question for a limit has them."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args

from model.table import text_of
from protocols.contracts.facts import FactName
from protocols.contracts.features import FeatureContract, Group
from protocols.errors import ConfigError, MissingColumnError

REQUESTED, SEGMENT, MONTHS = "requested_amount_minor", "segment", "months"
CIRCUMSTANCES = (
    "monthly_income_minor",
    "monthly_obligations_minor",
    "exposure_elsewhere_minor",
)
FACTS: tuple[FactName, ...] = get_args(FactName)
GROUPS: tuple[Group, ...] = get_args(Group)
DECIDED_ON = "decided_on"
OBSERVED: dict[Group, str] = {group: f"observed_on_{group}" for group in GROUPS}
CONSENTED: dict[Group, str] = {group: f"consents_to_{group}" for group in GROUPS}

# What a file may have beside the feature contract's fields and its outcome.
OPTIONAL = (
    REQUESTED,
    SEGMENT,
    MONTHS,
    *CIRCUMSTANCES,
    *FACTS,
    DECIDED_ON,
    *OBSERVED.values(),
    *CONSENTED.values(),
)

_WHOLE = re.compile(r"-?[0-9]{1,20}(\.0*)?")
_YES, _NO = frozenset(("true", "1", "yes")), frozenset(("false", "0", "no"))


@dataclass(frozen=True)
class Supposed:
    """What holds of applicants of whom a file does not say it.

    Attributes:
        requested_minor: What they asked for; None if a file must say.
        on: The day on which they were decided; None if a file must say.
    """

    requested_minor: int | None
    on: date | None

    def __post_init__(self) -> None:
        if self.requested_minor is not None and self.requested_minor < 1:
            raise ConfigError("--requested-minor: expected 1 or more")

    def check(self, name: str, found: Collection[str]) -> None:
        """Raise ``MissingColumnError`` if neither these nor a file with these columns say it."""
        if self.requested_minor is None and REQUESTED not in found:
            raise MissingColumnError(
                f"{name}: no column named {REQUESTED}; add it, or give --requested-minor"
            )
        if self.on is None and DECIDED_ON not in found:
            raise MissingColumnError(f"{name}: no column named {DECIDED_ON}; add it, or give --on")


def wanted_columns(contract: FeatureContract, found: Sequence[str]) -> list[str]:
    """Return the columns to read of a file that has ``found``: what it must have, first."""
    names = [field.name for field in contract.inputs]
    optional = [contract.outcome.column, *OPTIONAL]
    return list(dict.fromkeys([*names, *(name for name in optional if name in found)]))


def whole(value: object) -> object:
    """Return a whole number as an integer and what is empty as None; all else as it is.

    Parquet writers store whole numbers with gaps as floats, and CSV files hold texts.
    """
    if value is None or type(value) is int:
        return value
    text = text_of(value)
    if text is None:
        return None
    return int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else value


def day(value: object) -> object:
    """Return a day, also of a time or a text, and what is empty as None; all else as it is."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip()[:10]) if value.strip() else None
        except ValueError:
            return value
    return value


def truth(value: object) -> object:
    """Return yes or no, also of a number or a text; what is empty is no; all else as it is."""
    text = text_of(value)
    if text is None:
        return False
    lowered = text.lower()
    return True if lowered in _YES else False if lowered in _NO else value


def values_of(batch: Any, name: str) -> list[Any]:
    """Return the values of a record batch's column; Any: Arrow is untyped, and values may be."""
    found: list[Any] = batch.column(name).to_pylist()
    return found
