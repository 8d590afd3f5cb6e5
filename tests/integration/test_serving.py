"""A real server over real TLS: answers once, refuses by name."""

import asyncio
import json
import logging
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from grpc_health.v1.health_pb2_grpc import HealthStub  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from clients.scorer.cli import main
from model.artifacts import Release
from protocols.contracts.decisions import Circumstances
from protocols.translate_questions import limit_request_to_wire, score_request_to_wire
from protocols.wire import decisions_v1_pb2 as decisions
from protocols.wire import scoring_v1_pb2 as scoring
from server.journal.journal import open_journal
from server.serving.main import RunningServer, ServingSettings, serve, start_server
from server.serving.methods import DECISIONS, SCORING
from server.serving.releases import Releases, fixed
from tests.policies import write_policies
from tests.unit.server.serving.world import (
    POLICY_TOML,
    applicant,
    limit_request,
    make_release,
    plain_settings,
    score_request,
    serving,
    tls_channel,
    tls_settings,
    write_world,
)

DECIDE, GET, SCORE = f"/{DECISIONS}/DecideLimit", f"/{DECISIONS}/GetDecision", f"/{SCORING}/Score"
RAW = limit_request_to_wire(limit_request()).SerializeToString()
_T = TypeVar("_T")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_world(tmp_path)
    return tmp_path


def _served(folder: Path, question: Callable[[grpc.aio.Channel], Awaitable[_T]]) -> _T:
    async def ask() -> _T:
        running = start_server(serving(make_release()), tls_settings(folder))
        try:
            async with tls_channel(folder, running) as channel:
                return await question(channel)
        finally:
            running.stop(0)

    return asyncio.run(ask())


async def _call(channel: grpc.aio.Channel, method: str, raw: bytes) -> bytes:
    return await _method(channel, method)(raw, timeout=20)


def _method(
    channel: grpc.aio.Channel, method: str
) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
    # Bytes as they are on the wire: no message in between that could print them anew.
    return channel.unary_unary(method)


async def _refused(channel: grpc.aio.Channel, method: str, raw: bytes) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _call(channel, method, raw)
    return caught.value


def _records(folder: Path) -> int:
    journal = open_journal(folder / "journal.sqlite")
    try:
        return journal.verify()
    finally:
        journal.close()


def test_the_same_request_gets_the_same_bytes_and_is_said_to(folder: Path) -> None:
    async def ask(channel: grpc.aio.Channel) -> tuple[bytes, bytes, bytes]:
        first = await _call(channel, DECIDE, RAW)
        call = _method(channel, DECIDE)(RAW, timeout=20)
        second = await call
        assert ("idempotent-replayed", "true") in tuple(await call.trailing_metadata())
        decision = decisions.DecideLimitResponse.FromString(first).decision
        asked = decisions.GetDecisionRequest(decision_id=decision.decision_id)
        return first, second, await _call(channel, GET, asked.SerializeToString())

    first, second, got = _served(folder, ask)
    assert first == second == got
    assert _records(folder) == 1


def test_32_callers_at_once_with_one_id_get_one_decision(folder: Path) -> None:
    async def ask(channel: grpc.aio.Channel) -> list[bytes]:
        return await asyncio.gather(*(_call(channel, DECIDE, RAW) for _ in range(32)))

    answers = _served(folder, ask)
    assert len(set(answers)) == 1
    assert _records(folder) == 1


def test_of_many_bodies_at_once_with_one_id_one_is_answered(folder: Path) -> None:
    async def ask(channel: grpc.aio.Channel) -> list[bytes | BaseException]:
        raws = [
            limit_request_to_wire(limit_request(amount_minor=amount)).SerializeToString()
            for amount in range(200_000, 200_016)
        ]
        calls = (_call(channel, DECIDE, raw) for raw in raws)
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = _served(folder, ask)
    assert sum(isinstance(answer, bytes) for answer in answers) == 1
    refusals = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert {refusal.code() for refusal in refusals} == {grpc.StatusCode.ALREADY_EXISTS}
    assert _records(folder) == 1


