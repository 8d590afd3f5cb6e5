"""What is recorded when a decision is contested: events, and the case that they make."""

from typing import Literal

from pydantic import AwareDatetime, Field

from protocols.contracts.decisions import LimitDecision, Outcome
from protocols.contracts.features import Contract
from protocols.contracts.money import Minor
from protocols.contracts.recourse import (
    MOST_EVENTS,
    MOST_EVIDENCE,
    Evidence,
    Explanation,
    Note,
    OutcomeLabel,
    Override,
    State,
    Verdict,
)
from protocols.contracts.scores import RequestId


class ReviewRequested(Contract):
    """Somebody asked that a person looks, which must be done by ``due_at``."""

    kind: Literal["REVIEW_REQUESTED"] = "REVIEW_REQUESTED"
    note: Note
    due_at: AwareDatetime


class AppealSubmitted(Contract):
    """What stood was contested; must be resolved by ``due_at``."""

    kind: Literal["APPEAL_SUBMITTED"] = "APPEAL_SUBMITTED"
    note: Explanation
    evidence: tuple[Evidence, ...] = Field(max_length=MOST_EVIDENCE)
    due_at: AwareDatetime


class EvidenceAdded(Contract):
    """Evidence was added to what is under review."""

    kind: Literal["EVIDENCE_ADDED"] = "EVIDENCE_ADDED"
    evidence: Evidence


class AppealWithdrawn(Contract):
    """What was under review was taken back."""

    kind: Literal["APPEAL_WITHDRAWN"] = "APPEAL_WITHDRAWN"
    note: Note


class ReviewClaimed(Contract):
    """The author has the case until ``expires_at``."""

    kind: Literal["REVIEW_CLAIMED"] = "REVIEW_CLAIMED"
    expires_at: AwareDatetime


class ReviewResolved(Contract):
    """The author said what is to stand.

    Attributes:
        supersedes: With an override: the id of what stood until then, the decision or the event
            of an earlier override.
    """

    kind: Literal["REVIEW_RESOLVED"] = "REVIEW_RESOLVED"
    verdict: Verdict
    note: Explanation
    override: Override | None
    supersedes: str


class OutcomeReported(Contract):
    """What became of the credit."""

    kind: Literal["OUTCOME_REPORTED"] = "OUTCOME_REPORTED"
    label: OutcomeLabel


Detail = (
    ReviewRequested
    | AppealSubmitted
    | EvidenceAdded
    | AppealWithdrawn
    | ReviewClaimed
    | ReviewResolved
    | OutcomeReported
)


class CaseEvent(Contract):
    """One step that was taken.

    Attributes:
        version: Place among the events of the case, from 1; or among the decision's outcomes.
        author: Who took it, by the server's rules of access.
        journal_position: Place in the server's journal, from 1; 0 before it has one.
    """

    event_id: RequestId
    decision_id: RequestId
    version: int = Field(ge=1, le=MOST_EVENTS)
    request_id: RequestId
    author: str
    at: AwareDatetime
    detail: Detail
    journal_position: int = Field(default=0, ge=0)


class CaseSummary(Contract):
    """A case as its events leave it at some time.

    Attributes:
        opened_at, due_at: Of what is under review, or was last; None if nothing ever was.
        holder: The officer who has it until ``claim_expires_at``; empty if nobody has.
        is_solely_automated: No person has resolved a review yet.
        reviewed_by: Who resolved the last one; empty if nobody has.
    """

    decision_id: RequestId
    version: int = Field(ge=0)
    state: State
    opened_at: AwareDatetime | None
    due_at: AwareDatetime | None
    is_overdue: bool
    holder: str
    claim_expires_at: AwareDatetime | None
    is_solely_automated: bool
    reviewed_by: str

    @property
    def is_open(self) -> bool:
        """Whether something is under review."""
        return self.state in ("SUBMITTED", "IN_REVIEW")


class Standing(Contract):
    """What holds at some time: the decision as it was given, or an override.

    Attributes:
        override_event_id: The event that put the override in force; empty while none is.
        supersedes: The decision whose place it takes; empty while none is.
        expires_at: When the decision stands again.
    """

    outcome: Outcome
    limit_minor: Minor
    override_event_id: str
    supersedes: str
    expires_at: AwareDatetime | None


class CaseFile(Contract):
    """All there is of a case.

    Attributes:
        decision: As it was given.
        events, outcomes: In their order.
    """

    summary: CaseSummary
    decision: LimitDecision
    events: tuple[CaseEvent, ...]
    outcomes: tuple[CaseEvent, ...]
    standing: Standing


class CasePage(Contract):
    """Some cases, and what asks for those after them; empty after the last page."""

    cases: tuple[CaseSummary, ...]
    next_token: str
