"""Regulatory profiles: what a jurisdiction demands of a limit decision, on which days."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from protocols.contracts.dated import Dated, DayText, Source, Span, check_series
from protocols.contracts.features import (
    Contract,
    DecimalText,
    Group,
    Name,
    Sentence,
    contract_digest,
)
from protocols.contracts.money import Currency, PositiveMinor
from protocols.contracts.plans import CostBasis

Segment = Literal["CONSUMER", "MICRO_SMALL_BUSINESS"]
SEGMENTS: tuple[Segment, ...] = get_args(Segment)
Binds = Literal["EVERY_BORROWER", "COVERED_BORROWERS"]
Lines = Literal["EVERY_LINE", "CREDIT_CARDS", "OVERDRAFTS"]
DueBefore = Literal["DECREASE", "OVER_LIMIT_CHARGE"]
Reviewable = Literal["DECLINE", "COUNTEROFFER", "DECREASE"]
NoticeItem = Literal[
    "ACTION_TAKEN",
    "PRINCIPAL_REASONS",
    "CREDITOR_NAME_AND_ADDRESS",
    "EQUAL_CREDIT_STATEMENT",
    "SUPERVISOR_NAME_AND_ADDRESS",
    "CREDIT_SCORE",
    "SCORE_RANGE",
    "SCORE_DATE",
    "SCORE_KEY_FACTORS",
    "SCORE_SOURCE",
    "REPORT_SOURCE",
    "SOURCE_DID_NOT_DECIDE",
    "FREE_REPORT_RIGHT",
    "DISPUTE_RIGHT",
    "DATABASE_CONSULTED",
    "AUTOMATED_PROCESSING",
    "EXPLANATION_RIGHT",
    "HUMAN_REVIEW_RIGHT",
    "CONTEST_PROCEDURE",
]


def _check_rate(text: str) -> str:
    number = Decimal(text)
    if not 0 < number <= 10_000 or number != round(number, 6):  # products of two stay exact
        raise ValueError("expected a number above 0, up to 10000, of at most six places")
    return text


RateText = Annotated[DecimalText, AfterValidator(_check_rate)]
Days = Annotated[int, Field(ge=1, le=366)]
Months = Annotated[int, Field(ge=1, le=600)]
Segments = Annotated[tuple[Segment, ...], Field(min_length=1, max_length=2, strict=False)]
_Groups = Annotated[tuple[Group, ...], Field(max_length=5, strict=False)]


class DataRule(Dated):
    """Which data may be used.

    Attributes:
        barred_groups: Groups of the feature contract that may not be used at all.
        consent_groups: Groups that may only be used with the borrower's consent to that group.
        needs_consent: Whether an assessment as a whole needs the borrower's consent.
    """

    barred_groups: _Groups
    consent_groups: _Groups
    needs_consent: bool

    @model_validator(mode="after")
    def _check_groups(self) -> "DataRule":
        if set(self.barred_groups) & set(self.consent_groups):
            raise ValueError(f"{self.id}: what is barred cannot be consented to")
        return self


class SegmentRule(Dated):
    """A rule for borrowers of some segments."""

    segments: Segments


class LineCapRule(SegmentRule):
    """The largest line, in minor units of one currency."""

    currency: Currency
    minor: PositiveMinor


class RateCapRule(SegmentRule):
    """The largest annual cost.

    Attributes:
        basis: How the law measures it.
        binds: Every borrower, or those whom the law protects (such as service members).
        percent: The cap, a decimal in quotes; or it is
        multiple, of: so many times a reference rate of the profile, by its name.
    """

    basis: CostBasis
    binds: Binds = "EVERY_BORROWER"
    percent: RateText | None = None
    multiple: RateText | None = None
    of: Name | None = None

    @model_validator(mode="after")
    def _check_form(self) -> "RateCapRule":
        forms = (self.percent is not None, self.multiple is not None, self.of is not None)
        if forms not in ((True, False, False), (False, True, True)):
            raise ValueError(f"{self.id}: give percent, or multiple and of")
        return self


class BulletRule(SegmentRule):
    """The longest loan, in months, whose principal is repaid at its end."""

    longest_months: Months


class NoticeRule(SegmentRule):
    """What is owed to whom an application is declined, reduced or a line decreased.

    Attributes:
        within_days: Days in which the notice is due; None is without delay, in no stated number.
        most_reasons: How many reasons it may give; None is no stated number.
        retention_months: How long what was used must be kept; None is no stated number.
        contents: What it must hold.
    """

    within_days: Days | None = None
    most_reasons: Annotated[int, Field(ge=1, le=20)] | None = None
    retention_months: Months | None = None
    contents: Annotated[tuple[NoticeItem, ...], Field(min_length=1, max_length=40, strict=False)]


class DecreaseNoticeRule(SegmentRule):
    """How many days before what a decrease is announced, and for which lines."""

    days: Days
    before: DueBefore
    lines: Lines


class CostStatementRule(SegmentRule):
    """A statement of the cost before the contract, on a basis, signed or only shown."""

    basis: CostBasis
    is_signed: bool


class Amount(Contract):
    """Money in minor units of a currency."""

    currency: Currency
    minor: PositiveMinor


class ReviewRule(Dated):
    """When a person looks at a decision.

    Attributes:
        may_request: Whether a borrower has a right to review by a person.
        due_days: Days in which one is due; None is no stated number.
        reviewable: Outcomes that may be contested; none where there is no such right.
        refer_above: Limits above these amounts are a person's to give.
        needs_own_triggers: Whether the lender must set triggers of its own for review by a person.
    """

    may_request: bool
    due_days: Days | None = None
    reviewable: Annotated[tuple[Reviewable, ...], Field(max_length=3, strict=False)]
    refer_above: Annotated[tuple[Amount, ...], Field(max_length=20, strict=False)] = ()
    needs_own_triggers: bool

    @model_validator(mode="after")
    def _check_right(self) -> "ReviewRule":
        if self.may_request != bool(self.reviewable):
            raise ValueError(f"{self.id}: reviewable names outcomes if and only if may_request")
        if self.due_days is not None and not self.may_request:
            raise ValueError(f"{self.id}: due_days without may_request")
        if len({amount.currency for amount in self.refer_above}) != len(self.refer_above):
            raise ValueError(f"{self.id}: refer_above names a currency twice")
        return self


class ReassessmentRule(SegmentRule):
    """A line of more than ``tenor_above_months`` is assessed anew every so many months."""

    every_months: Months
    tenor_above_months: Annotated[int, Field(ge=0, le=600)]


class ReferenceValue(Dated):
    """A value of a reference rate, in percent, from the day it was published."""

    percent: RateText


class Reference(Contract):
    """A reference rate that caps are multiples of."""

    name: Name
    title: Sentence
    values: Annotated[tuple[ReferenceValue, ...], Field(min_length=1, strict=False)]


_Many = Field(default=(), max_length=200, strict=False)


class RegulatoryProfile(Contract):
    """The dated rules of one kind of lender in one jurisdiction.

    Rules about data, notices and reviews are there for every day from ``valid_from`` on; caps
    may begin later, and have no hole once they have begun.

    Attributes:
        title_en, title_zh: What people call it.
        valid_from: First day for which it can be asked.
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    title_en: Sentence
    title_zh: Sentence
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    valid_from: DayText
    about: Source
    data: tuple[DataRule, ...] = _Many
    line_caps: tuple[LineCapRule, ...] = _Many
    rate_caps: tuple[RateCapRule, ...] = _Many
    bullets: tuple[BulletRule, ...] = _Many
    notices: tuple[NoticeRule, ...] = _Many
    decrease_notices: tuple[DecreaseNoticeRule, ...] = _Many
    cost_statements: tuple[CostStatementRule, ...] = _Many
    reviews: tuple[ReviewRule, ...] = _Many
    reassessments: tuple[ReassessmentRule, ...] = _Many
    references: tuple[Reference, ...] = _Many

    @cached_property
    def digest(self) -> bytes:
        """Return the digest of the profile's table as written."""
        return contract_digest(self.model_dump(mode="json", by_alias=True, exclude_unset=True))

    def rules(self) -> Iterator[tuple[str, Dated]]:
        """Yield every rule, and value of a reference, with the name of its table."""
        for table in _TABLES:
            for rule in getattr(self, table):
                yield table, rule
        for reference in self.references:
            for value in reference.values:
                yield f"references {reference.name}", value

    @model_validator(mode="after")
    def _check_names(self) -> "RegulatoryProfile":
        _check_once("id", [rule.id for _, rule in self.rules()])
        _check_once("references", [reference.name for reference in self.references])
        return self

    @model_validator(mode="after")
    def _check_days(self) -> "RegulatoryProfile":
        always = Span(self.valid_from, None, "the profile")
        check_series("data", self.data, covers=always)
        check_series("reviews", self.reviews, covers=always)
        notices = _series("notices", self.notices)
        for segment in SEGMENTS:
            name = f"notices {segment}"
            check_series(name, notices.get(name, ()), covers=always)
        for table in _SEGMENT_TABLES:
            for name, rules in _series(table, getattr(self, table)).items():
                check_series(name, rules)
        return self

    @model_validator(mode="after")
    def _check_references(self) -> "RegulatoryProfile":
        known = {reference.name: reference.values for reference in self.references}
        for name, values in known.items():
            check_series(f"references {name}", values)
        for cap in self.rate_caps:
            if cap.of is not None:
                span = Span(cap.from_day, cap.until, cap.id)
                check_series(f"references {cap.of}", known.get(cap.of, ()), covers=span)
        return self


_SEGMENT_TABLES = (
    "line_caps",
    "rate_caps",
    "bullets",
    "decrease_notices",
    "cost_statements",
    "reassessments",
)
_TABLES = ("data", "notices", "reviews", *_SEGMENT_TABLES)


def _series(table: str, rules: Sequence[SegmentRule]) -> Mapping[str, Sequence[SegmentRule]]:
    """Sort rules by what no two may speak of on one day: a segment, for lines with currency."""
    found: defaultdict[str, list[SegmentRule]] = defaultdict(list)
    for rule in rules:
        about = f" {rule.currency}" if isinstance(rule, LineCapRule) else ""
        for segment in rule.segments:
            found[f"{table} {segment}{about}"].append(rule)
    return found


def _check_once(what: str, names: Sequence[str]) -> None:
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    if doubled:
        raise ValueError(f"{what}: named twice: {', '.join(doubled)}")
