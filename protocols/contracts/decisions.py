"""What is asked about an applicant, what is answered, and the policy between the two."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from protocols.contracts.features import (
    Contract,
    DecimalText,
    FeatureContract,
    Name,
    NumericField,
    Sentence,
    contract_digest,
    is_computed,
)
from protocols.errors import ContractError
from protocols.ledger.canonical import canonical_json, digest

MAX_MINOR = 2**53 - 1  # what canonical JSON holds, and every JSON reader reads exactly
MAX_VIOLATIONS = 20

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Field(ge=0, le=MAX_MINOR)]
PositiveMinor = Annotated[int, Field(ge=1, le=MAX_MINOR)]
Digest = Annotated[bytes, Field(min_length=32, max_length=32)]
Outcome = Literal["APPROVE", "COUNTEROFFER", "DECLINE"]


@dataclass(frozen=True)
class Violation:
    """One rule that a request breaks: where and which, never with which value."""

    field: str
    rule: str


class RequestError(ContractError):
    """A request breaks the contract; ``violations`` say where and how."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        """Keep the violations; the message repeats them."""
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{item.field}: {item.rule}" for item in self.violations))


class Applicant(Contract):
    """What is known of one applicant; a field in neither table is missing."""

    numbers: dict[Name, float]
    categories: dict[Name, str]

    def columns(
        self, contract: FeatureContract
    ) -> dict[str, Sequence[float | None] | Sequence[str | None]]:
        """Return one row as columns, the shape in which the model's encoder reads it."""
        return {
            field.name: [self.numbers.get(field.name)]
            if isinstance(field, NumericField)
            else [self.categories.get(field.name)]
            for field in contract.inputs
        }


class ScoreRequest(Contract):
    """One question for a score."""

    request_id: RequestId
    features: Applicant

    @property
    def body_digest(self) -> bytes:
        """Return what two requests share if and only if they ask the same."""
        return digest(canonical_json(["score", _plain(self.features)]))


class LimitRequest(Contract):
    """One question for a limit; money is in minor units."""

    request_id: RequestId
    features: Applicant
    requested_amount_minor: PositiveMinor
    currency: Currency

    @property
    def body_digest(self) -> bytes:
        """Return what two requests share if and only if they ask the same."""
        asked = [self.requested_amount_minor, self.currency]
        return digest(canonical_json(["limit", _plain(self.features), *asked]))


class Reason(Contract):
    """A field that cost an applicant points.

    Attributes:
        code, sentence: As the feature contract has them.
        field: Name of the field.
        points_lost: Exact points below what the average borrower gets for the field.
        is_missing: The request held no usable value for the field.
    """

    code: Name
    sentence: Sentence
    field: Name
    points_lost: float = Field(gt=0, allow_inf_nan=False)
    is_missing: bool


class PolicyReason(Contract):
    """A rule of the policy that kept a limit below the request."""

    code: Name
    sentence: Sentence


class ScoreAnswer(Contract):
    """A score as it was given.

    Attributes:
        p_default: Probability of default within the contract's window.
        reasons: At most four, most points lost first.
        journal_position: Place of this answer in the server's journal, from 1.
    """

    score_id: RequestId
    request_id: RequestId
    p_default: float = Field(ge=0, le=1)
    points: int
    reasons: tuple[Reason, ...] = Field(max_length=4)
    release_digest: Digest
    scored_at: AwareDatetime
    journal_position: int = Field(ge=1)


class LimitDecision(Contract):
    """A decision as it was given.

    Attributes:
        limit_minor: Never above the request; 0 declines.
        p_default: Probability of default within the contract's window.
        reasons: What cost the applicant points, at most four, most points lost first.
        policy_reasons: Which rules kept the limit below the request; empty on approvals.
        journal_position: Place of this answer in the server's journal, from 1.
    """

    decision_id: RequestId
    request_id: RequestId
    outcome: Outcome
    limit_minor: Minor
    requested_amount_minor: PositiveMinor
    currency: Currency
    p_default: float = Field(ge=0, le=1)
    points: int
    reasons: tuple[Reason, ...] = Field(max_length=4)
    policy_reasons: tuple[PolicyReason, ...]
    release_digest: Digest
    policy_digest: Digest
    decided_at: AwareDatetime
    journal_position: int = Field(ge=1)

    @model_validator(mode="after")
    def _check_outcome(self) -> "LimitDecision":
        if self.limit_minor > self.requested_amount_minor:
            raise ValueError("the limit is above the request")
        if self.outcome != outcome_of(self.limit_minor, self.requested_amount_minor):
            raise ValueError("the outcome does not follow from limit and request")
        return self


class RiskBand(Contract):
    """A range of risk: above the band before, up to and with ``p_default_up_to``."""

    p_default_up_to: DecimalText
    limit_minor: Minor


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


