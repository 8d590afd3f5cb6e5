"""What both cores promise a desk and its callers, over real sockets, with grpcio's own clients."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from protocols.errors import ConfigError
from server.serving.calls import MOST_AT_ONCE
from server.serving.listening import Listening, Transport
from tests.integration.desk import (
    CORES,
    PROMISED,
    Channel,
    SmallDesk,
    ask,
    path,
    plain_channel,
    stream,
    unary,
)

Code = grpc.StatusCode


@pytest.fixture(params=CORES)
def core(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def desk() -> Iterator[SmallDesk]:
    made = SmallDesk()
    yield made
    made.gate.opened.set()


@pytest.fixture
def transport(core: str, desk: SmallDesk) -> Iterator[Transport]:
    made = CORES[core](desk, Listening())
    yield made
    desk.gate.opened.set()
    made.stop(0)


@pytest.fixture
def channel(transport: Transport) -> Iterator[Channel]:
    with plain_channel(transport.port) as made:
        yield made


def _refused(call: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def _code(call: Callable[[], object]) -> grpc.StatusCode:
    return _refused(call).code()


def _gated(channel: Channel, desk: SmallDesk) -> "grpc.CallFuture[bytes]":
    # A call that is being answered until the gate opens; let go of, it would be cancelled.
    call = unary(channel, "Gate").future(b"gated", timeout=20)
    assert desk.gate.entered.wait(20)
    return call


@pytest.mark.parametrize("size", [0, 1, 1_000, 256 * 1024])
def test_a_call_is_answered_with_the_desks_bytes(channel: Channel, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert ask(channel, "Echo", body) == body


def test_an_error_comes_with_its_details_and_trailing_metadata(channel: Channel) -> None:
    error = _refused(lambda: ask(channel, "Refuse"))
    assert (error.code(), error.details()) == (Code.FAILED_PRECONDITION, "no")
    trailing = dict(error.trailing_metadata())
    assert (trailing["why"], trailing["raw-bin"]) == ("because", b"\0\xff")
    detail = BadRequest()
    assert rpc_status.from_call(error).details[0].Unpack(detail)
    assert detail.field_violations[0].field == "income"


def test_trailing_metadata_comes_with_an_answer(channel: Channel) -> None:
    _, call = unary(channel, "Tell").with_call(b"", timeout=20)
    assert dict(call.trailing_metadata()) == {"plain": "v", "raw-bin": b"\0\xff"}


def test_metadata_of_every_kind_reaches_the_desk(channel: Channel) -> None:
    sent = [("k", "1"), ("k", "2"), ("empty", ""), ("odd", "a ~!% b"), ("any-bin", b"\0\xff\n")]
    told = json.loads(unary(channel, "Tell")(b"", metadata=sent, timeout=20))["metadata"]
    assert [pair for pair in told if pair[0] != "user-agent"] == [[k, repr(v)] for k, v in sent]


def test_a_caller_without_certificate_has_no_names(channel: Channel) -> None:
    assert json.loads(ask(channel, "Tell"))["names"] == []


def test_the_desk_knows_how_long_the_caller_waits(channel: Channel) -> None:
    assert 3 < json.loads(unary(channel, "Tell")(b"", timeout=5))["deadline_s"] < 5.1
    assert json.loads(unary(channel, "Tell")(b""))["deadline_s"] is None


def test_a_compressed_request_is_read(channel: Channel) -> None:
    body = bytes(1_000)
    gzip = grpc.Compression.Gzip
    assert unary(channel, "Echo")(body, compression=gzip, timeout=20) == body


def test_a_request_that_is_large_once_unpacked_is_refused(channel: Channel) -> None:
    call = unary(channel, "Echo")
    gzip = grpc.Compression.Gzip
    assert (
        _code(lambda: call(bytes(2**20), compression=gzip, timeout=20)) is Code.RESOURCE_EXHAUSTED
    )


def test_a_large_request_is_refused_and_its_connection_goes_on(
    channel: Channel, desk: SmallDesk
) -> None:
    assert _code(lambda: ask(channel, "Echo", bytes(256 * 1024 + 1))) is Code.RESOURCE_EXHAUSTED
    assert ask(channel, "Echo", b"next") == b"next"
    assert desk.bodies == [b"next"]


def test_bytes_that_are_no_message_are_the_desks_matter(channel: Channel) -> None:
    assert _code(lambda: ask(channel, "Parse", b"\xff\xff")) is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("name", [path("None"), "/other.Service/Echo", "/", "/fedscore.test.Desk/"])
def test_an_unknown_method_is_unimplemented(channel: Channel, desk: SmallDesk, name: str) -> None:
    assert _code(lambda: unary(channel, "", name)(b"", timeout=20)) is Code.UNIMPLEMENTED
    assert not desk.bodies


def test_a_call_without_a_request_is_refused(channel: Channel, desk: SmallDesk, core: str) -> None:
    call: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(path("Echo"))
    # grpc.aio does not say anything before the deadline.
    code = Code.INVALID_ARGUMENT if core == "fast" else Code.DEADLINE_EXCEEDED
    assert _code(lambda: call(iter(()), timeout=1)) is code
    assert ask(channel, "Echo", b"next") == b"next"
    assert desk.bodies == [b"next"]


def test_calls_of_one_connection_keep_their_own_answers(channel: Channel) -> None:
    bodies = [b"%d" % number for number in range(500)]
    calls = [unary(channel, "Echo").future(body, timeout=20) for body in bodies]
    assert [call.result() for call in calls] == bodies


def test_calls_that_came_while_the_desk_was_busy_come_to_it_together(
    channel: Channel, desk: SmallDesk
) -> None:
    gated = _gated(channel, desk)
    calls = [unary(channel, "Echo").future(b"%d" % n, timeout=20) for n in range(300)]
    time.sleep(0.5)
    desk.gate.opened.set()
    assert [call.result() for call in calls] == [b"%d" % number for number in range(300)]
    assert gated.result() == b"gated"
    assert max(desk.drains) == MOST_AT_ONCE
    assert len(desk.threads) == 1


def test_a_desk_that_raises_costs_its_callers_their_answer_and_logs_no_value(
    channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    error = _refused(lambda: ask(channel, "Fail", b"a secret"))
    assert (error.code(), error.details()) == (Code.INTERNAL, "internal error")
    assert ask(channel, "Echo", b"next") == b"next"
    (record,) = [item for item in caplog.records if item.levelno >= logging.ERROR]
    assert (record.getMessage(), record.__dict__["kind"]) == ("unexpected error", "ValueError")
    assert "secret" not in caplog.text


@pytest.mark.parametrize("method", ["Lose", "Junk", "Wrong"])
def test_a_desk_that_gives_what_cannot_be_sent_costs_its_callers_their_answer(
    channel: Channel, method: str
) -> None:
    assert _code(lambda: ask(channel, method)) in {Code.INTERNAL, Code.UNKNOWN}
    assert ask(channel, "Echo", b"next") == b"next"


def test_a_call_past_its_deadline_never_reaches_the_desk(channel: Channel, desk: SmallDesk) -> None:
    gated = _gated(channel, desk)
    assert _code(lambda: unary(channel, "Echo")(b"late", timeout=0.2)) is Code.DEADLINE_EXCEEDED
    desk.gate.opened.set()
    assert gated.result() == b"gated"
    assert ask(channel, "Echo", b"next") == b"next"
    assert b"late" not in desk.bodies


def test_a_cancelled_call_never_reaches_the_desk(channel: Channel, desk: SmallDesk) -> None:
    gated = _gated(channel, desk)
    second = unary(channel, "Second").future(b"second", timeout=20)
    time.sleep(0.2)  # the first of those that wait, so that those beyond a drain's most wait on
    calls = [unary(channel, "Echo").future(b"%d" % n, timeout=20) for n in range(300)]
    time.sleep(1.0)  # on a busy machine the public core takes so many in slowly
    desk.gate.opened.set()
    assert desk.second.entered.wait(20)
    assert all(call.cancel() for call in calls)
    time.sleep(0.5)
    desk.second.opened.set()
    assert (gated.result(), second.result()) == (b"gated", b"second")
    assert ask(channel, "Echo", b"next") == b"next"
    assert desk.drains == [1, MOST_AT_ONCE, 1]


@pytest.mark.parametrize("count", [0, 1, 2, 1_000])
def test_a_stream_comes_whole_and_in_order(channel: Channel, count: int) -> None:
    assert list(stream(channel, "Count", b"%d" % count)) == [b"%d" % n for n in range(count)]


def test_a_stream_may_end_in_an_error(channel: Channel) -> None:
    call, got = stream(channel, "Pair", b"x"), []
    error = _refused(lambda: got.extend(call))
    assert error.code() is Code.FAILED_PRECONDITION
    assert dict(error.trailing_metadata())["grpc-status-details-bin"]


def test_a_stream_that_raises_is_internal_after_what_it_gave(
    channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    call = stream(channel, "Break")
    assert next(call) == b"first"
    assert _code(lambda: next(call)) is Code.INTERNAL
    assert "secret" not in caplog.text


def test_a_stream_is_asked_for_no_more_than_its_caller_takes(
    channel: Channel, desk: SmallDesk
) -> None:
    call = stream(channel, "Long")
    for _ in range(3):
        next(call)
    time.sleep(0.5)
    assert desk.sent < PROMISED / 10
    assert ask(channel, "Echo", b"beside") == b"beside"
    assert not desk.closed.is_set()


def test_a_stream_that_its_caller_leaves_is_closed(channel: Channel, desk: SmallDesk) -> None:
    call = stream(channel, "Long")
    next(call)
    call.cancel()
    assert desk.closed.wait(10)
    assert desk.sent < PROMISED
    assert ask(channel, "Echo", b"next") == b"next"


def test_a_stream_that_gives_what_cannot_be_sent_is_ended_and_closed(
    channel: Channel, desk: SmallDesk
) -> None:
    assert _code(lambda: list(stream(channel, "Spoiled"))) in {Code.INTERNAL, Code.UNKNOWN}
    assert desk.closed.wait(10)


def test_stopping_answers_what_is_under_way_and_refuses_the_rest(
    channel: Channel, desk: SmallDesk, transport: Transport
) -> None:
    gated = _gated(channel, desk)
    stopping = threading.Thread(target=transport.stop, args=(10,))
    stopping.start()
    time.sleep(0.2)
    desk.gate.opened.set()
    assert gated.result() == b"gated"
    stopping.join(20)
    assert not stopping.is_alive()
    assert _code(lambda: ask(channel, "Echo")) is Code.UNAVAILABLE


def test_stopping_ends_a_stream_that_nobody_reads_when_the_grace_is_over(
    channel: Channel, desk: SmallDesk, transport: Transport
) -> None:
    call = stream(channel, "Long")
    next(call)
    begun = time.monotonic()
    transport.stop(0.3)
    assert 0.2 < time.monotonic() - begun < 4
    assert desk.closed.wait(10)
    assert _code(lambda: list(call)) in {Code.UNAVAILABLE, Code.CANCELLED}


def test_a_taken_port_is_an_error_unless_it_is_shared(core: str, desk: SmallDesk) -> None:
    shared = CORES[core](desk, Listening(is_port_shared=True))
    other = CORES[core](desk, Listening(port=shared.port, is_port_shared=True))
    other.stop(0)
    threads = threading.active_count()
    with pytest.raises(ConfigError, match="is the port free"):
        CORES[core](desk, Listening(port=shared.port))
    assert threading.active_count() == threads
    shared.stop(0)
