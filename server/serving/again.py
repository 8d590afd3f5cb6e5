"""Decisions that are made and not given: tried, made again, or made with one thing changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial

from protocols.contracts.decisions import LimitDecision, LimitRequest
from protocols.contracts.explanations import Cause, Replay, SimulatedDecision, Today
from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.regulation import RegulatoryProfile
from protocols.errors import ScoringError
from protocols.translate_decisions import decision_table
from protocols.wire import decisions_v1_pb2 as decisions
from server.decisions.code import code_digest
from server.decisions.pipeline import Decided
from server.decisions.replaying import Came, Present, replay_of, today_of
from server.serving.attempts import Refusal, attempt
from server.serving.limit_question import Weighing
from server.serving.materials import Materials
from server.serving.reader import Reader, Scored
from server.serving.rulebooks import Rulebook


@dataclass(frozen=True)
class Basis:
    """By what, and when, a request is decided, and beside which other offers."""

    by: Reader
    policy: LimitPolicy
    profile: RegulatoryProfile
    at: datetime
    offered_minor: int

    def weighing(self, request: LimitRequest) -> Weighing:
        """Return a request on the scales; see ``Weighing`` for what it raises."""
        rulebook = Rulebook(self.policy, self.profile)
        return Weighing(request, rulebook, self.by, self.at).beside(self.offered_minor)


def message_of(request: LimitRequest, basis: Basis) -> decisions.LimitDecision:
    """Return a decision as it would be given, without an id and a place in the journal.

    Raises:
        ContractError: Contract, policy or law do not allow the question.
    """
    weighing = basis.weighing(request)
    (scored,) = basis.by.score([weighing.row])
    message = decisions.LimitDecision()
    weighing.write(message, weighing.decided(scored), scored)
    return message


def came_of(requests: Sequence[LimitRequest], basis: Basis) -> list[Came]:
    """Return what comes of each request, scored in one batch; of a refused one the rule."""
    weighed = [attempt(partial(basis.weighing, one)) for one in requests]
    rows = [item.row for item in weighed if isinstance(item, Weighing)]
    scores = iter(basis.by.score(rows))
    return [
        _came(item, next(scores)) if isinstance(item, Weighing) else _refused(item)
        for item in weighed
    ]


@dataclass(frozen=True)
class Again:
    """A decision, the question that is said to be its own, and what there is to repeat it with."""

    then: LimitDecision
    request: LimitRequest
    materials: Materials
    now: datetime

    @cached_property
    def basis(self) -> Basis | None:
        """By what it was decided, if all of that is still here."""
        then, materials = self.then, self.materials
        by = materials.reader(then.release_digest)
        policy = materials.policy_by_digest(then.policy_digest)
        profile = materials.profile_by_digest(then.profile_digest)
        if by is None or policy is None or profile is None:
            return None
        return Basis(by, policy, profile, then.decided_at, then.offered_minor)

    @property
    def is_its_own(self) -> bool:
        """Whether the question is the one that was decided on."""
        return self.request.body_digest == self.then.features_digest

    @cached_property
    def replay(self) -> Replay:
        """How it comes out, without what would come of it today."""
        return replay_of(self.then, self._present, again=self._message)

    @property
    def is_same_answer(self) -> bool:
        """Whether it comes out as it was, by whatever program."""
        return set(self.replay.differing_fields) <= {"code_digest"} and self._message is not None

    def replay_today(self) -> Replay:
        """Return how it comes out, and what would come of it with one thing or all as it is now."""
        return self.replay.model_copy(update={"today": tuple(self._today())})

    @cached_property
    def _message(self) -> SimulatedDecision | None:
        if self.basis is None or not self.is_its_own:
            return None
        basis = self.basis
        message = attempt(lambda: message_of(self.request, basis))
        if not isinstance(message, decisions.LimitDecision):
            return None
        return SimulatedDecision.model_validate(decision_table(message))

    @cached_property
    def _now(self) -> Basis | None:
        """By what it would be decided now, if there is anything."""
        found = attempt(lambda: self.materials.rulebook_for(self.then.product, self.now))
        if not isinstance(found, Rulebook):
            return None
        by = self.materials.chosen(self.request.subject)
        return Basis(by, found.policy, found.profile, self.now, self.then.offered_minor)

    @property
    def _present(self) -> Present:
        then, materials, now = self.then, self.materials, self._now
        shipped = materials.profiles.get(then.profile)
        model = then.release_digest
        if materials.reader(model) is None:
            model = materials.chosen(self.request.subject).release.digest
        policy = then.policy_digest
        if materials.policy_by_digest(policy) is None:
            policy = now.policy.digest if now else b""
        profile = then.profile_digest
        if materials.profile_by_digest(profile) is None:
            profile = shipped.digest if shipped else b""
        return Present(self.request.body_digest, model, policy, profile, code_digest())

    def _today(self) -> Iterator[Today]:
        now, then = self._now, self.then
        if now is None or not self.is_its_own:
            return
        yield today_of(then, *came_of([self.request], now), swapped=None)
        for cause, basis in self._swapped(now):
            yield today_of(then, *came_of([self.request], basis), swapped=cause)

    def _swapped(self, now: Basis) -> Iterator[tuple[Cause, Basis]]:
        """Yield what it was decided by with one thing that is another now, for each of them."""
        basis = self.basis
        if basis is None:
            return
        if now.by.release.digest != basis.by.release.digest:
            yield "MODEL", replace(basis, by=now.by)
        if now.policy.digest != basis.policy.digest:
            yield "POLICY", replace(basis, policy=now.policy)
        if now.profile.digest != basis.profile.digest:
            yield "PROFILE", replace(basis, profile=now.profile)
        zone = basis.policy.zone
        if now.at.astimezone(zone).date() != basis.at.astimezone(zone).date():
            yield "DAY", replace(basis, at=now.at)


def _came(weighing: Weighing, scored: Scored) -> Came:
    decided = attempt(lambda: weighing.decided(scored))
    if not isinstance(decided, Decided):
        return _refused(decided)
    return Came(decided.outcome, decided.limit_minor)


def _refused(refusal: Refusal) -> Came:
    said = str(refusal) if isinstance(refusal, ScoringError) else "internal error"
    return Came(None, 0, said)