class LimitPolicy(Contract):
    """Risk bands and product terms; one that could treat a safer applicant worse does not load.

    Attributes:
        bands: From safest to riskiest; together they cover every probability, the last declines.
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    currency: Currency
    product: ProductTerms
    bands: tuple[RiskBand, ...] = Field(min_length=2, max_length=100, strict=False)

    @property
    def digest(self) -> bytes:
        """Return the digest of the policy's table as written; every key is required."""
        return contract_digest(self.model_dump(mode="json", by_alias=True))

    @model_validator(mode="after")
    def _check_cover(self) -> "LimitPolicy":
        bounds = [float(band.p_default_up_to) for band in self.bands]
        if not all(lower < upper for lower, upper in pairwise([0.0, *bounds])):
            raise ValueError("bands: p_default_up_to must rise from band to band, above 0")
        if bounds[-1] != 1.0 or self.bands[-1].limit_minor != 0:
            raise ValueError('bands: the last must end at "1" and decline with limit_minor 0')
        return self

    @model_validator(mode="after")
    def _check_limits(self) -> "LimitPolicy":
        limits = [band.limit_minor for band in self.bands]
        if not all(safer >= riskier for safer, riskier in pairwise(limits)):
            raise ValueError("bands: a safer band must not get a lower limit_minor")
        if any(0 < limit < self.product.minimum_minor for limit in limits):
            raise ValueError("bands: limit_minor must be 0 or at least the product's minimum")
        if any(limit % self.product.step_minor for limit in limits):
            raise ValueError("bands: limit_minor must be a whole number of steps")
        return self


def outcome_of(limit_minor: int, requested_minor: int) -> Outcome:
    """Return the word for a limit: all, some or nothing of the request."""
    if limit_minor == 0:
        return "DECLINE"
    return "APPROVE" if limit_minor == requested_minor else "COUNTEROFFER"


def check_score_request(request: ScoreRequest, contract: FeatureContract) -> None:
    """Raise ``RequestError`` unless every value given is for a field of its kind.

    What the values are is no matter: the encoder clamps them as it did in training.
    """
    _raise_any(_feature_violations(request.features, contract))


def check_limit_request(request: LimitRequest, contract: FeatureContract) -> None:
    """Raise ``RequestError`` unless values fit their fields and money is the contract's."""
    violations = list(_feature_violations(request.features, contract))
    if request.currency != contract.currency:
        violations.append(Violation("currency", f"must be {contract.currency}"))
    _raise_any(violations)


def request_error(err: ValidationError) -> RequestError:
    """Return what pydantic found, without repeating any value."""
    faults = err.errors(include_input=False, include_url=False, include_context=False)
    return RequestError(_violation(fault["loc"], fault["msg"]) for fault in faults[:MAX_VIOLATIONS])


def _violation(where: tuple[int | str, ...], rule: str) -> Violation:
    if where[-1:] == ("[key]",):  # a table's key that is no field name: it may be anything
        return Violation(".".join(map(str, where[:-2])), "holds a name that no field can have")
    return Violation(".".join(map(str, where)), rule)


def _raise_any(violations: Iterable[Violation]) -> None:
    found = tuple(islice(violations, MAX_VIOLATIONS))
    if found:
        raise RequestError(found)


def _feature_violations(applicant: Applicant, contract: FeatureContract) -> Iterable[Violation]:
    kinds = {
        field.name: "computed" if is_computed(field) else field.kind for field in contract.fields
    }
    yield from _number_violations(applicant, kinds)
    yield from _category_violations(applicant, kinds)


def _number_violations(applicant: Applicant, kinds: Mapping[str, str]) -> Iterable[Violation]:
    for name in sorted(applicant.numbers):
        where = f"features.numbers.{name}"
        if name not in kinds:
            yield Violation(where, "no such field in the feature contract")
        elif kinds[name] == "computed":
            yield Violation(where, "this field is computed from others; leave it out")
        elif kinds[name] == "categorical":
            yield Violation(where, "this field is categorical; put it under categories")


def _category_violations(applicant: Applicant, kinds: Mapping[str, str]) -> Iterable[Violation]:
    for name, level in sorted(applicant.categories.items()):
        where = f"features.categories.{name}"
        if name not in kinds:
            yield Violation(where, "no such field in the feature contract")
        elif kinds[name] != "categorical":
            yield Violation(where, "this field is numeric; put it under numbers")
        elif not level:
            yield Violation(where, "is empty; leave a missing field out")


def _plain(applicant: Applicant) -> dict[str, object]:
    # Canonical JSON holds no floats; their hexadecimal text is exact, and NaN is one text.
    return {
        "categories": dict(applicant.categories),
        "numbers": {name: number.hex() for name, number in applicant.numbers.items()},
    }
