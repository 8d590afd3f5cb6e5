"""Money and shares: integers of minor units, and decimals in quotes."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from protocols.contracts.features import DecimalText

MAX_MINOR = 2**53 - 1  # what canonical JSON holds, and every JSON reader reads exactly

# ISO 4217: how many digits a minor unit has, where it is not two.
_NO_DIGITS = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
_DIGITS = {
    **dict.fromkeys(_NO_DIGITS, 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}

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


def money_text(minor: int, currency: str) -> str:
    """Return an amount as a person reads it, such as 1,234.50 USD."""
    digits = _DIGITS.get(currency, 2)
    whole, rest = divmod(abs(minor), 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{'-' if minor < 0 else ''}{whole:,}{fraction} {currency}"
