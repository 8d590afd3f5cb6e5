"""Decisions, steps and events for tests of recourse."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from protocols.contracts.cases import CaseEvent, Detail
from protocols.contracts.recourse import (
    AddEvidence,
    ClaimReview,
    Evidence,
    OutcomeLabel,
    Override,
    ReportOutcome,
    RequestReview,
    ResolveReview,
    Step,
    SubmitAppeal,
    WithdrawAppeal,
)
from server.decisions.recourse import Given, fold
from server.decisions.recourse_rules import RecourseTerms, Taking, detail_of

DECIDED = datetime(2026, 11, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERMS = RecourseTerms()
GIVEN = Given("d-1", "COUNTEROFFER", 500_000, 700_000, DECIDED, b"p" * 32)
PLATFORM, ANN, BOB, CAT = "platform", "ann", "bob", "cat"

_NAMES = {"request_id": "r-1", "decision_id": "d-1"}


def request_review(**changes: object) -> RequestReview:
    """Return a request for a review."""
    return RequestReview.model_validate({**_NAMES, "note": "my income is higher", **changes})


def submit_appeal(**changes: object) -> SubmitAppeal:
    """Return an appeal with one piece of evidence."""
    table = {"note": "that is still wrong", "evidence": (evidence(),)}
    return SubmitAppeal.model_validate({**_NAMES, **table, **changes})


def add_evidence(**changes: object) -> AddEvidence:
    """Return one more piece of evidence."""
    return AddEvidence.model_validate({**_NAMES, "evidence": evidence(), **changes})


def withdraw(**changes: object) -> WithdrawAppeal:
    """Return a withdrawal."""
    return WithdrawAppeal.model_validate({**_NAMES, **changes})


def claim(**changes: object) -> ClaimReview:
    """Return a claim."""
    return ClaimReview.model_validate({**_NAMES, **changes})


def uphold(version: int, **changes: object) -> ResolveReview:
    """Return a resolution that changes nothing."""
    table = {"expected_version": version, "verdict": "UPHELD", "note": "all is right"}
    return ResolveReview.model_validate({**_NAMES, **table, **changes})


def overturn(version: int, at: datetime = DECIDED, **changes: object) -> ResolveReview:
    """Return a resolution with an override that is in force for 90 days from ``at``."""
    table = {
        "expected_version": version,
        "verdict": "OVERTURNED",
        "note": "a pay slip shows more",
        "override": override(at),
    }
    return ResolveReview.model_validate({**_NAMES, **table, **changes})


def override(at: datetime = DECIDED, **changes: object) -> Override:
    """Return an override that is in force for 90 days from ``at``."""
    table = {
        "outcome": "COUNTEROFFER",
        "limit_minor": 600_000,
        "reason_code": "OVERRIDE.INCOME_VERIFIED",
        "note": "income verified",
        "expires_at": at + timedelta(days=90),
    }
    return Override.model_validate({**table, **changes})


def report(**changes: object) -> ReportOutcome:
    """Return a report that all is well a month after the decision."""
    return ReportOutcome.model_validate({**_NAMES, "label": label(), **changes})


def label(**changes: object) -> OutcomeLabel:
    """Return an outcome without default."""
    table = {
        "is_default": False,
        "days_past_due": 0,
        "observed_on": date(2026, 12, 1),
        "maturity": "INTERIM",
    }
    return OutcomeLabel.model_validate({**table, **changes})


def evidence(kind: str = "INCOME") -> Evidence:
    """Return a piece of evidence."""
    return Evidence.model_validate({"kind": kind, "digest": b"e" * 32, "note": "a pay slip"})


def event(version: int, detail: Detail, author: str, at: datetime) -> CaseEvent:
    """Return an event of ``d-1``."""
    return CaseEvent(
        event_id=f"e-{version}",
        decision_id="d-1",
        version=version,
        request_id=f"r-{version}",
        author=author,
        at=at,
        detail=detail,
    )


class Story:
    """A case that grows step by step, an hour apart, under the rules."""

    def __init__(self, given: Given = GIVEN, officers: Iterable[str] = ()) -> None:
        self.events: list[CaseEvent] = []
        self.at = DECIDED
        self.taking = Taking(PLATFORM, DECIDED, given, TERMS, tuple(officers))

    def take(self, step: Step, author: str = PLATFORM, after: timedelta = HOUR) -> Detail:
        """Take a step so long after the last one, and return what was recorded."""
        at = self.at + after
        detail = detail_of(step, fold(self.events, at), replace(self.taking, author=author, at=at))
        self.events.append(event(len(self.events) + 1, detail, author, at))
        self.at = at
        return detail

    @property
    def version(self) -> int:
        """How many events there are."""
        return len(self.events)

    def resolved(self, by: str, *, overturns: bool = False) -> "Story":
        """Let an officer claim and resolve what is under review."""
        self.take(claim(), by)
        step = overturn(self.version, self.at + HOUR) if overturns else uphold(self.version)
        self.take(step, by)
        return self
