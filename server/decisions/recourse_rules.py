"""What may follow what in a case, and who may do it; pure. A step that may becomes an event."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocols.contracts.applicants import RequestError, Violation
from protocols.contracts.cases import (
    AppealSubmitted,
    AppealWithdrawn,
    Detail,
    EvidenceAdded,
    OutcomeReported,
    ReviewClaimed,
    ReviewRequested,
    ReviewResolved,
)
from protocols.contracts.decisions import outcome_of
from protocols.contracts.recourse import (
    MOST_EVENTS,
    AddEvidence,
    ClaimReview,
    OutcomeLabel,
    Override,
    ReportOutcome,
    RequestReview,
    ResolveReview,
    Step,
    StepBase,
    SubmitAppeal,
    WithdrawAppeal,
)
from protocols.recourse_errors import (
    AlreadyReviewedError,
    CaseFullError,
    ClaimedByAnotherError,
    NotClaimedError,
    NotUnderReviewError,
    OutcomeOrderError,
    SameReviewerError,
    SelfApprovalError,
    StaleCaseError,
    UnderReviewError,
)
from server.decisions.recourse import Case, Given, standing_of

OFFICERS_PLACES = 56  # of a case's events; nobody can fill it so that it cannot be resolved


@dataclass(frozen=True)
class RecourseTerms:
    """How long things take.

    Attributes:
        due_after: From a review's request to the time by which a person must have resolved it.
        claim_for: How long an officer has a case without claiming it again.
        most_override: The longest that an override may be in force.
    """

    due_after: timedelta = timedelta(days=30)
    claim_for: timedelta = timedelta(days=3)
    most_override: timedelta = timedelta(days=366)


@dataclass(frozen=True)
class Taking:
    """By whom, when and of what a step is taken.

    Attributes:
        author: Who; known by certificate.
        at: Not before the decision or the case's last event.
        policy_officers: Who wrote or approved the policy that decided.
    """

    author: str
    at: datetime
    given: Given
    terms: RecourseTerms
    policy_officers: Collection[str | None] = ()


def check_version(step: StepBase, version: int) -> None:
    """Raise StaleCaseError if the caller expects another version than there is."""
    if step.expected_version not in (0, version):
        raise StaleCaseError("the case has changed; read it again", current_version=version)


def detail_of(step: Step, case: Case, taking: Taking) -> Detail:
    """Return what a step of a case is recorded as.

    Args:
        step: Any but ReportOutcome.
        case: As it is at the time of the step.
        taking: By whom, when and of what.

    Raises:
        CaseError: The case does not allow it now.
        ReviewerError: This person may not do it.
        RequestError: The override is none for this decision.
    """
    _check_place(step, case)
    if isinstance(step, RequestReview | SubmitAppeal):
        return _opened(step, case, taking)
    if not case.is_open:
        raise NotUnderReviewError("nothing is under review")
    if isinstance(step, AddEvidence):
        return EvidenceAdded(evidence=step.evidence)
    if isinstance(step, WithdrawAppeal):
        return AppealWithdrawn(note=step.note)
    if taking.author in case.reviewers:
        raise SameReviewerError("who resolved a review of this case may not review it again")
    if isinstance(step, ClaimReview):
        return _claimed(case, taking)
    assert isinstance(step, ResolveReview)
    return _resolved(step, case, taking)


def outcome_detail(
    step: ReportOutcome, version: int, last: OutcomeLabel | None, taking: Taking
) -> OutcomeReported:
    """Return what a reported outcome is recorded as.

    Args:
        step: The report.
        version: How many outcomes were reported before.
        last: The last of them.
        taking: By whom, when and of what.

    Raises:
        CaseError: It does not come after the last one, or there are too many.
        RequestError: It was observed before the decision or after now.
    """
    if version >= MOST_EVENTS:
        raise CaseFullError(f"a decision has at most {MOST_EVENTS} outcomes")
    label, given = step.label, taking.given
    if not given.decided_at.date() <= label.observed_on <= (taking.at + timedelta(days=1)).date():
        # A day more: where it is observed the day may have begun.
        raise _violation("label.observed_on", "must lie between the decision and today")
    if last is not None and label.observed_on < last.observed_on:
        raise OutcomeOrderError("the last outcome was observed later")
    if last is not None and last.maturity == "FINAL" and label.maturity == "INTERIM":
        raise OutcomeOrderError("the last outcome was final")
    return OutcomeReported(label=label)


def _check_place(step: Step, case: Case) -> None:
    left = MOST_EVENTS - case.version
    kept = 0 if isinstance(step, ResolveReview) else 1  # the last place is for a resolution
    if left <= (kept if isinstance(step, ClaimReview | ResolveReview) else OFFICERS_PLACES):
        raise CaseFullError(f"a case has at most {MOST_EVENTS} events, some kept for officers")


def _opened(step: RequestReview | SubmitAppeal, case: Case, taking: Taking) -> Detail:
    if case.is_open:
        raise UnderReviewError("the decision is under review already; evidence may be added")
    due_at = taking.at + taking.terms.due_after
    if isinstance(step, SubmitAppeal):
        return AppealSubmitted(note=step.note, evidence=step.evidence, due_at=due_at)
    if case.reviewers:
        raise AlreadyReviewedError("a person has reviewed the decision; submit an appeal")
    return ReviewRequested(note=step.note, due_at=due_at)


def _claimed(case: Case, taking: Taking) -> ReviewClaimed:
    if case.claim is not None and case.claim.holder != taking.author:
        raise ClaimedByAnotherError("another officer has the case")
    return ReviewClaimed(expires_at=taking.at + taking.terms.claim_for)


def _resolved(step: ResolveReview, case: Case, taking: Taking) -> ReviewResolved:
    if case.claim is None:
        raise NotClaimedError("claim the case first")
    if case.claim.holder != taking.author:
        raise ClaimedByAnotherError("another officer has the case")
    override, given = step.override, taking.given
    if override is None:
        return ReviewResolved(verdict=step.verdict, note=step.note, override=None, supersedes="")
    if taking.author in taking.policy_officers:
        raise SelfApprovalError("who wrote or approved the policy may not override its decisions")
    _check_override(override, case, taking)
    before = given.decision_id if case.override is None else case.override.event_id
    return ReviewResolved(
        verdict=step.verdict, note=step.note, override=override, supersedes=before
    )


def _check_override(override: Override, case: Case, taking: Taking) -> None:
    given, terms = taking.given, taking.terms
    if override.limit_minor > given.requested_minor:
        raise _violation("override.limit_minor", "must not be above what was requested")
    if override.outcome != outcome_of(override.limit_minor, given.requested_minor):
        raise _violation("override.outcome", "does not follow from limit and request")
    standing = standing_of(given, case)
    if (override.outcome, override.limit_minor) == (standing.outcome, standing.limit_minor):
        raise _violation("override.limit_minor", "is what stands already")
    if not taking.at < override.expires_at <= taking.at + terms.most_override:
        days = terms.most_override.days
        raise _violation("override.expires_at", f"must lie within {days} days from now")


def _violation(field: str, rule: str) -> RequestError:
    return RequestError([Violation(field, rule)])
