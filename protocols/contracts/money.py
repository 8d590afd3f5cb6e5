"""Money and shares: integers of minor units, and decimals in quotes."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from protocols.contracts.features import DecimalText

MAX_MINOR = 2**53 - 1  # what canonical JSON holds, and every JSON reader reads exactly

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Field(ge=0, le=MAX_MINOR)]
PositiveMinor = Annotated[int, Field(ge=1, le=MAX_MINOR)]


def _check_share(text: str) -> str:
    if not 0 <= Decimal(text) <= 1:
        raise ValueError("expected a decimal in [0, 1]")
    return text


def _check_positive_share(text: str) -> str:
    if not 0 < Decimal(text) <= 1:
        raise ValueError("expected a decimal in (0, 1]")
    return text


def _check_factor(text: str) -> str:
    if not 0 <= Decimal(text) <= 100:
        raise ValueError("expected a decimal in [0, 100]")
    return text


Share = Annotated[DecimalText, AfterValidator(_check_share)]
PositiveShare = Annotated[DecimalText, AfterValidator(_check_positive_share)]
Factor = Annotated[DecimalText, AfterValidator(_check_factor)]
