"""What is asked about an applicant, and what is answered."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from protocols.contracts.applicants import (
    Digest,
    Features,
    Packing,
    Violation,
    digest_of_question,
    feature_faults,
    raise_any,
)
from protocols.contracts.features import Contract, FeatureContract, Name, Sentence

MAX_MINOR = 2**53 - 1  # what canonical JSON holds, and every JSON reader reads exactly

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")]
Subject = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{0,64}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Field(ge=0, le=MAX_MINOR)]
PositiveMinor = Annotated[int, Field(ge=1, le=MAX_MINOR)]
Outcome = Literal["APPROVE", "COUNTEROFFER", "DECLINE"]


class ScoreRequest(Contract):
    """One question for a score; ``subject`` is a pseudonym of the person, or empty."""

    request_id: RequestId
    features: Features
    subject: Subject = ""

    @property
    def body_digest(self) -> bytes:
        """Return what two requests share if and only if they ask the same."""
        return digest_of_question("score", self.features, [self.subject] if self.subject else [])


class LimitRequest(Contract):
    """One question for a limit; money is in minor units, ``subject`` as in ``ScoreRequest``."""

    request_id: RequestId
    features: Features
    requested_amount_minor: PositiveMinor
    currency: Currency
    subject: Subject = ""

    @property
    def body_digest(self) -> bytes:
        """Return what two requests share if and only if they ask the same."""
        about = [self.subject] if self.subject else []
        asked: list[str | int] = [self.requested_amount_minor, self.currency, *about]
        return digest_of_question("limit", self.features, asked)


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
        clipped_fields: Those whose value lay beyond the public bounds and counted as the bound.
    """

    score_id: RequestId
    request_id: RequestId
    p_default: float = Field(ge=0, le=1)
    points: int
    reasons: tuple[Reason, ...] = Field(max_length=4)
    release_digest: Digest
    scored_at: AwareDatetime
    journal_position: int = Field(ge=1)
    clipped_fields: tuple[Name, ...] = ()


class LimitDecision(Contract):
    """A decision as it was given.

    Attributes:
        limit_minor: Never above the request; 0 declines.
        p_default: Probability of default within the contract's window.
        reasons: What cost the applicant points, at most four, most points lost first.
        policy_reasons: Which rules kept the limit below the request; empty on approvals.
        journal_position: Place of this answer in the server's journal, from 1.
        clipped_fields: As in ``ScoreAnswer``.
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
    clipped_fields: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _check_outcome(self) -> "LimitDecision":
        if self.limit_minor > self.requested_amount_minor:
            raise ValueError("the limit is above the request")
        if self.outcome != outcome_of(self.limit_minor, self.requested_amount_minor):
            raise ValueError("the outcome does not follow from limit and request")
        return self


def outcome_of(limit_minor: int, requested_minor: int) -> Outcome:
    """Return the word for a limit: all, some or nothing of the request."""
    if limit_minor == 0:
        return "DECLINE"
    return "APPROVE" if limit_minor == requested_minor else "COUNTEROFFER"


def check_score_request(
    request: ScoreRequest, contract: FeatureContract, *, packing: Packing
) -> None:
    """Raise ``RequestError`` unless every value given is for a field of its kind.

    What the values are is no matter: the encoder clamps them as it did in training.
    """
    raise_any(feature_faults(request.features, contract, packing))


def check_limit_request(
    request: LimitRequest, contract: FeatureContract, *, packing: Packing
) -> None:
    """Raise ``RequestError`` unless values fit their fields and money is the contract's."""
    violations = list(feature_faults(request.features, contract, packing))
    if request.currency != contract.currency:
        violations.append(Violation("currency", f"must be {contract.currency}"))
    raise_any(violations)
