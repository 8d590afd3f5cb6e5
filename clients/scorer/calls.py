"""The calls of both services: a question as bytes, and how its answer is read.

Built once and sent as often as it takes, so that every attempt is the same to the byte.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message

from clients.scorer.failures import error_of_problem
from protocols.contracts.decisions import LimitDecision, LimitRequest
from protocols.contracts.scores import ScoreAnswer, ScoreRequest
from protocols.contracts.served import ServedRelease
from protocols.errors import ContractError, EntryError, ScoringError
from protocols.ledger.receipt import Receipt, parse_receipt
from protocols.translate import release_from_wire, score_from_wire
from protocols.translate_decisions import decision_from_wire
from protocols.translate_questions import limit_request_to_wire, score_request_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import receipts_v1_pb2 as receipts
from protocols.wire import scoring_v1_pb2 as scoring

_SCORING = scoring.DESCRIPTOR.services_by_name["ScoringService"].full_name
_DECISIONS = decisions.DESCRIPTOR.services_by_name["LimitDecisionService"].full_name
_RECEIPTS = receipts.DESCRIPTOR.services_by_name["ReceiptService"].full_name

_Answer = TypeVar("_Answer")
_Parsed = TypeVar("_Parsed", bound=Message)
_Item = TypeVar("_Item")

# Of one question of many: the answer, or the error that it would have raised by itself.
Score = ScoreAnswer | ScoringError
Decision = LimitDecision | ScoringError


@dataclass(frozen=True)
class Call(Generic[_Answer]):
    """One call.

    Attributes:
        path: Of the method.
        body: The request's bytes.
        read: Turns a reply's bytes into the answer; raises ContractError if they are none.
    """

    path: str
    body: bytes
    read: Callable[[bytes], _Answer]


class Page(NamedTuple):
    """Some decisions, and what asks for those after them; empty after the last page."""

    decisions: tuple[LimitDecision, ...]
    next_token: str


def score(request: ScoreRequest) -> Call[ScoreAnswer]:
    """Return the call that scores one applicant."""
    return call_of(
        f"/{_SCORING}/Score",
        score_request_to_wire(request),
        lambda raw: score_from_wire(parsed(raw, scoring.ScoreResponse())),
    )


def decide_limit(request: LimitRequest) -> Call[LimitDecision]:
    """Return the call that decides one limit."""
    return call_of(
        f"/{_DECISIONS}/DecideLimit",
        limit_request_to_wire(request),
        lambda raw: decision_from_wire(parsed(raw, decisions.DecideLimitResponse()).decision),
    )


def score_many(requests: Sequence[ScoreRequest]) -> Call[tuple[Score, ...]]:
    """Return the call that scores some applicants."""

    def read(raw: bytes) -> tuple[Score, ...]:
        results = parsed(raw, scoring.ScoreManyResponse()).results
        return tuple(map(_score, _counted(results, len(requests))))

    message = scoring.ScoreManyRequest(requests=map(score_request_to_wire, requests))
    return call_of(f"/{_SCORING}/ScoreMany", message, read)


def batch_score(requests: Sequence[scoring.ScoreRequest]) -> Call[Score]:
    """Return the call whose reply is a stream; ``read`` takes one message of it."""
    return call_of(
        f"/{_SCORING}/BatchScore",
        scoring.BatchScoreRequest(requests=requests),
        lambda raw: _score(parsed(raw, scoring.BatchScoreResponse()).result),
    )


def decide_many(requests: Sequence[LimitRequest]) -> Call[tuple[Decision, ...]]:
    """Return the call that decides some limits."""

    def read(raw: bytes) -> tuple[Decision, ...]:
        results = parsed(raw, decisions.DecideManyResponse()).results
        return tuple(map(_decision, _counted(results, len(requests))))

    message = decisions.DecideManyRequest(requests=map(limit_request_to_wire, requests))
    return call_of(f"/{_DECISIONS}/DecideMany", message, read)


def get_decision(decision_id: str) -> Call[LimitDecision]:
    """Return the call that reads a decision back."""
    return call_of(
        f"/{_DECISIONS}/GetDecision",
        decisions.GetDecisionRequest(decision_id=decision_id),
        lambda raw: decision_from_wire(parsed(raw, decisions.GetDecisionResponse()).decision),
    )


def list_decisions(token: str) -> Call[Page]:
    """Return the call that reads a page of decisions; an empty token asks for the first."""

    def read(raw: bytes) -> Page:
        page = parsed(raw, decisions.ListDecisionsResponse())
        return Page(tuple(map(decision_from_wire, page.decisions)), page.next_page_token)

    message = decisions.ListDecisionsRequest(page_token=token)
    return call_of(f"/{_DECISIONS}/ListDecisions", message, read)


def get_receipt(answer_id: str, method: str) -> Call[Receipt]:
    """Return the call that asks for the receipt of an answer of ``method``; empty, a decision."""

    def read(raw: bytes) -> Receipt:
        try:
            receipt = parse_receipt(parsed(raw, receipts.GetReceiptResponse()).receipt)
        except EntryError as err:
            raise ContractError("answer: is not a receipt") from err
        if receipt.answer_id != answer_id:
            raise ContractError("answer: is the receipt of another answer")
        return receipt

    message = receipts.GetReceiptRequest(answer_id=answer_id, method=method)
    return call_of(f"/{_RECEIPTS}/GetReceipt", message, read)


def get_release(digest: bytes) -> Call[ServedRelease]:
    """Return the call that describes a release; an empty digest asks for the champion."""
    return call_of(
        f"/{_SCORING}/GetRelease",
        scoring.GetReleaseRequest(release_digest=digest),
        lambda raw: release_from_wire(parsed(raw, scoring.GetReleaseResponse()).release),
    )


def list_releases() -> Call[tuple[ServedRelease, ...]]:
    """Return the call that describes every release in force."""

    def read(raw: bytes) -> tuple[ServedRelease, ...]:
        return tuple(map(release_from_wire, parsed(raw, scoring.ListReleasesResponse()).releases))

    return call_of(f"/{_SCORING}/ListReleases", scoring.ListReleasesRequest(), read)


def call_of(path: str, message: Message, read: Callable[[bytes], _Answer]) -> Call[_Answer]:
    """Return the call that sends a message, and reads its reply so."""
    return Call(path, message.SerializeToString(), read)


def parsed(raw: bytes, into: _Parsed) -> _Parsed:
    """Read a reply's bytes into a message and return it.

    Raises:
        ContractError: They are no such message.
    """
    try:
        into.ParseFromString(raw)
    except DecodeError as err:
        raise ContractError("answer: is not a message of this method") from err
    return into


def _counted(results: Sequence[_Item], count: int) -> Sequence[_Item]:
    if len(results) != count:
        raise ContractError(f"answer: {len(results)} results for {count} requests")
    return results


def _score(result: scoring.ScoreResult) -> Score:
    if result.HasField("problem"):
        return error_of_problem(result.problem)
    return score_from_wire(result.score)


def _decision(result: decisions.DecisionResult) -> Decision:
    if result.HasField("problem"):
        return error_of_problem(result.problem)
    return decision_from_wire(result.decision)
