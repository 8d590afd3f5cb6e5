"""The two questions that are answered once and for ever: for a score, and for a limit."""

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from protocols.contracts.decisions import (
    LimitDecision,
    LimitRequest,
    ScoreAnswer,
    ScoreRequest,
    check_limit_request,
    check_score_request,
)
from protocols.contracts.limit_policy import LimitPolicy
from protocols.translate import decision_to_wire, score_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from server.decisions.policy import decide_limit
from server.journal.record import Draft, Key
from server.serving.reader import Reader, Scored

SCORE, DECIDE = "Score", "DecideLimit"  # as they stand in the journal

_UNPLACED = 1  # any position; the journal sets the true one when it knows it


class Question(Protocol):
    """One question of one tenant, whose first answer is the only one."""

    @property
    def key(self) -> Key:
        """Under which the answer is stored."""

    @property
    def request(self) -> ScoreRequest | LimitRequest:
        """What is asked."""

    def check(self, by: Reader) -> None:
        """Raise RequestError unless a release's contract allows the question."""

    def draft(self, scored: Scored, *, by: Reader, at: datetime) -> Draft:
        """Return the answer."""


def new_answer_id(at: datetime) -> str:
    """Return a UUID of version 7: those of later answers sort later.

    So answers that are stored together stand together in the journal's index. Source: RFC 9562,
    section 5.7.
    """
    millis = int(at.timestamp() * 1_000) & (1 << 48) - 1
    drawn = int.from_bytes(os.urandom(10), "big")
    high, low = drawn >> 68, drawn & (1 << 62) - 1  # 12 and 62 bits
    text = f"{millis << 80 | 7 << 76 | high << 64 | 2 << 62 | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@dataclass(frozen=True)
class ScoreQuestion:
    """A question for a score."""

    tenant: str
    request: ScoreRequest

    @property
    def key(self) -> Key:
        """Under which the answer is stored."""
        return Key(self.tenant, SCORE, self.request.request_id)

    def check(self, by: Reader) -> None:
        """Raise RequestError unless a release's contract allows the question."""
        check_score_request(self.request, by.contract, packing=by.packing)

    def draft(self, scored: Scored, *, by: Reader, at: datetime) -> Draft:
        """Return the score we stand by."""
        answer = ScoreAnswer(
            score_id=new_answer_id(at),
            request_id=self.request.request_id,
            p_default=scored.p_default,
            points=scored.points,
            reasons=scored.reasons,
            release_digest=by.release.digest,
            scored_at=at,
            journal_position=_UNPLACED,
            clipped_fields=scored.clipped,
        )
        message = score_to_wire(answer)

        def printed(position: int) -> bytes:
            message.journal_position = position
            return message.SerializeToString()

        return Draft(self.key, self.request.body_digest, answer.score_id, printed, at)


@dataclass(frozen=True)
class LimitQuestion:
    """A question for a limit, decided by a policy."""

    tenant: str
    request: LimitRequest
    policy: LimitPolicy
    policy_digest: bytes

    @property
    def key(self) -> Key:
        """Under which the answer is stored."""
        return Key(self.tenant, DECIDE, self.request.request_id)

    def check(self, by: Reader) -> None:
        """Raise RequestError unless a release's contract allows the question."""
        check_limit_request(self.request, by.contract, packing=by.packing)

    def draft(self, scored: Scored, *, by: Reader, at: datetime) -> Draft:
        """Return the decision we stand by."""
        decision = self._decided(scored, by, at)
        message = decisions.DecideLimitResponse(decision=decision_to_wire(decision))

        def printed(position: int) -> bytes:
            message.decision.journal_position = position
            return message.SerializeToString()

        return Draft(self.key, self.request.body_digest, decision.decision_id, printed, at)

    def _decided(self, scored: Scored, by: Reader, at: datetime) -> LimitDecision:
        requested_minor = self.request.requested_amount_minor
        limit = decide_limit(scored.p_default, requested_minor, policy=self.policy)
        return LimitDecision(
            decision_id=new_answer_id(at),
            request_id=self.request.request_id,
            outcome=limit.outcome,
            limit_minor=limit.limit_minor,
            requested_amount_minor=requested_minor,
            currency=self.request.currency,
            p_default=scored.p_default,
            points=scored.points,
            reasons=scored.reasons,
            policy_reasons=limit.policy_reasons,
            release_digest=by.release.digest,
            policy_digest=self.policy_digest,
            decided_at=at,
            journal_position=_UNPLACED,
            clipped_fields=scored.clipped,
        )
