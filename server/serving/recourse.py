"""How decisions are contested: each step is one event in the journal, stored before it is told.

Event n of a case is stored under its decision and n, so the journal's unique index decides which
of two that want to be event n it is. Steps are rare: each is a look and a commit of its own.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import NamedTuple, Protocol

from protocols.contracts.cases import CaseEvent, Detail, OutcomeReported, ReviewResolved
from protocols.contracts.recourse import MOST_EVENTS, ReportOutcome, ResolveReview, Step
from protocols.errors import ContractError
from protocols.recourse_errors import (
    StaleCaseError,
)
from protocols.translate import word_for
from protocols.translate_cases import event_to_wire, standing_to_wire, summary_to_wire
from protocols.translate_decisions import OUTCOMES as OUTCOME_WORDS
from protocols.translate_questions import check_decision_id, parse_request
from protocols.translate_recourse import step_from_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import recourse_v1_pb2 as recourse
from server.decisions.recourse import Given, fold, standing_of, summary_of
from server.decisions.recourse_rules import (
    RecourseTerms,
    Taking,
    check_version,
    detail_of,
    outcome_detail,
)
from server.journal.offers import Raised
from server.journal.record import Draft, Key, Record, to_micros
from server.serving.access import Tenant
from server.serving.calls import Call, Reply
from server.serving.desk import REPLAYED, Method
from server.serving.docket import EVENTS, Docket, Pages, event_of, message_of
from server.serving.methods import RECOURSE
from server.serving.once import Clock
from server.serving.questions import DECIDE, new_answer_id

OUTCOMES = "Outcome"  # as it stands in the journal: what became of decisions, beside their cases

_STEPS = ("RequestReview", "SubmitAppeal", "AddEvidence", "WithdrawAppeal", "ReportOutcome")
_OFFICERS_STEPS = ("ClaimReview", "ResolveReview")
_AT_ONCE = 16  # events of one look
_MOST_TRIES = 8  # for the next place, which others may take
_MOST_LISTED = 100

# Who wrote and who approved the policy of a digest; None for nobody.
OfficersOf = Callable[[bytes], Collection[str | None]]
Spend = Callable[[Tenant], None]  # counts a step before it is taken


class Book(Pages, Protocol):
    """What is used of a journal; see there."""

    def find(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        """Return the record of each key that has one."""

    def read(self, tenant: str, method: str, answer_id: str) -> Record:
        """Return the record of an answer."""

    def commit(self, drafts: Sequence[Draft]) -> Sequence[Record]:
        """Store what has no record yet, and return the record of each draft."""


class _Row(NamedTuple):
    """The events of a case, or the outcomes of a decision, as they are in the journal."""

    decision_id: str
    method: str
    records: Sequence[Record]

    @property
    def events(self) -> list[CaseEvent]:
        """Return them as they are read; in a row as it was stored none is missing."""
        return [event_of(record) for record in self.records]

    @property
    def next_id(self) -> str:
        """Return what the next of them is stored under."""
        return f"{self.decision_id}:{len(self.records) + 1}"


@dataclass(frozen=True)
class Recourse:
    """The methods by which decisions are contested, reviewed and labelled.

    Attributes:
        journal: Where decisions and events are.
        clock: Says when a step is taken.
        terms: How long things take.
        officers_of: Who may not override decisions of a policy, named as callers are in the rules
            of access. What it raises refuses the override: who wrote the policy must be known.
        spend: Told of each step by the tenant's own callers; may refuse it.
    """

    journal: Book
    clock: Clock
    terms: RecourseTerms = field(default_factory=RecourseTerms)
    officers_of: OfficersOf = lambda _: ()
    spend: Spend = lambda _: None

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        steps = {
            f"/{RECOURSE}/{kind}": partial(self._step, kind) for kind in (*_STEPS, *_OFFICERS_STEPS)
        }
        reads = {
            f"/{RECOURSE}/GetCase": self.get_case,
            f"/{RECOURSE}/ListCases": self.list_cases,
        }
        return {**steps, **reads}

    def get_case(self, call: Call, tenant: Tenant) -> Reply:
        """Return a case as it is now."""
        asked = parse_request(call.body, recourse.GetCaseRequest())
        if "review" not in tenant.scopes:
            self.spend(tenant)  # a case may be as long as its tenant made it
        record, given = self._given(tenant, check_decision_id(asked.decision_id))
        row = self._row(tenant, EVENTS, given.decision_id)
        events = row.events
        at = _not_before(self.clock(), given, events)
        case = fold(events, at)
        message = recourse.GetCaseResponse(
            summary=summary_to_wire(summary_of(given.decision_id, case, at)),
            decision=decisions.DecideLimitResponse.FromString(record.answer).decision,
            events=map(message_of, row.records),
            outcomes=map(message_of, self._row(tenant, OUTCOMES, given.decision_id).records),
            standing=standing_to_wire(standing_of(given, case)),
        )
        return Reply((message.SerializeToString(),))

    def list_cases(self, call: Call, tenant: Tenant) -> Reply:
        """Return a tenant's cases, a page at a time."""
        asked = parse_request(call.body, recourse.ListCasesRequest())
        size = asked.page_size if 0 < asked.page_size <= _MOST_LISTED else _MOST_LISTED
        cases, token = self._docket.page(
            tenant.name, after_token=asked.page_token, limit=size, at=self.clock()
        )
        message = recourse.ListCasesResponse(
            cases=map(summary_to_wire, cases), next_page_token=token
        )
        return Reply((message.SerializeToString(),))

    def _step(self, kind: str, call: Call, tenant: Tenant) -> Reply:
        """Take one step, or tell again that it was taken."""
        step = step_from_wire(call.body, kind)
        _, given = self._given(tenant, step.decision_id)
        method = OUTCOMES if isinstance(step, ReportOutcome) else EVENTS
        is_paid = kind in _OFFICERS_STEPS  # a tenant's load keeps no officer from work
        for _ in range(_MOST_TRIES):
            row = self._row(tenant, method, given.decision_id)
            told = _told_before(row, step, tenant)
            if told is not None:
                return Reply((told,), trailing=REPLAYED)
            if not is_paid:  # also for what is refused below: it has been read and looked at
                self.spend(tenant)
                is_paid = True
            check_version(step, len(row.records))
            event = self._event(step, row.events, given, tenant)
            draft = _draft(event, Key(tenant.name, method, row.next_id), step, tenant)
            (record,) = self.journal.commit([draft])
            if record.answer_id == draft.answer_id:
                return Reply((record.answer,))
        raise StaleCaseError("the case changes too fast; ask again", current_version=event.version)

    def _event(
        self, step: Step, events: Sequence[CaseEvent], given: Given, tenant: Tenant
    ) -> CaseEvent:
        at = _not_before(self.clock(), given, events)
        return CaseEvent(
            event_id=new_answer_id(at),
            decision_id=given.decision_id,
            version=len(events) + 1,
            request_id=step.request_id,
            author=tenant.author,
            at=at,
            detail=self._detail(step, events, given, tenant, at=at),
        )

    def _detail(
        self,
        step: Step,
        events: Sequence[CaseEvent],
        given: Given,
        tenant: Tenant,
        *,
        at: datetime,
    ) -> Detail:
        is_overriding = isinstance(step, ResolveReview) and step.override is not None
        officers = self.officers_of(given.policy_digest) if is_overriding else ()
        taking = Taking(tenant.author, at, given, self.terms, officers)
        if not isinstance(step, ReportOutcome):
            return detail_of(step, fold(events, at), taking)
        labels = [one.detail.label for one in events if isinstance(one.detail, OutcomeReported)]
        return outcome_detail(step, len(events), labels[-1] if labels else None, taking)

    def _given(self, tenant: Tenant, decision_id: str) -> tuple[Record, Given]:
        record = self.journal.read(tenant.name, DECIDE, decision_id)
        answer = record.answer_to(record.body_digest)  # raises for one that is deleted
        decision = decisions.DecideLimitResponse.FromString(answer).decision
        outcome = word_for(decision.outcome, OUTCOME_WORDS)
        if outcome is None:
            raise ContractError("a decision whose outcome this version does not know")
        return record, Given(
            decision_id=record.answer_id,
            outcome=outcome,
            limit_minor=decision.limit_minor,
            requested_minor=decision.requested_amount_minor,
            decided_at=record.answered_at,
            policy_digest=decision.policy_digest,
        )

    def _row(self, tenant: Tenant, method: str, decision_id: str) -> _Row:
        records: list[Record] = []
        while len(records) % _AT_ONCE == 0 and len(records) < MOST_EVENTS:
            first = len(records) + 1
            keys = [
                Key(tenant.name, method, f"{decision_id}:{version}")
                for version in range(first, first + _AT_ONCE)
            ]
            found = self.journal.find(keys)
            if not found:
                break
            records += [found[key] for key in keys if key in found]
        return _Row(decision_id, method, records)

    @cached_property
    def _docket(self) -> Docket:
        return Docket(self.journal)


def _told_before(row: _Row, step: Step, tenant: Tenant) -> bytes | None:
    """Return the answer that this very request got; raises if the id was used for another."""
    for record in row.records:
        if message_of(record).request_id == step.request_id:
            return record.answer_to(step.body_digest(tenant.author))
    return None


def _not_before(at: datetime, given: Given, events: Sequence[CaseEvent]) -> datetime:
    """Return a time that is after what there is: clocks of several servers may differ."""
    return max(at, events[-1].at if events else given.decided_at)


def _draft(event: CaseEvent, key: Key, step: Step, tenant: Tenant) -> Draft:
    def printed(position: int) -> bytes:
        placed = event.model_copy(update={"journal_position": position})
        return recourse.RequestReviewResponse(event=event_to_wire(placed)).SerializeToString()

    return Draft(
        key, step.body_digest(tenant.author), event.event_id, printed, event.at, _raised(event)
    )


def _raised(event: CaseEvent) -> Raised | None:
    """Return what an event gives over its decision; None if it gives nothing."""
    override = event.detail.override if isinstance(event.detail, ReviewResolved) else None
    if override is None:
        return None
    return Raised(event.decision_id, override.limit_minor, to_micros(override.expires_at))
