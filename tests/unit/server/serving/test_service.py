"""Answers come from release and policy, once; nothing about an applicant reaches a log."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import grpc
import pytest

from model.artifacts import Release
from protocols.contracts.decisions import LimitRequest
from protocols.translate import score_from_wire
from protocols.translate_decisions import decision_from_wire
from protocols.translate_questions import limit_request_to_wire, score_request_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire.decisions_v1_pb2_grpc import LimitDecisionServiceStub
from protocols.wire.scoring_v1_pb2_grpc import ScoringServiceStub
from server.decisions.code import code_digest
from server.serving.main import start_server
from tests.unit.server.serving.world import (
    applicant,
    limit_request,
    make_policy,
    make_release,
    plain_settings,
    score_request,
    serving,
    write_world,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
_T = TypeVar("_T")


class BrokenEvaluator:
    """Tables with a bug that repeats what they were given."""

    def answer(self, numbers: object, codes: object) -> None:
        """Fail as a careless library would."""
        raise ValueError(f"cannot score {numbers} {codes}")


def _asked(
    folder: Path, question: Callable[[grpc.aio.Channel], Awaitable[_T]], release: Release
) -> _T:
    async def ask() -> _T:
        write_world(folder)
        running = start_server(serving(release), plain_settings(folder), clock=lambda: NOW)
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
                return await question(channel)
        finally:
            running.stop(0)

    return asyncio.run(ask())


async def _decide(channel: grpc.aio.Channel, request: LimitRequest) -> decisions.LimitDecision:
    stub = LimitDecisionServiceStub(channel)
    return (await stub.DecideLimit(limit_request_to_wire(request))).decision


def test_a_decision_is_what_scorecard_and_policy_say(tmp_path: Path) -> None:
    release = make_release()
    message = _asked(tmp_path, lambda channel: _decide(channel, limit_request()), release)
    decision = decision_from_wire(message)
    (score,) = release.scorecard.score(applicant().columns(release.scorecard.contract))
    policy = make_policy()
    band = policy.segments["CONSUMER"].band(score.p_default)
    assert (decision.p_default, decision.points) == (score.p_default, score.points)
    assert (decision.band, decision.limit_minor) == (band.name, min(700_000, band.limit_minor))
    assert (decision.profile, decision.product) == ("us", "test-loan")
    assert decision.features_digest == limit_request().body_digest
    assert decision.code_digest == code_digest()
    assert [reason.points_lost for reason in decision.reasons] == sorted(
        (lost for lost in score.points_lost if lost > 0), reverse=True
    )[:4]
    assert decision.release_digest == release.manifest.digest
    assert decision.policy_digest == policy.digest
    assert (decision.decided_at, decision.journal_position) == (NOW, 1)
    assert decision.request_id == "request-1"


def test_a_score_is_what_the_scorecard_says(tmp_path: Path) -> None:
    release = make_release()
    request = score_request_to_wire(score_request())
    message = _asked(tmp_path, lambda channel: ScoringServiceStub(channel).Score(request), release)
    answer = score_from_wire(message)
    (score,) = release.scorecard.score(applicant().columns(release.scorecard.contract))
    assert (answer.p_default, answer.points) == (score.p_default, score.points)
    assert answer.release_digest == release.digest
    assert (answer.scored_at, answer.journal_position) == (NOW, 1)
    assert answer.reasons


def test_a_decision_outlives_the_release_and_policy_that_made_it(tmp_path: Path) -> None:
    def ask(channel: grpc.aio.Channel) -> Awaitable[decisions.LimitDecision]:
        return _decide(channel, limit_request())

    first = _asked(tmp_path, ask, make_release(seed=1))
    second = _asked(tmp_path, ask, make_release(seed=2))
    assert second.SerializeToString() == first.SerializeToString()


def test_an_unexpected_error_tells_caller_and_log_no_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    release = make_release()
    vars(release)["evaluator"] = BrokenEvaluator()
    with caplog.at_level(logging.DEBUG), pytest.raises(grpc.aio.AioRpcError) as caught:
        _asked(tmp_path, lambda channel: _decide(channel, limit_request()), release)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert caught.value.details() == "internal error"
    (record,) = [item for item in caplog.records if item.levelno >= logging.ERROR]
    assert (record.message, vars(record)["kind"]) == ("unexpected error", "ValueError")
    assert vars(record)["function"] == "answer"
    _check_silent(caplog)


def test_nothing_about_an_applicant_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask(channel: grpc.aio.Channel) -> None:
        await _decide(channel, limit_request(amount_minor=71_357_913_579))
        await ScoringServiceStub(channel).Score(score_request_to_wire(score_request()))
        with pytest.raises(grpc.aio.AioRpcError):
            await _decide(channel, limit_request(amount_minor=71_357_913_570))

    with caplog.at_level(logging.DEBUG):
        _asked(tmp_path, ask, make_release())
    _check_silent(caplog)


def _check_silent(caplog: pytest.LogCaptureFixture) -> None:
    # What every record has (times, thread and process numbers) says nothing of an applicant.
    usual = vars(logging.makeLogRecord({})).keys() - {"args", "exc_info", "exc_text", "msg"}
    told = [
        {name: value for name, value in vars(item).items() if name not in usual}
        for item in caplog.records
    ]
    for secret in ("41234.56", "0.777123", "'rent'", "request-1", "7135791357"):
        assert secret not in str(told)
