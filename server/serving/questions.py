"""Questions that are answered once and for ever, many at a time; the one for a score."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import NamedTuple, Protocol

from google.protobuf.message import Message

from protocols.contracts.decisions import LimitRequest
from protocols.contracts.scores import ScoreRequest, check_score_request
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from server.journal.record import Draft, Key, to_micros
from server.serving.attempts import Refusal, attempt
from server.serving.reader import Reader, Scored
from server.serving.rows import Row

SCORE, DECIDE = "Score", "DecideLimit"  # as they stand in the journal


class Question(Protocol):
    """One question of one tenant, whose first answer is the only one."""

    @property
    def key(self) -> Key:
        """Under which the answer is stored."""

    @property
    def request(self) -> ScoreRequest | LimitRequest:
        """What is asked."""

    def prepared(self, by: Reader, at: datetime) -> "Prepared":
        """Return what is to be scored of it.

        Raises:
            ContractError: A release's contract, or the law, does not allow the question.
        """


class Prepared(NamedTuple):
    """A question that may be answered.

    Attributes:
        row: The values that may be used.
        draft: Makes the answer of their score.
    """

    row: Row
    draft: Callable[[Scored], Draft]


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
    prepared = [attempt(partial(question.prepared, by, at)) for question in questions]
    rows = [item.row for item in prepared if isinstance(item, Prepared)]
    scores = attempt(partial(by.score, rows))
    if isinstance(scores, Refusal):
        return [scores if isinstance(item, Prepared) else item for item in prepared]
    seen(by, rows, scores)
    scored = iter(scores)
    return [
        attempt(partial(item.draft, next(scored))) if isinstance(item, Prepared) else item
        for item in prepared
    ]


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

    def prepared(self, by: Reader, at: datetime) -> Prepared:
        """Return the row to score; raises RequestError if the contract does not allow it."""
        check_score_request(self.request, by.contract, packing=by.packing)
        return Prepared(by.read(self.request.features), partial(self._draft, by=by, at=at))

    def _draft(self, scored: Scored, *, by: Reader, at: datetime) -> Draft:
        score = scoring.ScoreResponse(score_id=new_answer_id(at))
        score.request_id = self.request.request_id
        score.scored_at.FromMicroseconds(to_micros(at))
        write_score(score, scored, by)
        return Draft(self.key, self.request.body_digest, score.score_id, printing(score, score), at)


def write_score(
    answer: scoring.ScoreResponse | decisions.LimitDecision, scored: Scored, by: Reader
) -> None:
    """Write what a release says of an applicant into an answer."""
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


def printing(
    message: Message, answer: scoring.ScoreResponse | decisions.LimitDecision
) -> Callable[[int], bytes]:
    """Return what prints a message, once its answer's place in the journal is known."""

    def printed(position: int) -> bytes:
        answer.journal_position = position
        return message.SerializeToString()

    return printed
