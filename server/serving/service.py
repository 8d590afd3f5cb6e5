"""The two services: request bytes in, journalled answer bytes out.

Methods take and return bytes rather than messages, so that what was stored is what is given,
byte for byte, whichever protobuf prints it, and so that a request that does not parse is ours
to refuse.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import grpc

from model.artifacts import Release
from model.scorecard import Score
from protocols.contracts.decisions import (
    Applicant,
    LimitDecision,
    LimitPolicy,
    LimitRequest,
    Reason,
    ScoreAnswer,
    ScoreRequest,
    check_limit_request,
    check_score_request,
)
from protocols.translate import (
    decision_id_from_wire,
    decision_to_wire,
    limit_request_from_wire,
    score_request_from_wire,
    score_to_wire,
)
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from server.decisions.policy import decide_limit
from server.decisions.reasons import field_reasons
from server.journal.record import Draft, Key, Record
from server.serving.shared_commits import SharedCommits

SCORING = scoring.DESCRIPTOR.services_by_name["ScoringService"].full_name
DECISIONS = decisions.DESCRIPTOR.services_by_name["LimitDecisionService"].full_name

Clock = Callable[[], datetime]

_SCORE, _DECIDE = "Score", "DecideLimit"
_TENANT = ""  # of every caller
_REPLAYED = (("idempotent-replayed", "true"),)
_UNPLACED = 1  # any position; the journal's writer sets the true one when it knows it


@dataclass(frozen=True)
class Reader:
    """What both services know of one applicant: the release's score and its reasons."""

    release: Release

    def score(self, applicant: Applicant) -> Score:
        """Return the score, by the very encoder that training used."""
        scorecard = self.release.scorecard
        return scorecard.score(applicant.columns(scorecard.contract))[0]

    def reasons(self, score: Score) -> tuple[Reason, ...]:
        """Return what cost the applicant points."""
        return field_reasons(
            score.points_lost, score.is_missing, contract=self.release.scorecard.contract
        )


@dataclass(frozen=True)
class ScoringService:
    """Answers score requests from one release; ``errors`` maps what it raises."""

    reader: Reader
    commits: SharedCommits
    clock: Clock

    async def Score(self, raw: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        """Score one applicant and return the score we stand by."""
        request = score_request_from_wire(raw)
        key = Key(_TENANT, _SCORE, request.request_id)
        given = self.commits.journal.find([key]).get(key)
        if given is None:
            check_score_request(request, self.reader.release.scorecard.contract)
            return await _given_once(self.commits, self._draft(request), context)
        return _replayed(given, request.body_digest, context)

    def _draft(self, request: ScoreRequest) -> Draft:
        score = self.reader.score(request.features)
        answer = ScoreAnswer(
            score_id=str(uuid.uuid4()),
            request_id=request.request_id,
            p_default=score.p_default,
            points=score.points,
            reasons=self.reader.reasons(score),
            release_digest=self.reader.release.digest,
            scored_at=self.clock(),
            journal_position=_UNPLACED,
        )
        message = score_to_wire(answer)

        def printed(position: int) -> bytes:
            message.journal_position = position
            return message.SerializeToString()

        key = Key(_TENANT, _SCORE, request.request_id)
        return Draft(key, request.body_digest, answer.score_id, printed, answer.scored_at)


@dataclass(frozen=True)
class LimitDecisionService:
    """Answers limit requests from one release; ``errors`` maps what it raises."""

    reader: Reader
    policy: LimitPolicy
    commits: SharedCommits
    clock: Clock

    async def DecideLimit(
        self, raw: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]"
    ) -> bytes:
        """Score one applicant and return the limit we stand by."""
        request = limit_request_from_wire(raw)
        key = Key(_TENANT, _DECIDE, request.request_id)
        # First, so that a decision is given again whatever was released or changed since.
        given = self.commits.journal.find([key]).get(key)
        if given is None:
            check_limit_request(request, self.reader.release.scorecard.contract)
            return await _given_once(self.commits, self._draft(request), context)
        return _replayed(given, request.body_digest, context)

    async def GetDecision(
        self, raw: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]"
    ) -> bytes:
        """Return a decision that was given, byte for byte."""
        record = self.commits.journal.read(_TENANT, _DECIDE, decision_id_from_wire(raw))
        return record.answer_to(record.body_digest)

    def _draft(self, request: LimitRequest) -> Draft:
        decision = self._decide(request)
        message = decisions.DecideLimitResponse(decision=decision_to_wire(decision))

        def printed(position: int) -> bytes:
            message.decision.journal_position = position
            return message.SerializeToString()

        key = Key(_TENANT, _DECIDE, request.request_id)
        return Draft(key, request.body_digest, decision.decision_id, printed, decision.decided_at)

    def _decide(self, request: LimitRequest) -> LimitDecision:
        score = self.reader.score(request.features)
        limit = decide_limit(score.p_default, request.requested_amount_minor, policy=self.policy)
        return LimitDecision(
            decision_id=str(uuid.uuid4()),
            request_id=request.request_id,
            outcome=limit.outcome,
            limit_minor=limit.limit_minor,
            requested_amount_minor=request.requested_amount_minor,
            currency=request.currency,
            p_default=score.p_default,
            points=score.points,
            reasons=self.reader.reasons(score),
            policy_reasons=limit.policy_reasons,
            release_digest=self.reader.release.digest,
            policy_digest=self._policy_digest,
            decided_at=self.clock(),
            journal_position=_UNPLACED,
        )

    @cached_property
    def _policy_digest(self) -> bytes:
        return self.policy.digest


def scoring_handler(service: ScoringService) -> grpc.GenericRpcHandler:
    """Return what a server registers for the scoring service."""
    return _handler(SCORING, {"Score": service.Score})


def decisions_handler(service: LimitDecisionService) -> grpc.GenericRpcHandler:
    """Return what a server registers for the limit decision service."""
    methods = {"DecideLimit": service.DecideLimit, "GetDecision": service.GetDecision}
    return _handler(DECISIONS, methods)


async def _given_once(
    commits: SharedCommits, draft: Draft, context: "grpc.aio.ServicerContext[bytes, bytes]"
) -> bytes:
    # Journal first: a decision that cannot be replayed must not be given.
    record = await commits.append(draft)
    if record.answer_id != draft.answer_id:  # another call with this request id came first
        return _replayed(record, draft.body_digest, context)
    return record.answer


def _replayed(
    record: Record, body_digest: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]"
) -> bytes:
    answer = record.answer_to(body_digest)
    context.set_trailing_metadata(_REPLAYED)
    return answer


_Method = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]


def _handler(service: str, methods: Mapping[str, _Method]) -> grpc.GenericRpcHandler:
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()
    }
    return grpc.method_handlers_generic_handler(service, handlers)
