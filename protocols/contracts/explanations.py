"""What is answered about a decision: tried, repeated, explained, and told to a borrower."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from protocols.contracts.decisions import LimitDecision, Outcome, Source
from protocols.contracts.features import Contract, Name, Sentence
from protocols.contracts.money import Minor

Cause = Literal["DATA", "MODEL", "POLICY", "PROFILE", "CODE", "DAY"]
Verdict = Literal["MATCH", "DRIFT"]
AdviceKind = Literal[
    "FIELD",
    "FACT",
    "VERIFY_INCOME",
    "VERIFY_INCOME_AND_OBLIGATIONS",
    "LOWER_OBLIGATIONS",
    "LOWER_EXPOSURE",
    "ASK_AMOUNT",
    "ASK_TERM",
]

MOST_ADVICE = 5

_MaybeDigest = Annotated[bytes, Field(max_length=32)]  # empty where there is nothing
_Text = Annotated[str, Field(max_length=2_000)]
_Addendum = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]


class SimulatedDecision(LimitDecision):
    """A decision as it would be; it was not given, so it has no id and no place in a journal."""

    decision_id: Literal[""] = ""
    journal_position: Literal[0] = 0


class Drift(Contract):
    """Something that is not as it was.

    Attributes:
        then: Digest that the decision names.
        now: Digest of what stands in its place; empty where nothing does.
    """

    cause: Cause
    then: _MaybeDigest
    now: _MaybeDigest


class Today(Contract):
    """What would come of a request with one thing, or everything, as it is now.

    Attributes:
        swapped: What is as it is now; None is everything.
        outcome: None if there would be no answer.
        is_other: Whether outcome or limit are not what was decided.
        refused: Rule by which there would be no answer; else empty.
    """

    swapped: Cause | None
    outcome: Outcome | None
    limit_minor: Minor
    is_other: bool
    refused: _Text = ""


class Replay(Contract):
    """A decision made again.

    Attributes:
        drifts: What is not as it was; none on a match.
        differing_fields: Names of fields that came out otherwise.
        outcome, limit_minor: What was decided.
        today: What would come of it now.
    """

    verdict: Verdict
    drifts: tuple[Drift, ...]
    differing_fields: tuple[str, ...]
    outcome: Outcome
    limit_minor: Minor
    today: tuple[Today, ...]

    @model_validator(mode="after")
    def _check_verdict(self) -> "Replay":
        if (self.verdict == "MATCH") == bool(self.drifts or self.differing_fields):
            raise ValueError("a match has no drift, and everything else has some")
        return self


class BucketedValue(Contract):
    """A value by the range that it lies in.

    Attributes:
        field: Of the feature contract, or a fact.
        needed_bucket: In which it would not have been a reason; empty if none would do alone.
        points_lost: Exact points below the average borrower's; 0 of a fact.
    """

    field: Name
    label: Sentence
    bucket: _Text
    needed_bucket: _Text
    points_lost: float = Field(ge=0, allow_inf_nan=False)


class ExplainedReason(Contract):
    """A principal reason in one language, with the values that it is about."""

    code: Name
    source: Source
    sentence: Sentence
    is_changeable: bool
    values: tuple[BucketedValue, ...]


class ExplainedCap(Contract):
    """One cap on the limit, and whether it was the smallest."""

    name: Name
    label: Sentence
    limit_minor: Minor
    is_binding: bool


class Advice(Contract):
    """One change, and what the same decision would then be: no less than this.

    Attributes:
        field: Of what is to change, where it is a field or a fact; else empty.
        from_bucket, to_bucket: Its ranges.
        amount_minor: What to ask for, to have verified, or by how much to lower; else 0.
        months: Term to ask for; else 0.
    """

    kind: AdviceKind
    sentence: _Text
    field: Annotated[str, Field(max_length=80)] = ""
    from_bucket: _Text = ""
    to_bucket: _Text = ""
    amount_minor: Minor = 0
    months: int = Field(default=0, ge=0, le=360)
    outcome: Outcome
    limit_minor: Minor


class Explanation(Contract):
    """Why a decision is as it is, in one language.

    Attributes:
        reasons: Most important first; none on an approval.
        caps: Every one; the smallest bound.
        advice: Each for itself, best first.
        drifts: Why no advice was sought; empty where it was.
    """

    outcome: Outcome
    limit_minor: Minor
    reasons: tuple[ExplainedReason, ...]
    caps: tuple[ExplainedCap, ...]
    advice: tuple[Advice, ...] = Field(max_length=MOST_ADVICE)
    drifts: tuple[Drift, ...]


class Lender(Contract):
    """What only the lender can say in a notice, as it is to be printed.

    Attributes:
        supervisor: Name and address of the authority that supervises it.
        report_source: Name and address of whoever gave a report that was used.
        databases: Those that were consulted, and what they said.
        contest: Where and how to contest.
    """

    name_and_address: _Addendum = ""
    supervisor: _Addendum = ""
    report_source: _Addendum = ""
    databases: _Addendum = ""
    contest: _Addendum = ""


NOT_SAID = Lender()


class NoticeText(Contract):
    """One item of a notice; ``name`` as a profile names it."""

    name: Name
    text: str


class Notice(Contract):
    """What is owed to whom was given less.

    Attributes:
        is_owed: Without it nothing else is said.
        missing: Names of items that the law lists and only the lender can add.
        due_on: Last day in ISO 8601; empty is without delay, in no stated number of days.
        retention_months: How long what was used must be kept; 0 is no stated number.
        rule, source: Of the profile's rule about notices, and where it stands.
    """

    is_owed: bool
    items: tuple[NoticeText, ...] = ()
    missing: tuple[Name, ...] = ()
    due_on: str = ""
    retention_months: int = Field(default=0, ge=0)
    profile: str = ""
    rule: str = ""
    source: str = ""

    @property
    def text(self) -> str:
        """Return the whole text, its items in order."""
        return "\n\n".join(item.text for item in self.items)
