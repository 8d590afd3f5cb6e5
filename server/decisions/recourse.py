"""A case is its events: folded in their order, and looked at at some time. No clock, no I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import NamedTuple

from protocols.contracts.cases import (
    AppealSubmitted,
    AppealWithdrawn,
    CaseEvent,
    CaseSummary,
    EvidenceAdded,
    ReviewClaimed,
    ReviewRequested,
    ReviewResolved,
    Standing,
)
from protocols.contracts.decisions import Outcome
from protocols.contracts.recourse import Override, State


class Given(NamedTuple):
    """What recourse needs to know of a decision.

    Attributes:
        requested_minor: The most that an override may give.
        policy_digest: Of the policy that decided.
    """

    decision_id: str
    outcome: Outcome
    limit_minor: int
    requested_minor: int
    decided_at: datetime
    policy_digest: bytes


class Claim(NamedTuple):
    """Who has a case, and until when."""

    holder: str
    expires_at: datetime


class InForce(NamedTuple):
    """An override, and the event that put it in force."""

    event_id: str
    override: Override


@dataclass(frozen=True)
class Case:
    """Where a case stands after its events.

    Attributes:
        version: How many events it has.
        last_at: When the last of them was; None without any.
        opened_at, due_at: Of what is under review, or was last.
        reviewers: Who resolved reviews, in their order.
        override: The last one; another or its expiry ends it.
    """

    version: int = 0
    state: State = "NONE"
    last_at: datetime | None = None
    opened_at: datetime | None = None
    due_at: datetime | None = None
    claim: Claim | None = None
    reviewers: tuple[str, ...] = ()
    override: InForce | None = None

    @property
    def is_open(self) -> bool:
        """Whether something is under review."""
        return self.state in ("SUBMITTED", "IN_REVIEW")

    @property
    def is_solely_automated(self) -> bool:
        """Whether no person has resolved a review yet."""
        return not self.reviewers


def fold(events: Iterable[CaseEvent], at: datetime) -> Case:
    """Return what events make of a case, as it is at a time: claims and overrides expire.

    Args:
        events: All of the case, in their order.
        at: Not before the last of them.
    """
    return seen_at(reduce(after, events, Case()), at)


def after(case: Case, event: CaseEvent) -> Case:
    """Return a case with one more event, which was allowed when it was taken."""
    case = replace(case, version=event.version, last_at=event.at)
    detail = event.detail
    if isinstance(detail, ReviewRequested | AppealSubmitted):
        return replace(case, state="SUBMITTED", opened_at=event.at, due_at=detail.due_at)
    if isinstance(detail, ReviewClaimed):
        return replace(case, state="IN_REVIEW", claim=Claim(event.author, detail.expires_at))
    if isinstance(detail, AppealWithdrawn):
        return replace(case, state="WITHDRAWN", claim=None)
    if isinstance(detail, ReviewResolved):
        return _resolved(case, event, detail)
    assert isinstance(detail, EvidenceAdded), "outcomes are no events of a case"
    return case


def seen_at(case: Case, at: datetime) -> Case:
    """Return a case without the claim and the override that have expired by then."""
    if case.claim is not None and case.claim.expires_at <= at:
        case = replace(case, state="SUBMITTED", claim=None)
    if case.override is not None and case.override.override.expires_at <= at:
        case = replace(case, override=None)
    return case


def standing_of(given: Given, case: Case) -> Standing:
    """Return what holds, of a case at the time for which it was folded."""
    if case.override is None:
        return Standing(
            outcome=given.outcome,
            limit_minor=given.limit_minor,
            override_event_id="",
            supersedes="",
            expires_at=None,
        )
    event_id, override = case.override
    return Standing(
        outcome=override.outcome,
        limit_minor=override.limit_minor,
        override_event_id=event_id,
        supersedes=given.decision_id,
        expires_at=override.expires_at,
    )


def summary_of(decision_id: str, case: Case, at: datetime) -> CaseSummary:
    """Return a case as it is told, at the time for which it was folded."""
    return CaseSummary(
        decision_id=decision_id,
        version=case.version,
        state=case.state,
        opened_at=case.opened_at,
        due_at=case.due_at,
        is_overdue=case.is_open and case.due_at is not None and case.due_at < at,
        holder="" if case.claim is None else case.claim.holder,
        claim_expires_at=None if case.claim is None else case.claim.expires_at,
        is_solely_automated=case.is_solely_automated,
        reviewed_by=case.reviewers[-1] if case.reviewers else "",
    )


def _resolved(case: Case, event: CaseEvent, detail: ReviewResolved) -> Case:
    case = replace(
        case, state=detail.verdict, claim=None, reviewers=(*case.reviewers, event.author)
    )
    if detail.override is None:
        return case  # what stood goes on to stand
    return replace(case, override=InForce(event.event_id, detail.override))
