"""The policy that turns a probability of default into a limit, a price and plans: data, no code.

A policy that parses may still be wrong: that a safer applicant never gets less, that tables have
no gap and that no rate is above the law's cap is shown by a proof, before anybody activates it.
"""

from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from protocols.contracts.facts import FactTable, Rule
from protocols.contracts.features import Contract, DecimalText, Group, Name, contract_digest
from protocols.contracts.money import (
    Currency,
    Factor,
    Minor,
    PositiveMinor,
    PositiveShare,
)
from protocols.contracts.plans import NO_FEES, DayCount, Fees, Method
from protocols.contracts.regulation import Segment

_Months = Annotated[int, Field(ge=1, le=360)]
_Days = Annotated[int, Field(ge=0, le=3_650)]


class RiskBand(Contract):
    """A range of risk: above the band before, up to and with ``p_default_up_to``.

    Attributes:
        limit_minor: The most that the band gets.
        annual_rate: Nominal, a year; "0.12" is 12 %. None where the band gets nothing.
        income_multiple: Of a year's verified income; None where income is no cap.
    """

    name: Name
    p_default_up_to: DecimalText
    limit_minor: Minor
    annual_rate: Factor | None = None
    income_multiple: Factor | None = None

    @model_validator(mode="after")
    def _check_price(self) -> "RiskBand":
        if self.limit_minor and self.annual_rate is None:
            raise ValueError("a band with a limit needs an annual_rate")
        return self


class Affordability(Contract):
    """How much of an income may serve debts.

    Attributes:
        debt_service_share: Of the monthly income, for all debts together.
        months: Over how many months the limit would be paid back, in equal instalments.
        without_income_minor: The most for whose income nobody verified.
    """

    debt_service_share: PositiveShare
    months: _Months
    without_income_minor: Minor


class ExpectedLoss(Contract):
    """How much one borrower may be expected to cost.

    Attributes:
        budget_minor: Of expected loss.
        loss_given_default: Share of what is owed at default that is lost.
        credit_conversion: Share of an undrawn limit that is drawn by then.
    """

    budget_minor: PositiveMinor
    loss_given_default: PositiveShare
    credit_conversion: PositiveShare


class LadderStep(Contract):
    """From so many months on, so much."""

    months_on_book: Annotated[int, Field(ge=0, le=1_200)]
    limit_minor: Minor


class ThinFile(Contract):
    """Who is little known begins small, and moves up with time.

    Attributes:
        group: Whose fields count.
        fewest_known: With fewer known values than this the file is thin.
        ladder: By months as a customer, the first from 0 on.
    """

    group: Group
    fewest_known: Annotated[int, Field(ge=1, le=500)]
    ladder: tuple[LadderStep, ...] = Field(min_length=1, max_length=50, strict=False)

    @model_validator(mode="after")
    def _check_ladder(self) -> "ThinFile":
        months = [step.months_on_book for step in self.ladder]
        if months[0] != 0 or not all(lower < upper for lower, upper in pairwise(months)):
            raise ValueError("ladder: months_on_book must rise from 0")
        return self


class SegmentPolicy(Contract):
    """What holds for one kind of borrower.

    Attributes:
        bands: From safest to riskiest; together they cover every probability, the last declines.
        obligor_maximum_minor: For all that one borrower owes anywhere, this limit included.
        refer_above_minor: A larger limit is for a person to confirm.
    """

    bands: tuple[RiskBand, ...] = Field(min_length=2, max_length=100, strict=False)
    affordability: Affordability | None = None
    expected_loss: ExpectedLoss | None = None
    thin_file: ThinFile | None = None
    obligor_maximum_minor: PositiveMinor | None = None
    refer_above_minor: PositiveMinor | None = None
    rules: tuple[Rule, ...] = Field(default=(), max_length=100, strict=False)
    tables: tuple[FactTable, ...] = Field(default=(), max_length=20, strict=False)

    @model_validator(mode="after")
    def _check_bands(self) -> "SegmentPolicy":
        bounds = [float(band.p_default_up_to) for band in self.bands]
        if not all(lower < upper for lower, upper in pairwise([0.0, *bounds])):
            raise ValueError("bands: p_default_up_to must rise from band to band, above 0")
        if bounds[-1] != 1.0 or self.bands[-1].limit_minor != 0:
            raise ValueError('bands: the last must end at "1" and decline with limit_minor 0')
        if len({band.name for band in self.bands}) != len(self.bands):
            raise ValueError("bands: names must differ")
        return self

    def band(self, p_default: float) -> RiskBand:
        """Return the band that holds a probability; bounds count as float64, as it does."""
        return next(band for band in self.bands if p_default <= float(band.p_default_up_to))


