"""What is asked about a credit limit, and what is answered."""

import json
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator

from protocols.contracts.applicants import (
    Digest,
    Features,
    Packing,
    Violation,
    digest_of_question,
    feature_faults,
    raise_any,
)
from protocols.contracts.facts import FactName
from protocols.contracts.features import Contract, DecimalText, FeatureContract, Group, Name
from protocols.contracts.money import MAX_MINOR, Currency, Minor, PositiveMinor
from protocols.contracts.plans import CostBasis, Method
from protocols.contracts.regulation import Segment
from protocols.contracts.scores import Reason, RequestId, Subject

Outcome = Literal["APPROVE", "COUNTEROFFER", "DECLINE", "REFER", "NOT_DECIDED"]
Change = Literal["INITIAL", "INCREASE", "DECREASE", "UNCHANGED", "FREEZE"]
Source = Literal["MODEL", "POLICY", "REGULATORY", "DATA_QUALITY"]
Language = Literal["en", "zh"]
Withholding = Literal["STALE", "NOT_PERMITTED"]

MOST_PRINCIPAL_REASONS = 4
MOST_CONSENTS, MOST_GROUPS = 20, 5  # of one request; of one consent, and of days
MOST_COUNTED = 100  # decisions of which one request says that they are counted
MOST_REVIEWS = 1_000  # in a row; further ones count no more
# What stands first in a limit's digest, and by itself there where nothing else was said.
_FIRST = {"request_id", "features", "requested_amount_minor", "currency", "subject"}
# Canonical JSON of what a limit's digest holds beside it, all of which is ASCII and whole numbers.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _day(value: object) -> object:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as err:
        raise ValueError("expected a day such as 2026-11-27") from err


def _in_order(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(ids)))


Day = Annotated[date, BeforeValidator(_day)]  # text where it comes from JSON or the wire
_Ids = Annotated[tuple[RequestId, ...], AfterValidator(_in_order)]


class Consent(Contract):
    """A borrower's permission to use kinds of data for this assessment.

    Attributes:
        groups: Of the feature contract.
        granted_on, expires_on: The last day is not in it.
    """

    groups: tuple[Group, ...] = Field(min_length=1, max_length=MOST_GROUPS, strict=False)
    granted_on: Day
    expires_on: Day


class Circumstances(Contract):
    """What the platform knows of a borrower beside the fields of the feature contract.

    Attributes:
        monthly_income_minor: Verified by somebody; None if nobody did.
        monthly_obligations_minor: What debts elsewhere take of it.
        exposure_elsewhere_minor: All that is owed to others, and may be drawn there.
        facts: By name; a fact that is not here is not known.
        counted_decisions: Earlier ones about the subject whose offers ``exposure_elsewhere_minor``
            or the line counts, or which were turned down; every other offer that stands is added.
    """

    monthly_income_minor: Minor | None = None
    monthly_obligations_minor: Minor | None = None
    exposure_elsewhere_minor: Minor | None = None
    facts: dict[FactName, Annotated[int, Field(ge=0, le=MAX_MINOR)]] = Field(default_factory=dict)
    counted_decisions: _Ids = Field(default=(), max_length=MOST_COUNTED, strict=False)


_Reviews = Annotated[int, Field(ge=0, le=MOST_REVIEWS)]


class Line(Contract):
    """The credit line that the borrower has with this product.

    Attributes:
        outstanding_minor, reserved_minor: Drawn, and held for draws that are under way.
        changed_on: When it was opened or its limit last changed.
        better_reviews, worse_reviews: As the last decision said.
    """

    limit_minor: PositiveMinor
    outstanding_minor: Minor
    reserved_minor: Minor = 0
    changed_on: Day
    better_reviews: _Reviews = 0
    worse_reviews: _Reviews = 0


class LimitRequest(Contract):
    """One question for a limit; money is in minor units, ``subject`` as in ``ScoreRequest``.

    Attributes:
        product: Whose policy decides; may be empty where there is one only.
        months: The term that is asked for; None asks for all that are on offer.
        consents: The borrower's, for the kinds of data that need one.
        observed: For each group of fields the day on which its values were true.
        line: The line that is reviewed; None asks for a new one.
    """

    request_id: RequestId
    features: Features
    requested_amount_minor: PositiveMinor
    currency: Currency
    subject: Subject = ""
    product: Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z0-9_.\-]*$")] = ""
    segment: Segment = "CONSUMER"
    months: Annotated[int, Field(ge=1, le=360)] | None = None
    circumstances: Circumstances = Circumstances()
    consents: tuple[Consent, ...] = Field(default=(), max_length=MOST_CONSENTS, strict=False)
    observed: dict[Group, Day] = Field(default_factory=dict)
    line: Line | None = None

    @property
    def body_digest(self) -> bytes:
        """Return what two requests share if and only if they ask the same."""
        about = [self.subject] if self.subject else []
        asked: list[str | int] = [self.requested_amount_minor, self.currency, *about]
        more = self.model_dump(mode="json", exclude=_FIRST, exclude_defaults=True)
        if more:
            asked.append(_canonical(more))
        return digest_of_question("limit", self.features, asked)


