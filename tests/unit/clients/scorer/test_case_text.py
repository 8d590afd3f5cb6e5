"""A case as an officer reads it, and as a script does."""

import json
from datetime import timedelta

from clients.scorer.case_text import as_json, case_lines, cases_lines, event_line
from protocols.contracts.cases import (
    AppealSubmitted,
    AppealWithdrawn,
    CaseFile,
    CaseSummary,
    Detail,
    EvidenceAdded,
    OutcomeReported,
    ReviewClaimed,
    ReviewRequested,
    ReviewResolved,
    Standing,
)
from tests.unit.protocols.answers import make_decision
from tests.unit.server.decisions.recourse_world import DECIDED, event, evidence, label, override

DECISION, DUE = make_decision(), DECIDED + timedelta(days=30)
SUMMARY = CaseSummary(
    decision_id="d-1",
    version=2,
    state="IN_REVIEW",
    opened_at=DECIDED,
    due_at=DUE,
    is_overdue=False,
    holder="ann",
    claim_expires_at=DUE,
    is_solely_automated=True,
    reviewed_by="",
)


def _line(detail: Detail) -> str:
    return event_line(event(2, detail, "ann", DECIDED)).partition("by ann: ")[2]


def test_every_event_is_one_line() -> None:
    lines = [
        _line(ReviewRequested(note="why", due_at=DUE)),
        _line(AppealSubmitted(note="why", evidence=(), due_at=DUE)),
        _line(AppealWithdrawn(note="")),
        _line(ReviewClaimed(expires_at=DUE)),
        _line(ReviewResolved(verdict="UPHELD", note="so", override=None, supersedes="")),
        _line(OutcomeReported(label=label(is_default=True, days_past_due=90, maturity="FINAL"))),
    ]
    assert lines == [
        "review requested, due 2026-12-01 09:00 UTC",
        "appeal submitted, due 2026-12-01 09:00 UTC",
        "withdrawn",
        "claimed until 2026-12-01 09:00 UTC",
        "upheld",
        "outcome final: in default, 90 days past due on 2026-12-01",
    ]
    added = _line(EvidenceAdded(evidence=evidence()))
    assert added == f"evidence added: INCOME, SHA-256 {b'e'.hex() * 32}, 'a pay slip'"
    put = ReviewResolved(verdict="OVERTURNED", note="so", override=override(), supersedes="d-1")
    assert _line(put).startswith("overturned, COUNTEROFFER, limit_minor 600000 until 2027-01-30")


def test_a_list_tells_what_is_due_and_who_has_it() -> None:
    assert cases_lines([]) == "nothing is under review"
    late = SUMMARY.model_copy(update={"is_overdue": True, "holder": "", "claim_expires_at": None})
    first, second = cases_lines([SUMMARY, late]).split("\n")
    assert first == (
        "d-1: IN_REVIEW, version 2, due 2026-12-01 09:00 UTC, ann has it until 2026-12-01 09:00 UTC"
    )
    assert second == "d-1: IN_REVIEW, version 2, OVERDUE since 2026-12-01 09:00 UTC"


def test_a_case_tells_what_stands_and_notes_below_their_events() -> None:
    standing = Standing(
        outcome=DECISION.outcome,
        limit_minor=DECISION.limit_minor,
        override_event_id="",
        supersedes="",
        expires_at=None,
    )
    appeal = AppealSubmitted(note="first\nsecond", evidence=(evidence(),), due_at=DUE)
    case = CaseFile(
        summary=SUMMARY,
        decision=DECISION,
        events=(event(1, appeal, "platform", DECIDED),),
        outcomes=(),
        standing=standing,
    )
    lines = case_lines(case).split("\n")
    assert lines[1].startswith(f"stands now: {DECISION.outcome}, ")
    assert lines[2] == "no person has reviewed it"
    assert (
        lines[-4]
        == "  1. 2026-11-01 09:00 UTC, platform: appeal submitted, due 2026-12-01 09:00 UTC"
    )
    assert lines[-3:-1] == ["    first", "    second"]
    assert lines[-1].startswith("    evidence: INCOME, SHA-256 6565")
    plain = json.loads(as_json(case))
    assert plain["events"][0]["detail"]["kind"] == "APPEAL_SUBMITTED"
    assert plain["events"][0]["detail"]["evidence"][0]["digest"] == "65" * 32
    assert plain["summary"]["due_at"] == "2026-12-01T09:00:00+00:00"
