"""Whatever a server says becomes one of our errors, and only what helps is asked again."""

import json
import socket
import time
from pathlib import Path

import grpc
import pytest

from clients.scorer.async_client import AsyncScorerClient
from clients.scorer.client import ScorerClient
from clients.scorer.endpoint import Endpoint
from clients.scorer.failures import ServiceError
from protocols.contracts.applicants import RequestError, Violation
from protocols.errors import (
    ContractError,
    DuplicateRequestError,
    ReleaseError,
    RoundError,
    ScoringError,
    VerificationError,
)
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import receipts_v1_pb2 as receipts
from protocols.wire import scoring_v1_pb2 as scoring
from server.receipts.errors import NotLoggedYetError
from server.serving.errors import status_of
from server.serving.rates import RateLimitError
from tests.unit.clients.scorer.asking import Ask, both_clients
from tests.unit.clients.scorer.scripted import Step, ends_with, scripted
from tests.unit.clients.scorer.test_answer import SCORE
from tests.unit.protocols.answers import score_to_wire
from tests.unit.server.serving.world import limit_request, score_request

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
RECEIPT: bytes = json.loads(
    (Path(__file__).parents[3] / "vectors" / "receipt.json").read_text(encoding="utf-8")
)["receipt"].encode()
SCORED = score_to_wire(SCORE).SerializeToString()


def _limited(retry_after_s: float | None) -> Step:
    return Step(status=status_of(RateLimitError("too many rows", retry_after_s=retry_after_s)))


def _streamed(score_id: str) -> bytes:
    score = score_to_wire(SCORE.model_copy(update={"score_id": score_id}))
    return scoring.BatchScoreResponse(result=scoring.ScoreResult(score=score)).SerializeToString()


@both_clients
@pytest.mark.parametrize(
    ("code", "error", "exit_code"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, ContractError, 2),
        (grpc.StatusCode.NOT_FOUND, ContractError, 2),
        (grpc.StatusCode.ALREADY_EXISTS, DuplicateRequestError, 2),
        (grpc.StatusCode.DATA_LOSS, VerificationError, 1),
        (grpc.StatusCode.FAILED_PRECONDITION, ServiceError, 1),
        (grpc.StatusCode.ABORTED, RoundError, 4),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ReleaseError, 5),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ReleaseError, 5),
        (grpc.StatusCode.INTERNAL, ServiceError, 1),
        (grpc.StatusCode.UNAUTHENTICATED, ServiceError, 1),
    ],
)
def test_a_status_that_would_come_again_is_an_error_of_ours_after_one_attempt(
    ask: Ask, code: grpc.StatusCode, error: type[ScoringError], exit_code: int
) -> None:
    with (
        scripted(ends_with(code)) as (endpoint, asked),
        pytest.raises(error, match="said") as caught,
    ):
        ask(endpoint, "decide_limit", limit_request())
    assert type(caught.value) is error
    assert caught.value.exit_code == exit_code
    assert len(asked) == 1


@both_clients
def test_a_server_that_comes_back_is_asked_again_the_same_to_the_byte(ask: Ask) -> None:
    away = [ends_with(UNAVAILABLE)] * 2
    with scripted(*away, Step([SCORED])) as (endpoint, asked):
        assert ask(endpoint, "score", score_request()) == SCORE
    assert len(asked) == 3
    assert len(set(asked)) == 1


@both_clients
def test_a_server_that_stays_away_is_an_error_within_the_deadline(ask: Ask) -> None:
    with (
        scripted(ends_with(UNAVAILABLE)) as (endpoint, asked),
        pytest.raises(ReleaseError, match=r"UNAVAILABLE: said.*same id is safe"),
    ):
        ask(endpoint, "score", score_request(), timeout_s=0.5)
    assert len(asked) > 1


@both_clients
def test_who_asks_too_much_waits_as_long_as_the_server_says(ask: Ask) -> None:
    with scripted(_limited(0.2), Step([SCORED])) as (endpoint, asked):
        begun = time.monotonic()
        assert ask(endpoint, "score", score_request()) == SCORE
        assert time.monotonic() - begun >= 0.2
    assert len(asked) == 2


@both_clients
@pytest.mark.parametrize(
    ("retry_after_s", "said"),
    [(30.0, r"too many rows \(in 30 s\); asking again"), (None, "too many rows$")],
)
def test_who_would_wait_beyond_the_deadline_or_for_ever_is_told_at_once(
    ask: Ask, retry_after_s: float | None, said: str
) -> None:
    with (
        scripted(_limited(retry_after_s)) as (endpoint, asked),
        pytest.raises(ReleaseError, match=said),
    ):
        ask(endpoint, "score", score_request())
    assert len(asked) == 1


