"""Events, cases and their messages say the same."""

from datetime import timedelta

import pytest

from protocols.contracts.cases import (
    AppealSubmitted,
    AppealWithdrawn,
    CaseSummary,
    Detail,
    EvidenceAdded,
    OutcomeReported,
    ReviewClaimed,
    ReviewRequested,
    ReviewResolved,
)
from protocols.errors import ContractError
from protocols.translate_cases import (
    STATES,
    event_from_wire,
    event_to_wire,
    summary_from_wire,
    summary_to_wire,
)
from protocols.wire import recourse_v1_pb2 as recourse
from tests.unit.server.decisions.recourse_world import DECIDED, event, evidence, label, override

LATER = DECIDED + timedelta(days=30, microseconds=1)
DETAILS = [
    ReviewRequested(note="", due_at=LATER),
    AppealSubmitted(note="no", evidence=(evidence(), evidence("OTHER")), due_at=LATER),
    EvidenceAdded(evidence=evidence()),
    AppealWithdrawn(note=""),
    ReviewClaimed(expires_at=LATER),
    ReviewResolved(verdict="UPHELD", note="so", override=None, supersedes=""),
    ReviewResolved(verdict="OVERTURNED", note="so", override=override(), supersedes="d-1"),
    OutcomeReported(label=label()),
]
SUMMARY = CaseSummary(
    decision_id="d-1",
    version=2,
    state="IN_REVIEW",
    opened_at=DECIDED,
    due_at=LATER,
    is_overdue=False,
    holder="ann",
    claim_expires_at=LATER,
    is_solely_automated=True,
    reviewed_by="",
)
NOTHING = SUMMARY.model_copy(
    update={
        "state": "NONE",
        "version": 0,
        "opened_at": None,
        "due_at": None,
        "holder": "",
        "claim_expires_at": None,
    }
)


@pytest.mark.parametrize("detail", DETAILS, ids=lambda detail: detail.kind)
def test_an_event_comes_back_as_it_went(detail: Detail) -> None:
    one = event(3, detail, "ann", DECIDED).model_copy(update={"journal_position": 7})
    raw = event_to_wire(one).SerializeToString()
    assert event_from_wire(recourse.Event.FromString(raw)) == one


@pytest.mark.parametrize("summary", [SUMMARY, NOTHING])
def test_a_case_comes_back_as_it_went(summary: CaseSummary) -> None:
    raw = summary_to_wire(summary).SerializeToString()
    assert summary_from_wire(recourse.CaseSummary.FromString(raw)) == summary


def test_every_state_of_the_wire_but_none_is_known() -> None:
    assert {*STATES.values(), 0} == set(recourse.State.values())


def test_an_event_that_is_none_is_refused() -> None:
    whole = event_to_wire(event(1, DETAILS[0], "ann", DECIDED))
    for name in ("event_id", "version", "review_requested"):
        message = recourse.Event()
        message.CopyFrom(whole)
        message.ClearField(name)  # type: ignore[arg-type]  # a name of three
        with pytest.raises(ContractError):
            event_from_wire(message)
    with pytest.raises(ContractError):
        summary_from_wire(recourse.CaseSummary(decision_id="d-1"))
