"""The words of repayment plans and of their annual cost, and the fees that a policy may name."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator

from protocols.contracts.features import Contract, DecimalText
from protocols.contracts.money import Minor

MOST_DECIMALS = 18  # of a rate or a share; what is exact stays small

Method = Literal[
    "EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_FIRST", "BULLET", "DAILY_INTEREST"
]
DayCount = Literal["ACT/365F", "ACT/360", "30/360", "ACT/ACT"]
CostBasis = Literal["NOMINAL_X12", "EFFECTIVE", "EU_APRC", "REGZ_ACTUARIAL", "ALL_IN_COST_CN"]


def has_few_decimals(number: Decimal) -> bool:
    """Return whether a finite number is written with at most 18 decimals."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MOST_DECIMALS


def _check_share(text: str) -> str:
    share = Decimal(text)
    if not (0 <= share < 1 and has_few_decimals(share)):
        raise ValueError("expected a share from 0 to below 1, with at most 18 decimals")
    return text


Share = Annotated[DecimalText, AfterValidator(_check_share)]


class Fees(Contract):
    """What a borrower pays beside interest.

    Attributes:
        upfront_share: Of what is drawn, taken when it is drawn.
        upfront_minor: Taken once, when the loan is drawn.
        monthly_share: Of all that was drawn, each month, however much is repaid.
        monthly_minor: Each month.
    """

    upfront_share: Share
    upfront_minor: Minor
    monthly_share: Share
    monthly_minor: Minor


NO_FEES = Fees(upfront_share="0", upfront_minor=0, monthly_share="0", monthly_minor=0)
