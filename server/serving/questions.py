"""The two questions that are answered once and for ever: for a score, and for a limit."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Protocol

from google.protobuf.message import Message

from protocols.contracts.decisions import (
    LimitRequest,
    ScoreRequest,
    check_limit_request,
    check_score_request,
)
from protocols.translate import OUTCOMES
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from server.decisions.policy import decide_limit
from server.journal.record import Draft, Key, to_micros
from server.policies.following import Chosen
from server.serving.attempts import Refusal, attempt
from server.serving.reader import Reader, Scored
from server.serving.rows import Row

_ANY_PRODUCT = ""  # no request names one yet: there is one product

SCORE, DECIDE = "Score", "DecideLimit"  # as they stand in the journal


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


class Policies(Protocol):
    """Where limit policies come from; ``server.policies.following.Policies`` is one."""

    def for_question(self, product: str, at: datetime) -> Chosen:
        """Return the policy that decides a question at an instant; one of our errors if none."""


Seen = Callable[[Reader, Sequence[Row], Sequence[Scored]], None]


def unnoticed(*_: object) -> None:
    """Take no notice of what is scored."""


def drafts_of(
    questions: Sequence[Question], *, by: Reader, at: datetime, seen: Seen = unnoticed
) -> list[Draft | Refusal]:
    """Return one release's answer to each question, or why there is none.

    Args:
        questions: Scored together, each refused by itself.
        by: The release.
        at: When they are answered.
        seen: Told of the rows that were scored, and their scores.
    """
    rows = [attempt(partial(_row, question, by)) for question in questions]
    good = [row for row in rows if isinstance(row, Row)]
    scores = attempt(partial(by.score, good))
    if isinstance(scores, Refusal):
        return [scores if isinstance(row, Row) else row for row in rows]
    seen(by, good, scores)
    scored = iter(scores)
    return [
        attempt(partial(question.draft, next(scored), by=by, at=at))
        if isinstance(row, Row)
        else row
        for question, row in zip(questions, rows, strict=True)
    ]


def _row(question: Question, reader: Reader) -> Row:
    question.check(reader)
    return reader.read(question.request.features)


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

    @cached_property
    def key(self) -> Key:
        """Under which the answer is stored."""
        return Key(self.tenant, SCORE, self.request.request_id)

    def check(self, by: Reader) -> None:
        """Raise RequestError unless a release's contract allows the question."""
        check_score_request(self.request, by.contract, packing=by.packing)

    def draft(self, scored: Scored, *, by: Reader, at: datetime) -> Draft:
        """Return the score we stand by."""
        score = scoring.ScoreResponse(score_id=new_answer_id(at))
        score.request_id = self.request.request_id
        score.scored_at.FromMicroseconds(to_micros(at))
        _write_score(score, scored, by)
        return Draft(
            self.key, self.request.body_digest, score.score_id, _printing(score, score), at
        )


@dataclass(frozen=True)
class LimitQuestion:
    """A question for a limit, decided by the policy that is active when it is decided."""

    tenant: str
    request: LimitRequest
    policies: Policies

    @cached_property
    def key(self) -> Key:
        """Under which the answer is stored."""
        return Key(self.tenant, DECIDE, self.request.request_id)

    def check(self, by: Reader) -> None:
        """Raise RequestError unless a release's contract allows the question."""
        check_limit_request(self.request, by.contract, packing=by.packing)

    def draft(self, scored: Scored, *, by: Reader, at: datetime) -> Draft:
        """Return the decision we stand by."""
        request, chosen = self.request, self.policies.for_question(_ANY_PRODUCT, at)
        limit = decide_limit(scored.p_default, request.requested_amount_minor, policy=chosen.policy)
        response = decisions.DecideLimitResponse()
        decision = response.decision
        decision.decision_id = new_answer_id(at)
        decision.request_id = request.request_id
        decision.outcome = OUTCOMES[limit.outcome]
        decision.limit_minor = limit.limit_minor
        decision.requested_amount_minor = request.requested_amount_minor
        decision.currency = request.currency
        for reason in limit.policy_reasons:
            decision.policy_reasons.add(code=reason.code, sentence=reason.sentence)
        decision.policy_digest = chosen.digest
        decision.decided_at.FromMicroseconds(to_micros(at))
        _write_score(decision, scored, by)
        return Draft(
            self.key, request.body_digest, decision.decision_id, _printing(response, decision), at
        )


def _write_score(
    answer: scoring.ScoreResponse | decisions.LimitDecision, scored: Scored, by: Reader
) -> None:
    answer.p_default, answer.points = scored.p_default, scored.points
    for place, points, is_missing in scored.losses:
        field = by.contract.fields[place]
        answer.reasons.add(
            code=field.reason_code,
            sentence=field.reason,
            field=field.name,
            points_lost=points,
            is_missing=is_missing,
        )
    answer.release_digest = by.release.digest
    answer.clipped_fields.extend(scored.clipped)


def _printing(
    message: Message, answer: scoring.ScoreResponse | decisions.LimitDecision
) -> Callable[[int], bytes]:
    """Return what prints a message, once its answer's place in the journal is known."""

    def printed(position: int) -> bytes:
        answer.journal_position = position
        return message.SerializeToString()

    return printed
