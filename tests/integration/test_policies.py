"""A server and its policy book: what is active decides, through every change, and no call fails."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from protocols.contracts.decisions import LimitRequest
from protocols.translate_questions import limit_request_to_wire, score_request_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire.decisions_v1_pb2_grpc import LimitDecisionServiceStub as DecisionStub
from protocols.wire.scoring_v1_pb2_grpc import ScoringServiceStub
from server.policies.acting import Signer
from server.policies.acts import NOTICE_S
from server.policies.reading import verify_book
from server.serving.main import RunningServer, start_server
from tests.policies import APPROVER, NOTICE, Office, officer_key, write_policies
from tests.unit.server.serving.world import (
    POLICY_TOML,
    limit_request,
    make_release,
    plain_settings,
    score_request,
    serving,
    write_world,
)

CALLERS = 3
PAUSE_S = 0.03
TEXTS = [POLICY_TOML.replace('"0.2"', f'"0.{number}"') for number in (2, 3, 4)]
_T = TypeVar("_T")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    write_world(tmp_path)
    return write_policies(tmp_path / "policies")


@contextmanager
def _running(office: Office) -> Iterator[RunningServer]:
    """Serve by the office's clock, and look into the book when told to."""
    settings = plain_settings(office.path.parent)
    running = start_server(serving(make_release()), settings, clock=lambda: office.now)
    try:
        yield running
    finally:
        running.stop(0)


def _ask(running: RunningServer, question: Callable[[grpc.Channel], _T]) -> _T:
    with grpc.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        return question(channel)


def _decide(channel: grpc.Channel, request: LimitRequest) -> decisions.LimitDecision:
    return DecisionStub(channel).DecideLimit(limit_request_to_wire(request), timeout=20).decision


def _refusal(running: RunningServer, request_id: str) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        _ask(running, lambda channel: _decide(channel, limit_request(request_id)))
    info = ErrorInfo()
    rpc_status.from_call(caught.value).details[0].Unpack(info)
    return caught.value.code(), info.reason  # type: ignore[attr-defined]  # calls are errors, too


def test_without_an_active_policy_there_are_scores_and_no_limits(office: Office) -> None:
    none = (grpc.StatusCode.FAILED_PRECONDITION, "NO_ACTIVE_POLICY")
    with _running(office) as running:
        assert _refusal(running, "early") == none
        _ask(
            running,
            lambda channel: ScoringServiceStub(channel).Score(
                score_request_to_wire(score_request()), timeout=20
            ),
        )
        one = office.activated(POLICY_TOML)
        running.policies.look()
        said = _ask(running, lambda channel: _decide(channel, limit_request("early")))
        assert said.policy_digest == one
        office.by(APPROVER).retire_policy(one)
        office.now += NOTICE
        running.policies.look()
        assert _refusal(running, "late") == none
        again = _ask(running, lambda channel: _decide(channel, limit_request("early")))
        assert again == said  # an answer that was given stands


def test_of_many_questions_each_is_told_by_itself(office: Office) -> None:
    many = decisions.DecideManyRequest(
        requests=[limit_request_to_wire(limit_request(f"r{number}")) for number in range(2)]
    )
    with _running(office) as running:
        results = _ask(running, lambda channel: DecisionStub(channel).DecideMany(many)).results
    code = grpc.StatusCode.FAILED_PRECONDITION.value[0]
    assert [result.problem.code for result in results] == [code, code]


def test_two_products_and_a_question_that_names_none_is_the_caller_s_fault(office: Office) -> None:
    office.activated(POLICY_TOML)
    office.activated(POLICY_TOML.replace("test-loan", "card"))
    with _running(office) as running:
        assert _refusal(running, "r1") == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


class Load:
    """Callers that ask until they are told to stop, and keep what they were told."""

    def __init__(self, port: int) -> None:
        self._address = f"127.0.0.1:{port}"
        self.stop = asyncio.Event()
        self.given: list[decisions.LimitDecision] = []

    async def run(self, beside: Awaitable[None]) -> None:
        """Ask while something else happens; every call must be answered."""
        async with grpc.aio.insecure_channel(self._address) as channel:
            stub = DecisionStub(channel)
            callers = [asyncio.create_task(self._ask(stub, number)) for number in range(CALLERS)]
            await beside
            self.stop.set()
            await asyncio.gather(*callers)

    async def _ask(self, stub: DecisionStub, caller: int) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            request = limit_request_to_wire(limit_request(f"c{caller}-{number}"))
            self.given.append((await stub.DecideLimit(request, timeout=20)).decision)
            await asyncio.sleep(PAUSE_S)


def test_policies_change_under_load_and_every_answer_is_by_the_one_in_force(
    office: Office,
) -> None:
    office = write_policies(office.path, TEXTS[0])
    (first,), second, third = office.book.lives, *map(office.approved, TEXTS[1:])
    signer = Signer(office.path, officer_key(APPROVER))

    async def change() -> None:
        await asyncio.sleep(0.3)
        taken = await asyncio.to_thread(signer.activate, second)
        soon = datetime.fromtimestamp(taken.since_s + 1, UTC)
        await asyncio.to_thread(signer.activate, third, since=soon)
        back = soon + timedelta(seconds=1)
        await asyncio.to_thread(signer.activate, first, since=back)  # and back again
        await asyncio.sleep(taken.since_s + 2.5 - time.time())

    running = start_server(serving(make_release()), plain_settings(office.path.parent))
    try:
        load = Load(running.port)
        asyncio.run(load.run(change()))
    finally:
        running.stop(0)
    book = verify_book(office.path)
    for given in load.given:
        at = given.decided_at.ToDatetime(tzinfo=UTC)
        assert given.policy_digest == book.active_digest("test-loan", at)
    counted = Counter(given.policy_digest for given in load.given)
    assert set(counted) == {first, second, third}
    assert len(load.given) > 10 * NOTICE_S
    assert running.policies.problem is None
