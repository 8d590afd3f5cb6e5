"""What a loan costs, row by row: what is asked, and what is answered."""

from typing import Annotated

from pydantic import Field, model_validator

from protocols.contracts.decisions import AnnualCost, Day
from protocols.contracts.features import Contract, DecimalText, Name
from protocols.contracts.money import Currency, Factor, Minor, PositiveMinor
from protocols.contracts.plans import NO_FEES, CostBasis, DayCount, Fees, Method
from protocols.contracts.regulation import Segment
from protocols.contracts.scores import RequestId

_Months = Annotated[int, Field(ge=1, le=600)]


class OfferedLoan(Contract):
    """A plan that a decision offered.

    Attributes:
        method, months: As the offer names them.
        amount_minor: At most the limit; None is all of it.
        drawn_on: Before the offer ends; None is the day of the decision.
    """

    decision_id: RequestId
    method: Method
    months: _Months
    amount_minor: PositiveMinor | None = None
    drawn_on: Day | None = None


class Terms(Contract):
    """A loan by its terms.

    Attributes:
        annual_rate: Nominal; "0.12" is 12 %.
        first_due_on: None is one month after the draw.
        profile: Whose cap on annual cost holds.
    """

    principal_minor: PositiveMinor
    currency: Currency
    annual_rate: Factor
    method: Method
    day_count: DayCount
    months: _Months
    drawn_on: Day
    first_due_on: Day | None = None
    fees: Fees = NO_FEES
    profile: Name
    segment: Segment = "CONSUMER"


Loan = OfferedLoan | Terms


class QuotedRow(Contract):
    """What is due on a day; ``balance_minor`` is the principal that is owed after it."""

    due_on: Day
    principal_minor: Minor
    interest_minor: Minor
    fee_minor: Minor
    total_minor: Minor
    balance_minor: Minor


class QuotedCap(Contract):
    """The largest annual cost that the law allows on the day of the draw."""

    id: Name
    basis: CostBasis
    percent: DecimalText
    since: Day
    source: str


class PlanQuote(Contract):
    """A whole plan.

    Attributes:
        upfront_fee_minor: Kept from what is drawn.
        paid_minor: All that is paid; fees kept from the draw count.
        costs: On every basis; that of the law's cap first.
        cap: None where the law has none.
    """

    currency: Currency
    method: Method
    months: int
    day_count: DayCount
    annual_rate: DecimalText
    drawn_on: Day
    principal_minor: PositiveMinor
    upfront_fee_minor: Minor
    rows: tuple[QuotedRow, ...] = Field(min_length=1)
    interest_minor: Minor
    fees_minor: Minor
    paid_minor: Minor
    costs: tuple[AnnualCost, ...]
    cap: QuotedCap | None

    @model_validator(mode="after")
    def _check_sums(self) -> "PlanQuote":
        if sum(row.principal_minor for row in self.rows) != self.principal_minor:
            raise ValueError("the rows' principal is not what is drawn")
        return self


class SettlementQuote(Contract):
    """What ends a loan on a day, in minor units."""

    on: Day
    principal_minor: Minor
    interest_minor: Minor
    fee_minor: Minor
    total_minor: Minor
    currency: Currency
