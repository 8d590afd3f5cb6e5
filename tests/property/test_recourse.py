"""Whatever is asked of a case in whatever order, it never gets where it must not be."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise, product
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocols.contracts.cases import (
    AppealSubmitted,
    CaseEvent,
    CaseFile,
    ReviewClaimed,
    ReviewRequested,
    ReviewResolved,
)
from protocols.contracts.recourse import Step
from protocols.errors import ChainError
from server.decisions.recourse import fold
from server.decisions.recourse_rules import RecourseTerms
from server.journal.record import START as BEFORE_ALL
from server.journal.record import Draft, Key, Record, place
from server.serving.access import Tenant
from server.serving.calls import Reply
from server.serving.desk import REPLAYED
from tests.unit.server.decisions.recourse_world import (
    add_evidence,
    claim,
    override,
    overturn,
    request_review,
    submit_appeal,
    uphold,
    withdraw,
)
from tests.unit.server.serving.cases import PLATFORM, Cases, officer

TERMS = RecourseTerms()
AUTHOR_OF_POLICY = "cat"
OFFICERS = [officer(name) for name in ("ann", "bob", AUTHOR_OF_POLICY)]
KINDS = ["request", "appeal", "evidence", "withdraw", "claim", "uphold", "overturn"]
OFFICERS_KINDS = KINDS[4:]
MAY_FOLLOW = {
    "NONE": {"SUBMITTED"},
    "SUBMITTED": {"SUBMITTED", "IN_REVIEW", "WITHDRAWN"},
    "IN_REVIEW": {"IN_REVIEW", "SUBMITTED", "UPHELD", "OVERTURNED", "WITHDRAWN"},
    **{state: {"SUBMITTED"} for state in ("UPHELD", "OVERTURNED", "WITHDRAWN")},
}


class Memory:
    """A journal in memory."""

    def __init__(self) -> None:
        self.records: dict[Key, Record] = {}

    def find(self, keys: Sequence[Key]) -> dict[Key, Record]:
        """Return the record of each key that has one."""
        return {key: self.records[key] for key in keys if key in self.records}

    def read(self, tenant: str, method: str, answer_id: str) -> Record:
        """Return the record of an answer."""
        (found,) = [one for one in self.records.values() if one.answer_id == answer_id]
        return found

    def list(self, tenant: str, method: str, *, after: int, limit: int) -> Sequence[Record]:
        """Return no record: nothing is listed here."""
        raise ChainError("not used")

    def commit(self, drafts: Sequence[Draft]) -> Sequence[Record]:
        """Store what has no record yet."""
        for draft in drafts:
            if draft.key not in self.records:
                self.records[draft.key] = place(draft, len(self.records) + 1, BEFORE_ALL)
        return [self.records[draft.key] for draft in drafts]


class Asked(NamedTuple):
    """One call: by whom, so many hours later, of the version that there is or of any."""

    kind: str
    officer: int
    hours: int
    is_current: bool
    limit_minor: int


EVERY_CALL = [
    Asked(*one)
    for one in product(
        KINDS,
        range(len(OFFICERS)),
        (0, 1, 80, 3_000),
        (True, False),
        (0, 500_000, 600_000, 700_000),
    )
]
A_WHOLE_CASE = [
    Asked("request", 0, 1, True, 0),
    Asked("claim", 0, 1, True, 0),
    Asked("overturn", 0, 1, True, 600_000),
    Asked("appeal", 0, 1, True, 0),
    Asked("claim", 1, 1, True, 0),
    Asked("overturn", 1, 1, True, 700_000),
    Asked("appeal", 0, 3_000, True, 0),
    Asked("claim", 2, 1, True, 0),
    Asked("overturn", 2, 1, True, 600_000),
    Asked("uphold", 2, 1, True, 0),
]


@settings(max_examples=1_000, deadline=None)
@given(st.lists(st.sampled_from(EVERY_CALL), min_size=1, max_size=10))
@example(A_WHOLE_CASE)
def test_no_sequence_of_calls_leads_where_a_case_must_not_be(calls: list[Asked]) -> None:
    memory = Memory()
    cases = Cases(memory, officers=(AUTHOR_OF_POLICY,))
    cases.decide()
    taken: list[tuple[Step, Tenant, Reply]] = []
    for number, asked in enumerate(calls):
        cases.later(hours=asked.hours)
        step, tenant = _step(asked, number, len(taken), cases), _tenant(asked)
        reply = cases.take(step, tenant)
        if reply.status is None:
            taken.append((step, tenant, reply))
        assert len(memory.records) == 1 + len(taken)  # what is refused leaves nothing
    _check(cases.case(), cases)
    for step, tenant, reply in taken:
        again = cases.take(step, tenant)
        assert (again.messages, again.trailing) == (reply.messages, REPLAYED)


def test_a_whole_case_is_taken_but_for_the_policys_author() -> None:
    cases = Cases(Memory(), officers=(AUTHOR_OF_POLICY,))
    cases.decide()
    for number, asked in enumerate(A_WHOLE_CASE):
        cases.later(hours=asked.hours)
        step = _step(asked, number, cases.case().summary.version, cases)
        reply = cases.take(step, _tenant(asked))
        assert (reply.status is None) == (number != len(A_WHOLE_CASE) - 2)
    case = cases.case()
    assert (case.summary.state, case.summary.reviewed_by) == ("UPHELD", "cat")


def _step(asked: Asked, number: int, version: int, cases: Cases) -> Step:
    names: dict[str, object] = {"request_id": f"r-{number}"}
    expected = max(1, version if asked.is_current else version - 1)
    if asked.kind == "uphold":
        return uphold(expected, **names)
    if asked.kind == "overturn":
        words = {0: "DECLINE", 700_000: "APPROVE"}
        word = words.get(asked.limit_minor, "COUNTEROFFER")
        put = override(cases.clock.now, limit_minor=asked.limit_minor, outcome=word)
        return overturn(expected, **names, override=put)
    makers = {
        "request": request_review,
        "appeal": submit_appeal,
        "evidence": add_evidence,
        "withdraw": withdraw,
        "claim": claim,
    }
    step: Step = makers[asked.kind](**names)
    return step


def _tenant(asked: Asked) -> Tenant:
    return OFFICERS[asked.officer] if asked.kind in OFFICERS_KINDS else PLATFORM


def _check(case: CaseFile, cases: Cases) -> None:
    events = case.events
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    assert all(earlier.at <= later.at for earlier, later in pairwise(events))
    states = [fold(events[:count], cases.clock.now).state for count in range(len(events) + 1)]
    at_once = [_state_at_its_time(events[:count]) for count in range(len(events) + 1)]
    assert all(later in MAY_FOLLOW[earlier] for earlier, later in pairwise(at_once))
    assert states[-1] == case.summary.state
    resolutions = [event for event in events if isinstance(event.detail, ReviewResolved)]
    assert case.summary.is_solely_automated == (not resolutions)
    assert case.summary.reviewed_by == (resolutions[-1].author if resolutions else "")
    assert len({event.author for event in resolutions}) == len(resolutions)
    for event in events:
        _check_event(event, events)
    assert (case.summary.due_at is not None) == bool(events)
    assert case.standing.limit_minor <= case.decision.requested_amount_minor
    assert case.standing.expires_at is None or case.standing.expires_at > cases.clock.now
    assert case.decision.limit_minor == 500_000


def _state_at_its_time(events: Sequence[CaseEvent]) -> str:
    return fold(events, events[-1].at).state if events else "NONE"


def _check_event(event: CaseEvent, events: Sequence[CaseEvent]) -> None:
    detail = event.detail
    if isinstance(detail, ReviewRequested | AppealSubmitted):
        assert detail.due_at == event.at + TERMS.due_after
    if isinstance(detail, ReviewResolved):
        before = events[: event.version - 1]
        claims = [one for one in before if isinstance(one.detail, ReviewClaimed)]
        assert claims[-1].author == event.author
        assert event.at - claims[-1].at < TERMS.claim_for
        if detail.override is not None:
            assert event.author != AUTHOR_OF_POLICY
            assert timedelta() < detail.override.expires_at - event.at <= TERMS.most_override