def test_many_ids_at_once_are_numbered_without_gaps(folder: Path) -> None:
    async def ask(channel: grpc.aio.Channel) -> list[bytes]:
        raws = [
            limit_request_to_wire(limit_request(f"r{index}")).SerializeToString()
            for index in range(64)
        ]
        return await asyncio.gather(*(_call(channel, DECIDE, raw) for raw in raws))

    answers = [decisions.DecideLimitResponse.FromString(raw) for raw in _served(folder, ask)]
    assert sorted(item.decision.journal_position for item in answers) == list(range(1, 65))
    assert [item.decision.request_id for item in answers] == [f"r{index}" for index in range(64)]
    assert _records(folder) == 64


def test_one_id_may_ask_each_method_once(folder: Path) -> None:
    async def ask(channel: grpc.aio.Channel) -> None:
        await _call(channel, DECIDE, RAW)
        await _call(channel, SCORE, score_request_to_wire(score_request()).SerializeToString())

    _served(folder, ask)
    assert _records(folder) == 2


@pytest.mark.parametrize(
    ("change", "violations"),
    [
        (lambda m: m.ClearField("request_id"), ["request_id"]),
        (lambda m: setattr(m, "requested_amount_minor", -41_234), ["requested_amount_minor"]),
        (lambda m: m.ClearField("requested_amount_minor"), ["requested_amount_minor"]),
        (lambda m: setattr(m, "currency", "EUR"), ["currency"]),
        (lambda m: m.features.numbers.update(salary=41_234.5), ["features.numbers.salary"]),
        (lambda m: m.features.numbers.update(home=41_234.5), ["features.numbers.home"]),
        (lambda m: m.features.categories.update(income="x"), ["features.categories.income"]),
        (lambda m: m.features.categories.update(home=""), ["features.categories.home"]),
        (
            lambda m: m.MergeFromString(b'"\x03EUR\x12\x05\x0a\x03\x0a\x01x'),
            ["features.numbers.x", "currency"],
        ),
    ],
)
def test_a_bad_request_is_refused_by_field_and_never_stored(
    folder: Path, change: Callable[[decisions.DecideLimitRequest], object], violations: list[str]
) -> None:
    message = limit_request_to_wire(limit_request())
    change(message)
    raw = message.SerializeToString()
    error = _served(folder, lambda channel: _refused(channel, DECIDE, raw))
    status = rpc_status.from_call(error)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert status is not None
    bad = BadRequest()
    assert status.details[1].Unpack(bad)
    assert [item.field for item in bad.field_violations] == violations
    assert "41234" not in str(status)
    assert "EUR" not in str(status)
    assert _records(folder) == 0


def test_bytes_that_are_no_message_are_refused(folder: Path) -> None:
    async def ask(channel: grpc.aio.Channel) -> set[grpc.StatusCode]:
        calls = [_refused(channel, method, b"\xff\xff") for method in (DECIDE, SCORE, GET)]
        return {error.code() for error in await asyncio.gather(*calls)}

    assert _served(folder, ask) == {grpc.StatusCode.INVALID_ARGUMENT}


def test_an_unknown_decision_is_not_found(folder: Path) -> None:
    raw = decisions.GetDecisionRequest(decision_id="none").SerializeToString()
    error = _served(folder, lambda channel: _refused(channel, GET, raw))
    assert error.code() is grpc.StatusCode.NOT_FOUND


def test_odd_numbers_are_answered_as_the_contract_says(folder: Path) -> None:
    async def ask(channel: grpc.aio.Channel) -> list[decisions.LimitDecision]:
        answers = []
        for index, (odd, plain) in enumerate(
            [(float("inf"), 250_000.0), (float("-inf"), 0.0), (1e300, 250_000.0)]
        ):
            for kind, value in (("odd", odd), ("plain", plain)):
                message = limit_request_to_wire(limit_request(f"{kind}{index}"))
                message.features.numbers["income"] = value
                raw = await _call(channel, DECIDE, message.SerializeToString())
                answers.append(decisions.DecideLimitResponse.FromString(raw).decision)
        return answers

    answers = _served(folder, ask)
    for odd, plain in zip(answers[::2], answers[1::2], strict=True):
        assert odd.p_default == plain.p_default


