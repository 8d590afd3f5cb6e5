"""The methods about decisions: to try one, make it again, explain it, and give notice of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Protocol

from google.protobuf.message import Message

from protocols.contracts.applicants import RequestError, Violation
from protocols.decision_errors import GoneError
from protocols.translate_explanations import explanation_to_wire, notice_to_wire, replay_to_wire
from protocols.translate_inquiries import (
    Inquiry,
    Simulation,
    explain_from_wire,
    notice_from_wire,
    replay_from_wire,
    simulation_from_wire,
)
from protocols.wire import explanations_v1_pb2 as wire
from server.decisions.notice import Given, notice_of
from server.decisions.regulation import rules_on
from server.serving.access import Tenant
from server.serving.again import Again, Basis, message_of
from server.serving.calls import Call, Reply
from server.serving.desk import Method
from server.serving.explained import explanation_of, scale_of
from server.serving.materials import Materials
from server.serving.once import Clock
from server.serving.rulebooks import Rulebook

EXPLANATIONS = wire.DESCRIPTOR.services_by_name["ExplanationService"].full_name

_NOON = time(12)  # of a day that is asked for: the same day almost anywhere


class Spend(Protocol):
    """Counts what a tenant asks for; see ``Access.spend``."""

    def __call__(self, tenant: Tenant, *, rows: int, subjects: Sequence[str]) -> None:
        """Raise RateLimitError if it is too much now."""


@dataclass(frozen=True)
class ExplanationMethods:
    """What these methods need beside a call. None of them stores anything."""

    materials: Materials
    clock: Clock
    spend: Spend

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            f"/{EXPLANATIONS}/SimulateLimit": self.simulate,
            f"/{EXPLANATIONS}/ReplayDecision": self.replay,
            f"/{EXPLANATIONS}/ExplainDecision": self.explain,
            f"/{EXPLANATIONS}/GetAdverseActionNotice": self.notice,
        }

    def simulate(self, call: Call, tenant: Tenant) -> Reply:
        """Decide a request as it would be; counted as a decision is."""
        asked = simulation_from_wire(call.body)
        subject = asked.request.subject
        self.spend(tenant, rows=1, subjects=[subject] if subject else [])
        decision = message_of(asked.request, self._basis(asked, tenant))
        return _reply(wire.SimulateLimitResponse(decision=decision))

    def replay(self, call: Call, tenant: Tenant) -> Reply:
        """Make a decision again."""
        asked = replay_from_wire(call.body)
        again = self._again(asked, tenant)
        return _reply(replay_to_wire(again.replay_today()))

    def explain(self, call: Call, tenant: Tenant) -> Reply:
        """Say why a decision is as it is."""
        asked = explain_from_wire(call.body)
        again = self._again(asked, tenant)
        if not again.is_its_own:
            raise RequestError([Violation("request", "is not the one that was decided on")])
        return _reply(explanation_to_wire(explanation_of(again, asked.language)))

    def notice(self, call: Call, tenant: Tenant) -> Reply:
        """Return the notice that is owed of a decision."""
        asked = notice_from_wire(call.body)
        decision = self.materials.decision(tenant.name, asked.decision_id)
        day = self.materials.day_of(decision)
        given = Given(
            decision=decision,
            day=day,
            rules=rules_on(self.materials.profile_of(decision), day),
            lender=asked.lender,
            scale=scale_of(self.materials.reader(decision.release_digest)),
        )
        return _reply(notice_to_wire(notice_of(given, asked.language)))

    def _again(self, asked: Inquiry, tenant: Tenant) -> Again:
        then = self.materials.decision(tenant.name, asked.decision_id)
        if asked.request.request_id != then.request_id:
            raise RequestError([Violation("request_id", "is not that of the decision")])
        self.spend(tenant, rows=1, subjects=())
        return Again(then, asked.request, self.materials, self.clock())

    def _basis(self, asked: Simulation, tenant: Tenant) -> Basis:
        """Return by what, and when, a request is tried."""
        now = self.clock()
        rulebook = self._rulebook(asked, now)
        if asked.on is None:
            at = now
        else:
            at = datetime.combine(asked.on, _NOON, rulebook.policy.zone).astimezone(UTC)
            rulebook = self._rulebook(asked, at)
        by = self.materials.chosen(asked.request.subject)
        offered_minor = self.materials.offered_to(tenant.name, asked.request, at)
        return Basis(by, rulebook.policy, rulebook.profile, at, offered_minor)

    def _rulebook(self, asked: Simulation, at: datetime) -> Rulebook:
        materials = self.materials
        if asked.policy_digest:
            policy = materials.policy_by_digest(asked.policy_digest)
            if policy is None:
                raise GoneError("policy_digest: no such policy is here")
            profile = materials.profiles.get(policy.profile)
            if profile is None:
                raise GoneError("policy_digest: this version does not know the policy's profile")
            rulebook = Rulebook(policy, profile)
        else:
            rulebook = materials.rulebook_for(asked.request.product, at)
        if not asked.profile:
            return rulebook
        if asked.profile not in materials.profiles:
            raise RequestError([Violation("profile", "there is none of that name")])
        return rulebook._replace(profile=materials.profiles[asked.profile])


def _reply(message: Message) -> Reply:
    return Reply((message.SerializeToString(),))