class Component(Contract):
    """One cap on the limit, and whether by itself it allows no more than was assessed."""

    name: Name
    limit_minor: Minor
    is_binding: bool


class PrincipalReason(Contract):
    """Why the limit is below the request: specific, and most important first.

    Attributes:
        code: Of the catalogue, or of the feature contract where the source is MODEL.
        sentence, sentence_zh: For the borrower, in English and Chinese.
        is_changeable: Whether a person can do something about it.
    """

    code: Name
    source: Source
    sentence: Annotated[str, Field(min_length=1, max_length=400)]
    sentence_zh: Annotated[str, Field(min_length=1, max_length=400)]
    is_changeable: bool


class AnnualCost(Contract):
    """What a plan costs a year on one basis, in percent."""

    basis: CostBasis
    percent: DecimalText


class Offer(Contract):
    """A plan for the whole limit, drawn on the day of the decision.

    Attributes:
        first_minor, last_minor: Instalments, fees included.
        costs: On every basis; that of the cap comes first.
    """

    method: Method
    months: int
    first_minor: Minor
    last_minor: Minor
    interest_minor: Minor
    fees_minor: Minor
    costs: tuple[AnnualCost, ...] = Field(strict=False)


class Withheld(Contract):
    """A group of fields whose values counted as missing, and why."""

    group: Group
    why: Withholding


class Step(Contract):
    """One step of a decision, and what came of it."""

    name: Name
    result: Name


class LimitDecision(Contract):
    """A decision as it was given.

    Attributes:
        limit_minor: What stands from now on; 0 if nothing is given or a person must confirm.
        assessed_limit_minor: What rules and model allow, before a person confirms.
        available_minor: What may be drawn now.
        components: Every cap, and which of them bind.
        band: Of risk.
        annual_rate: Nominal; empty where there is no offer.
        offers: Plans for the limit; none without a limit.
        principal_reasons: One to four unless the request is approved; none then.
        p_default: Probability of default within the contract's window.
        reasons: What cost the applicant points, at most four, most points lost first.
        valid_until: First day on which the offer does not stand any more.
        better_reviews, worse_reviews: For the line's next review.
        code_digest: Of the program that decided.
        features_digest: Of what was known, as it was asked.
        offered_minor: What other offers to the subject stood for, which the request did not count.
        journal_position: Place of this answer in the server's journal, from 1.
        clipped_fields: As in ``ScoreAnswer``.
    """

    decision_id: RequestId
    request_id: RequestId
    outcome: Outcome
    change: Change
    limit_minor: Minor
    assessed_limit_minor: Minor
    available_minor: Minor
    requested_amount_minor: PositiveMinor
    currency: Currency
    product: Name
    segment: Segment
    components: tuple[Component, ...]
    band: Name
    annual_rate: str
    offers: tuple[Offer, ...]
    principal_reasons: tuple[PrincipalReason, ...] = Field(max_length=MOST_PRINCIPAL_REASONS)
    p_default: float = Field(ge=0, le=1)
    points: int
    reasons: tuple[Reason, ...] = Field(max_length=4)
    withheld: tuple[Withheld, ...]
    steps: tuple[Step, ...]
    valid_until: Day
    better_reviews: int = Field(ge=0)
    worse_reviews: int = Field(ge=0)
    release_digest: Digest
    calibration_digest: Digest
    policy_digest: Digest
    profile: Name
    profile_digest: Digest
    features_digest: Digest
    code_digest: Digest
    decided_at: AwareDatetime
    journal_position: int = Field(ge=1)
    clipped_fields: tuple[Name, ...] = ()
    offered_minor: Minor = 0

    @model_validator(mode="after")
    def _check_outcome(self) -> "LimitDecision":
        if (self.outcome == "APPROVE") == bool(self.principal_reasons):
            raise ValueError("an approval has no principal reasons, and everything else has some")
        if self.change == "INITIAL" and self.limit_minor > self.requested_amount_minor:
            raise ValueError("the limit is above the request")
        return self


def outcome_of(
    limit_minor: int, requested_minor: int
) -> Literal["APPROVE", "COUNTEROFFER", "DECLINE"]:
    """Return the word for a limit that is given: all of a request, some, or nothing."""
    if limit_minor == 0:
        return "DECLINE"
    return "APPROVE" if limit_minor >= requested_minor else "COUNTEROFFER"


def check_limit_request(
    request: LimitRequest, contract: FeatureContract, *, packing: Packing
) -> None:
    """Raise ``RequestError`` unless values fit their fields and money is the contract's."""
    violations = list(feature_faults(request.features, contract, packing))
    if request.currency != contract.currency:
        violations.append(Violation("currency", f"must be {contract.currency}"))
    violations += _line_faults(request.line) if request.line else ()
    raise_any(violations)


def _line_faults(line: Line) -> Iterable[Violation]:
    if line.outstanding_minor + line.reserved_minor > MAX_MINOR:
        yield Violation("line", "outstanding and reserved are more than money can be")