def test_health_is_serving_for_each_service_and_unknown_for_others(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask(channel: grpc.aio.Channel) -> None:
        stub = HealthStub(channel)
        for name in ("", SCORING, DECISIONS):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(health_pb2.HealthCheckRequest(service="other"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND

    _served(folder, ask)
    assert not [item for item in caplog.records if item.levelno >= logging.ERROR]


def test_without_tls_or_with_another_ca_there_is_no_answer(folder: Path) -> None:
    plain, other = None, (folder / "platform.pem").read_bytes()
    for ca in (plain, other):
        error = _asked_by(folder, tls_settings(folder), ca, key=None)
        assert isinstance(error, grpc.aio.AioRpcError)
        assert error.code() is grpc.StatusCode.UNAVAILABLE


def test_with_a_client_ca_only_its_clients_are_answered(folder: Path) -> None:
    settings, ca = tls_settings(folder, client_ca=True), (folder / "ca.pem").read_bytes()
    anonymous = _asked_by(folder, settings, ca, key=None)
    assert isinstance(anonymous, grpc.aio.AioRpcError)
    assert anonymous.code() is grpc.StatusCode.UNAVAILABLE
    assert isinstance(_asked_by(folder, settings, ca, key="platform"), bytes)


def test_a_tampered_decision_is_data_loss(folder: Path) -> None:
    async def ask(channel: grpc.aio.Channel) -> grpc.aio.AioRpcError:
        await _call(channel, DECIDE, RAW)
        with sqlite3.connect(folder / "journal.sqlite") as connection:
            connection.execute("UPDATE journal_answers SET answer = X'00'")
        connection.close()
        return await _refused(channel, DECIDE, RAW)

    assert _served(folder, ask).code() is grpc.StatusCode.DATA_LOSS


def test_two_servers_on_one_port_and_journal_give_each_answer_once(folder: Path) -> None:
    first = start_server(
        serving(make_release()), tls_settings(folder).model_copy(update={"is_port_shared": True})
    )
    shared = {"is_port_shared": True, "port": first.port}
    second = start_server(serving(make_release()), tls_settings(folder).model_copy(update=shared))

    async def ask() -> set[bytes]:
        answers: set[bytes] = set()
        for _ in range(12):  # connections, each to one of the two
            async with tls_channel(folder, first) as channel:
                answers.add(await _call(channel, DECIDE, RAW))
        return answers

    try:
        assert len(asyncio.run(ask())) == 1
    finally:
        first.stop(0)
        second.stop(0)
    assert _records(folder) == 1


def test_two_servers_asked_at_once_offer_one_borrower_no_more_than_there_is(folder: Path) -> None:
    capped = POLICY_TOML + "\n[segments.CONSUMER]\nobligor_maximum_minor = 1_500_000\n"
    write_policies(folder / "policies", capped)
    servers = [start_server(serving(make_release()), tls_settings(folder)) for _ in range(2)]
    known = Circumstances(exposure_elsewhere_minor=300_000)
    asked = [
        limit_request(f"r{number}").model_copy(update={"subject": "ann", "circumstances": known})
        for number in range(16)
    ]

    async def ask() -> list[decisions.LimitDecision]:
        async with tls_channel(folder, servers[0]) as one, tls_channel(folder, servers[1]) as two:
            raw = [limit_request_to_wire(request).SerializeToString() for request in asked]
            calls = [_call((one, two)[place % 2], DECIDE, item) for place, item in enumerate(raw)]
            answers = await asyncio.gather(*calls)
        return [decisions.DecideLimitResponse.FromString(answer).decision for answer in answers]

    try:
        given = sorted(asyncio.run(ask()), key=lambda decision: decision.journal_position)
    finally:
        for server in servers:
            server.stop(0)
    assert [decision.limit_minor for decision in given] == [500_000, 500_000, 200_000, *[0] * 13]
    assert [decision.offered_minor for decision in given[:4]] == [0, 500_000, 1_000_000, 1_200_000]
    assert _records(folder) == 16


def test_fifty_swaps_under_load_fail_no_call_and_every_answer_is_of_its_release(
    folder: Path,
) -> None:
    releases = [make_release(seed) for seed in (1, 2)]
    points = {
        release.digest: release.scorecard.score(applicant().columns(release.scorecard.contract))[0]
        for release in releases
    }
    named = [fixed(releases[0])]
    swapped = 0

    async def caller(channel: grpc.aio.Channel, number: int) -> int:
        asked = 0
        while swapped < 50:
            request = score_request(f"c{number}-{asked}")
            raw = await _call(channel, SCORE, score_request_to_wire(request).SerializeToString())
            answer = scoring.ScoreResponse.FromString(raw)
            expected = points[answer.release_digest]
            assert (answer.points, answer.p_default) == (expected.points, expected.p_default)
            asked += 1
        return asked

    async def swapper() -> None:
        nonlocal swapped
        while swapped < 50:
            await asyncio.sleep(0.02)
            swapped += 1
            named[0] = fixed(releases[swapped % 2])

    async def run() -> list[int]:
        running = start_server(lambda: named[0], tls_settings(folder))
        try:
            async with tls_channel(folder, running) as channel:
                callers = [caller(channel, number) for number in range(8)]
                *asked, _ = await asyncio.gather(*callers, swapper())
        finally:
            running.stop(0)
        return [int(count or 0) for count in asked]

    asked = asyncio.run(run())
    assert min(asked) > 50  # each caller saw many of the swaps
    assert _records(folder) == sum(asked)


class _Shelf:
    """Has one release."""

    def latest(self) -> str:
        """Return its digest."""
        return make_release().digest.hex()

    def open(self, name: str) -> Release:
        """Return it."""
        return make_release()


class _Ender(logging.Handler):
    """Ends this process's server as an operator would, once it says that it serves."""

    def emit(self, record: logging.LogRecord) -> None:
        """Send SIGTERM."""
        if record.message == "serving":
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_term_signal_stops_the_server_and_closes_the_journal(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    ender, releases = _Ender(), Releases(_Shelf(), folder / "routing.toml")
    with caplog.at_level(logging.INFO):
        logging.getLogger().addHandler(ender)
        try:
            serve(releases, plain_settings(folder))
        finally:
            logging.getLogger().removeHandler(ender)
            releases.close()
            for number, handler in before.items():
                signal.signal(number, handler)
    assert [item.message for item in caplog.records][-2:] == ["serving", "stopping"]
    assert not (folder / "journal.sqlite-wal").exists()


def test_the_command_prints_a_decision_over_tls(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = {
        "request_id": "r-1",
        "requested_amount_minor": 700_000,
        "currency": "USD",
        "features": {"income": 41_234.5678, "utilisation": 0.9, "home": "rent"},
    }
    (folder / "applicant.json").write_text(json.dumps(request), encoding="utf-8")
    with _background(tls_settings(folder)) as running:
        arguments = [str(folder / "applicant.json"), "--ca", str(folder / "ca.pem")]
        arguments += ["--address", f"127.0.0.1:{running.port}"]
        assert main(arguments) == 0
        text = capsys.readouterr().out
        assert main([*arguments, "--json"]) == 0
        plain = json.loads(capsys.readouterr().out)
        assert main([*arguments, "--json", "--score-only"]) == 0
        score = json.loads(capsys.readouterr().out)
        (folder / "applicant.json").write_text(json.dumps({**request, "currency": "EUR"}))
        assert main(arguments) == 2
        reused = capsys.readouterr().err
        (folder / "applicant.json").write_text(
            json.dumps({**request, "request_id": "r-2", "currency": "EUR"})
        )
        assert main(arguments) == 2
        wrong = capsys.readouterr().err
    assert text.startswith(f"{plain['outcome']}: ")
    assert f"release {plain['release_digest']}" in text
    assert score["p_default"] == plain["p_default"]
    assert reused == "fedscore-score: the request id was used before with another body\n"
    assert wrong == "fedscore-score: currency: must be USD\n"


def _asked_by(
    folder: Path, settings: ServingSettings, ca: bytes | None, *, key: str | None
) -> bytes | BaseException:
    async def ask() -> bytes | BaseException:
        running = start_server(serving(make_release()), settings)
        channel = _channel(folder, f"127.0.0.1:{running.port}", ca, key)
        (answer,) = await asyncio.gather(_call(channel, DECIDE, RAW), return_exceptions=True)
        await channel.close()
        running.stop(0)
        return answer

    return asyncio.run(ask())


def _channel(folder: Path, address: str, ca: bytes | None, key: str | None) -> grpc.aio.Channel:
    if ca is None:
        return grpc.aio.insecure_channel(address)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=ca,
        private_key=None if key is None else (folder / f"{key}.key").read_bytes(),
        certificate_chain=None if key is None else (folder / f"{key}.pem").read_bytes(),
    )
    return grpc.aio.secure_channel(address, credentials)


@contextmanager
def _background(settings: ServingSettings) -> Iterator[RunningServer]:
    running = start_server(serving(make_release()), settings)
    try:
        yield running
    finally:
        running.stop(0)