class ProductTerms(Contract):
    """What the product allows at all; a limit is a whole number of steps."""

    minimum_minor: PositiveMinor
    maximum_minor: PositiveMinor
    step_minor: PositiveMinor

    @model_validator(mode="after")
    def _check_terms(self) -> "ProductTerms":
        if self.minimum_minor > self.maximum_minor:
            raise ValueError("minimum_minor is above maximum_minor")
        if self.minimum_minor % self.step_minor or self.maximum_minor % self.step_minor:
            raise ValueError("minimum_minor and maximum_minor must be whole steps")
        return self


class PlanTerms(Contract):
    """A way to pay back, and over how many months."""

    method: Method
    day_count: DayCount
    months: tuple[_Months, ...] = Field(min_length=1, max_length=20, strict=False)

    @model_validator(mode="after")
    def _check_day_count(self) -> "PlanTerms":
        if self.method == "DAILY_INTEREST" and self.day_count == "30/360":
            raise ValueError("day_count: interest by days needs a convention that counts days")
        return self


class LineTerms(Contract):
    """How an open line may change.

    Attributes:
        increase_after_days: Since the line was opened or changed.
        increase_after_reviews: In a row that would have given more.
        increase_share: Of the line, the most that one increase adds.
        decrease_after_reviews: In a row that would have given less; rules that decline act at once.
    """

    increase_after_days: _Days
    increase_after_reviews: Annotated[int, Field(ge=1, le=24)]
    increase_share: Factor
    decrease_after_reviews: Annotated[int, Field(ge=1, le=24)]


class Freshness(Contract):
    """How old what is known may be.

    Attributes:
        group: Whose fields.
        most_days: Older values count as missing; so do those whose age nobody says.
        is_required: Whether nothing is decided without fresh values of the group.
    """

    group: Group
    most_days: _Days
    is_required: bool


class LimitPolicy(Contract):
    """The whole policy of one product.

    Attributes:
        product: What is decided on; one policy is active for each at any instant.
        profile: The regulatory profile whose rules hold.
        author: Who wrote it; somebody else must approve it.
        time_zone: In which a decision's day is counted.
        valid_days: How long an offer stands.
        terms: Of every limit.
        plans: On offer.
        fees: What a borrower pays beside interest.
        line: How open lines change.
        freshness: By group; a group that is not here has no age.
        segments: Kinds of borrower; who is of another gets an error.
    """

    schema_version: Literal[2] = Field(alias="schema")
    name: Name
    product: Name
    currency: Currency
    profile: Name
    author: Name
    time_zone: Annotated[str, Field(min_length=1, max_length=60)]
    valid_days: Annotated[int, Field(ge=1, le=366)]
    terms: ProductTerms
    plans: tuple[PlanTerms, ...] = Field(min_length=1, max_length=10, strict=False)
    fees: Fees = NO_FEES
    line: LineTerms
    freshness: tuple[Freshness, ...] = Field(default=(), max_length=10, strict=False)
    segments: dict[Segment, SegmentPolicy] = Field(min_length=1)

    @cached_property
    def digest(self) -> bytes:
        """Return the digest of the policy's table, defaults included."""
        return contract_digest(self.model_dump(mode="json", by_alias=True))

    @cached_property
    def zone(self) -> ZoneInfo:
        """Return the time zone in which a decision's day is counted."""
        return ZoneInfo(self.time_zone)

    @model_validator(mode="after")
    def _check_names(self) -> "LimitPolicy":
        groups = [item.group for item in self.freshness]
        if len(set(groups)) != len(groups):
            raise ValueError("freshness: a group stands once")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, OSError, ValueError) as err:
            raise ValueError("time_zone: expected a name such as Asia/Shanghai") from err
        return self

    @model_validator(mode="after")
    def _check_whole_steps(self) -> "LimitPolicy":
        for segment in self.segments.values():
            limits = [band.limit_minor for band in segment.bands]
            if any(0 < limit < self.terms.minimum_minor for limit in limits):
                raise ValueError("bands: limit_minor must be 0 or at least terms.minimum_minor")
            if any(limit % self.terms.step_minor for limit in limits):
                raise ValueError("bands: limit_minor must be a whole number of steps")
        return self
