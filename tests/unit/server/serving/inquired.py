"""The methods about decisions over one decision in memory, where what is here can change."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from model.artifacts import Release
from protocols.contracts.decisions import LimitDecision, LimitRequest
from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.regulation import RegulatoryProfile
from protocols.wire import decisions_v1_pb2 as decisions
from server.decisions.regulation import load_profiles
from server.journal.errors import UnknownDecisionError
from server.journal.record import START, Draft, Key, Record, place
from server.serving.access import Tenant
from server.serving.again import Basis, message_of
from server.serving.calls import Call, Peer
from server.serving.explanation_methods import ExplanationMethods
from server.serving.materials import Materials
from server.serving.questions import DECIDE
from server.serving.quote_methods import QuoteMethods
from server.serving.releases import fixed
from server.serving.rulebooks import Rulebook
from tests.unit.server.decisions.advised import basis
from tests.unit.server.serving.monotone import AT, borrower

MINE = Tenant("platform", frozenset(("decide", "read")), "platform")
OTHERS = Tenant("rival", frozenset(("decide", "read")), "rival")
DECISION_ID = "decision-1"


@dataclass
class Here:
    """A journal with one decision of ``MINE``, and what is here now.

    Attributes:
        champion: The release that answers now.
        policy, profile: What decides now.
        releases, policies: Those that are here, in force or not.
        spent: What was counted: tenant, rows and subjects.
    """

    request: LimitRequest = field(default_factory=borrower)
    by: Basis = field(default_factory=basis)
    now: datetime = AT
    spent: list[tuple[str, int, Sequence[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Give the decision; nothing has changed since."""
        self.champion: Release = self.by.by.release
        self.policy: LimitPolicy = self.by.policy
        self.profile: RegulatoryProfile = self.by.profile
        self.releases = [self.champion]
        self.policies = [self.policy]
        self.profiles = dict(load_profiles())
        self.message = decisions.DecideLimitResponse(decision=message_of(self.request, self.by))
        self.message.decision.decision_id = DECISION_ID

    def methods(self) -> ExplanationMethods:
        """Return the methods about decisions."""
        return ExplanationMethods(self.materials(), lambda: self.now, self._spend)

    def quotes(self) -> QuoteMethods:
        """Return the methods about loans."""
        return QuoteMethods(self.materials(), self._spend)

    def materials(self) -> Materials:
        """Return what decisions are made again with."""
        return Materials(
            served=lambda: fixed(self.champion),
            release_by_digest={one.digest: one for one in self.releases}.get,
            policy_by_digest={one.digest: one for one in self.policies}.get,
            rulebook_for=lambda *_: Rulebook(self.policy, self.profile),
            profiles=self.profiles,
            record=self._record,
            offered=lambda *_: self.by.offered_minor,
        )

    @property
    def then(self) -> LimitDecision:
        """The decision as it was given."""
        return self.materials().decision(MINE.name, DECISION_ID)

    def _spend(self, tenant: Tenant, *, rows: int, subjects: Sequence[str]) -> None:
        self.spent.append((tenant.name, rows, subjects))

    def _record(self, tenant: str, method: str, answer_id: str) -> Record:
        if (tenant, method, answer_id) != (MINE.name, DECIDE, DECISION_ID):
            raise UnknownDecisionError("no such decision")
        key = Key(tenant, method, self.request.request_id)
        digest = self.request.body_digest
        return place(Draft(key, digest, answer_id, self._printed, self.by.at), 1, START)

    def _printed(self, position: int) -> bytes:
        self.message.decision.journal_position = position
        return self.message.SerializeToString()


def call(body: bytes) -> Call:
    """Return a call of any method, which its table has chosen already."""
    return Call("", body, Peer(()))