@both_clients
def test_a_stream_that_breaks_is_gone_on_with_where_it_broke(ask: Ask) -> None:
    first = ends_with(UNAVAILABLE, _streamed("s-0"), _streamed("s-1"))
    requests = [score_request(f"r-{number}") for number in range(3)]
    with scripted(first, Step([_streamed("s-2")])) as (endpoint, asked):
        scores = ask(endpoint, "batch_score", iter(requests))
    assert [score.score_id for score in scores] == ["s-0", "s-1", "s-2"]
    rest = scoring.BatchScoreRequest.FromString(asked[1]).requests
    assert [item.request_id for item in rest] == ["r-2"]


@both_clients
def test_a_stream_that_ends_too_early_is_refused(ask: Ask) -> None:
    with scripted(Step()) as (endpoint, _), pytest.raises(ContractError, match="0 results for 1"):
        ask(endpoint, "batch_score", [score_request()])


@both_clients
@pytest.mark.parametrize("method", ["score_many", "decide_many"])
def test_of_many_each_that_is_refused_is_the_error_it_would_have_raised(
    ask: Ask, method: str
) -> None:
    problem = scoring.Problem(
        code=grpc.StatusCode.INVALID_ARGUMENT.value[0],
        violations=[scoring.Violation(field="currency", rule="must be USD")],
    )
    reused = scoring.Problem(code=grpc.StatusCode.ALREADY_EXISTS.value[0], message="reused")
    kinds = {
        "score_many": (scoring.ScoreManyResponse, scoring.ScoreResult, score_request()),
        "decide_many": (decisions.DecideManyResponse, decisions.DecisionResult, limit_request()),
    }
    response, result, request = kinds[method]
    message = response(results=[result(problem=problem), result(problem=reused)])
    with scripted(Step([message.SerializeToString()])) as (endpoint, _):
        wrong, twice = ask(endpoint, method, [request, request])
    assert isinstance(wrong, RequestError)
    assert wrong.violations == (Violation("currency", "must be USD"),)
    assert isinstance(twice, DuplicateRequestError)
    assert str(twice) == "reused"


@both_clients
@pytest.mark.parametrize("method", ["score_many", "decide_many"])
def test_fewer_results_than_requests_are_refused(ask: Ask, method: str) -> None:
    request = score_request() if method == "score_many" else limit_request()
    with (
        scripted(Step([b""])) as (endpoint, _),
        pytest.raises(ContractError, match="answer: 0 results for 1 requests"),
    ):
        ask(endpoint, method, [request])


@both_clients
def test_pages_are_read_until_there_is_none(ask: Ask) -> None:
    pages = [
        decisions.ListDecisionsResponse(next_page_token="7"),
        decisions.ListDecisionsResponse(),
    ]
    steps = [Step([page.SerializeToString()]) for page in pages]
    with scripted(*steps) as (endpoint, asked):
        assert ask(endpoint, "list_decisions") == []
    tokens = [decisions.ListDecisionsRequest.FromString(body).page_token for body in asked]
    assert tokens == ["", "7"]


@both_clients
@pytest.mark.parametrize("answer", [b"", b"\xff"])
def test_an_answer_that_is_no_decision_is_refused(ask: Ask, answer: bytes) -> None:
    with (
        scripted(Step([answer])) as (endpoint, _),
        pytest.raises(ContractError, match="answer"),
    ):
        ask(endpoint, "decide_limit", limit_request())


@both_clients
def test_no_server_says_that_asking_again_is_safe(ask: Ask) -> None:
    endpoint = Endpoint("127.0.0.1:1", insecure_loopback=True)
    with pytest.raises(ReleaseError, match="asking again with the same id is safe"):
        ask(endpoint, "decide_limit", limit_request(), timeout_s=0.5)


@both_clients
def test_a_server_that_never_answers_is_waited_for_until_the_deadline(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint(f"127.0.0.1:{silent.getsockname()[1]}", insecure_loopback=True)
        with pytest.raises(ReleaseError, match="DEADLINE_EXCEEDED"):
            ask(endpoint, "score", score_request(), timeout_s=0.2)


def test_both_clients_have_the_same_methods() -> None:
    methods = [
        {name for name in vars(kind) if not name.startswith("_")}
        for kind in (ScorerClient, AsyncScorerClient)
    ]
    assert methods[0] == methods[1]


@both_clients
def test_what_is_no_receipt_or_that_of_another_answer_is_refused(ask: Ask) -> None:
    for receipt, words in ((b"{}", "is not a receipt"), (RECEIPT, "the receipt of another")):
        given = receipts.GetReceiptResponse(receipt=receipt).SerializeToString()
        with scripted(Step([given])) as (endpoint, _), pytest.raises(ContractError, match=words):
            ask(endpoint, "get_receipt", "decision-6")


@both_clients
def test_a_receipt_that_is_not_there_yet_is_waited_for(ask: Ask) -> None:
    early = Step(status=status_of(NotLoggedYetError("not yet", retry_after_s=0.01)))
    given = receipts.GetReceiptResponse(receipt=RECEIPT).SerializeToString()
    with scripted(early, early, Step([given])) as (endpoint, asked):
        assert ask(endpoint, "get_receipt", "decision-5").to_bytes() == RECEIPT
    assert len(asked) == 3
