"""Recourse behind a desk or without one, with a clock that is moved and decisions in a journal."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo  # type: ignore[import-untyped]

from protocols.contracts.cases import CaseEvent, CaseFile, CasePage
from protocols.contracts.recourse import Step
from protocols.errors import ContractError
from protocols.translate_cases import case_from_wire, event_from_wire, page_from_wire
from protocols.translate_recourse import step_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import recourse_v1_pb2 as recourse
from server.journal.record import Draft, Key
from server.serving.access import Tenant
from server.serving.attempts import Refusal, attempt
from server.serving.calls import Call, Peer, Reply
from server.serving.desk import refused
from server.serving.methods import RECOURSE
from server.serving.questions import DECIDE
from server.serving.recourse import Book, Recourse
from tests.unit.protocols.answers import decision_to_wire, make_decision

START = datetime(2026, 11, 26, 12, tzinfo=UTC)
CODES = {code.value[0]: code.name for code in grpc.StatusCode}
PLATFORM = Tenant("platform", frozenset({"recourse", "cases"}), "platform")
RIVAL = Tenant("rival", frozenset({"recourse", "cases"}), "rival")


def officer(name: str) -> Tenant:
    """Return an officer of the platform's."""
    return Tenant("platform", frozenset({"review", "cases"}), name)


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Cases:
    """Recourse as its callers see it."""

    book: Book
    clock: Clock = field(default_factory=Clock)
    officers: Collection[str] | None = ()  # of the policy; None: nobody knows that policy
    spent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = Recourse(
            self.book,
            self.clock,
            officers_of=self._officers_of,
            spend=lambda tenant: self.spent.append(tenant.author),
        ).table()

    def decide(self, decision_id: str = "d-1", tenant: str = "platform") -> str:
        """Store a decision: 500,000 of 700,000 requested; return its id."""
        decision = make_decision(
            decision_id=decision_id,
            request_id=f"request-{decision_id}",
            limit_minor=500_000,
            requested_amount_minor=700_000,
            policy_digest=b"p" * 32,
            decided_at=self.clock.now,
            journal_position=1,
        )
        response = decisions.DecideLimitResponse(decision=decision_to_wire(decision))
        key = Key(tenant, DECIDE, decision.request_id)
        raw = response.SerializeToString()
        self.book.commit([Draft(key, b"b" * 32, decision_id, lambda _: raw, self.clock.now)])
        return decision_id

    def ask(self, method: str, message: Message, tenant: Tenant = PLATFORM) -> Reply:
        """Return the reply to a call, as the desk makes it of what a method does."""
        call = Call(f"/{RECOURSE}/{method}", message.SerializeToString(), Peer(()))
        reply = attempt(lambda: self.table[call.method](call, tenant))
        if isinstance(reply, Refusal):
            return refused(reply)
        assert isinstance(reply, Reply)
        return reply

    def take(self, step: Step, tenant: Tenant = PLATFORM) -> Reply:
        """Return the reply to a step."""
        return self.ask(step.kind, step_to_wire(step), tenant)

    def taken(self, step: Step, tenant: Tenant = PLATFORM) -> CaseEvent:
        """Return what was recorded of a step that is allowed."""
        return recorded(self.take(step, tenant))

    def case(self, decision_id: str = "d-1", tenant: Tenant = PLATFORM) -> CaseFile:
        """Return a case that there is."""
        reply = self.ask("GetCase", recourse.GetCaseRequest(decision_id=decision_id), tenant)
        assert reply.status is None, reply.status
        return case_from_wire(recourse.GetCaseResponse.FromString(b"".join(reply.messages)))

    def page(self, tenant: Tenant = PLATFORM, **asked: Any) -> CasePage:
        """Return a page of cases; Any: fields of the request."""
        reply = self.ask("ListCases", recourse.ListCasesRequest(**asked), tenant)
        assert reply.status is None, reply.status
        return page_from_wire(recourse.ListCasesResponse.FromString(b"".join(reply.messages)))

    def _officers_of(self, digest: bytes) -> Collection[str]:
        if self.officers is None:
            raise ContractError("no such policy")
        return self.officers if digest == b"p" * 32 else ()

    def later(self, **by: float) -> None:
        """Move the clock."""
        self.clock.now += timedelta(**by)


def recorded(reply: Reply) -> CaseEvent:
    """Return the event that a reply tells."""
    assert reply.status is None, reply.status
    return event_from_wire(
        recourse.RequestReviewResponse.FromString(b"".join(reply.messages)).event
    )


def said(reply: Reply) -> tuple[str, str]:
    """Return a refusal's code and reason."""
    assert reply.status is not None
    info = ErrorInfo()
    assert reply.status.details[0].Unpack(info)
    return CODES[reply.status.code], info.reason


def faults(reply: Reply) -> list[str]:
    """Return the fields that a refusal names."""
    bad = BadRequest()
    assert reply.status is not None
    assert reply.status.details[1].Unpack(bad)
    return [item.field for item in bad.field_violations]


def current_version(reply: Reply) -> str:
    """Return the version that a refusal tells."""
    info = ErrorInfo()
    assert reply.status is not None
    assert reply.status.details[0].Unpack(info)
    return str(info.metadata["current_version"])
