"""How a decision is contested: the steps that are asked for, as both sides know them."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field, model_validator

from protocols.contracts.applicants import Digest
from protocols.contracts.features import Contract, Name
from protocols.contracts.money import Minor
from protocols.contracts.scores import RequestId
from protocols.ledger.canonical import canonical_json, digest

MOST_EVENTS = 256  # of one case, and of one decision's outcomes
MOST_EVIDENCE = 20  # of one appeal

# Plain text: lines, and nothing that moves a reader's cursor or turns the order of its letters.
_PLAIN = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
Note = Annotated[str, Field(max_length=1_000, pattern=_PLAIN)]
Explanation = Annotated[str, Field(min_length=1, max_length=1_000, pattern=_PLAIN)]
ShortNote = Annotated[str, Field(max_length=200, pattern=_PLAIN)]

State = Literal["NONE", "SUBMITTED", "IN_REVIEW", "UPHELD", "OVERTURNED", "WITHDRAWN"]
Verdict = Literal["UPHELD", "OVERTURNED"]
Maturity = Literal["INTERIM", "FINAL"]
OverrideOutcome = Literal["APPROVE", "COUNTEROFFER", "DECLINE"]
EvidenceKind = Literal[
    "INCOME",
    "OBLIGATIONS",
    "IDENTITY",
    "BUREAU_CORRECTION",
    "BUSINESS_RECORDS",
    "STATEMENT",
    "OTHER",
]


class Evidence(Contract):
    """A document that is kept elsewhere: what it is, and its SHA-256."""

    kind: EvidenceKind
    digest: Digest
    note: ShortNote = ""


class Override(Contract):
    """What a person puts in the place of what stood.

    Attributes:
        limit_minor: In minor units of the decision's currency.
        reason_code: Stable, such as ``OVERRIDE.INCOME_VERIFIED``.
        expires_at: From then on the decision stands as it was given.
    """

    outcome: OverrideOutcome
    limit_minor: Minor
    reason_code: Name
    note: Explanation
    expires_at: AwareDatetime


class OutcomeLabel(Contract):
    """What became of a credit.

    Attributes:
        is_default: As the feature contract defines default.
        days_past_due: On that day.
        maturity: INTERIM while the window of the outcome is open.
    """

    is_default: bool
    days_past_due: int = Field(ge=0, le=100_000)
    observed_on: date
    maturity: Maturity


class StepBase(Contract):
    """What every step says.

    Attributes:
        request_id: One per step of a case.
        expected_version: Of the case as the caller knows it, or 0 for whatever it is.
    """

    kind: ClassVar[str]

    request_id: RequestId
    decision_id: RequestId
    expected_version: int = Field(default=0, ge=0, le=MOST_EVENTS)

    def body_digest(self, author: str) -> bytes:
        """Return what two requests share if and only if the same caller asks the same.

        With the author, or who asks with another's request id would be told that their step was
        taken.
        """
        return digest(canonical_json([self.kind, author, _plain(self.model_dump())]))


class RequestReview(StepBase):
    """Asks that a person looks at a decision."""

    kind = "RequestReview"

    note: Note = ""


class SubmitAppeal(StepBase):
    """Contests what stands."""

    kind = "SubmitAppeal"

    note: Explanation
    evidence: tuple[Evidence, ...] = Field(default=(), max_length=MOST_EVIDENCE)


class AddEvidence(StepBase):
    """Adds to what is under review."""

    kind = "AddEvidence"

    evidence: Evidence


class WithdrawAppeal(StepBase):
    """Takes back what is under review."""

    kind = "WithdrawAppeal"

    note: Note = ""


class ClaimReview(StepBase):
    """An officer takes a case, or keeps it for longer."""

    kind = "ClaimReview"


class ResolveReview(StepBase):
    """An officer says what is to stand, of a case as they have read it."""

    kind = "ResolveReview"

    expected_version: int = Field(ge=1, le=MOST_EVENTS)
    verdict: Verdict
    note: Explanation
    override: Override | None = None

    @model_validator(mode="after")
    def _check_override(self) -> "ResolveReview":
        if (self.override is not None) != (self.verdict == "OVERTURNED"):
            raise ValueError("an override goes with the verdict OVERTURNED, and only with that")
        return self


class ReportOutcome(StepBase):
    """Says what became of the credit; ``expected_version`` counts the outcomes before."""

    kind = "ReportOutcome"

    label: OutcomeLabel


Step = (
    RequestReview
    | SubmitAppeal
    | AddEvidence
    | WithdrawAppeal
    | ClaimReview
    | ResolveReview
    | ReportOutcome
)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date | datetime) else value
