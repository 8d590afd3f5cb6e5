"""Both cores under load, junk, aborts, overload and SIGTERM; most of it in a process of its own."""

import asyncio
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]

from server.serving.listening import Listening
from tests.integration.desk import (
    CORES,
    MOST_CALLS,
    SmallDesk,
    ask,
    path,
    plain_channel,
    stream,
    unary,
)

ROOT = Path(__file__).resolve().parents[2]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
JUNK = {
    "nothing": b"",
    "noise": random.Random(1).randbytes(4_096),
    "http/1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a preface": PREFACE[:9],
    "noise after the preface": PREFACE + random.Random(2).randbytes(4_096),
    "a frame of 16 MB": PREFACE + SETTINGS + b"\xff\xff\xff\0\0\0\0\0\1",
    "headers that do not parse": PREFACE + SETTINGS + b"\0\0\4\1\4\0\0\0\1\xff\xff\xff\xff",
    "data of no stream": PREFACE + SETTINGS + b"\0\0\1\0\1\0\0\0\1x",
}


class Served:
    """A process that serves a small desk."""

    def __init__(self, core: str) -> None:
        words = [sys.executable, "-m", "tests.integration.desk", core]
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def answers(self) -> bool:
        with plain_channel(self.port) as channel:
            return ask(channel, "Echo", b"still here") == b"still here"


@pytest.fixture(params=CORES)
def core(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def served(core: str) -> Iterator[Served]:
    made = Served(core)
    yield made
    made.process.kill()
    made.process.communicate(timeout=20)


@pytest.mark.parametrize("junk", JUNK)
def test_bytes_that_are_no_http2_cost_nobody_else_anything(served: Served, junk: str) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as raw:
            raw.sendall(JUNK[junk])
            assert served.answers()
    assert served.process.poll() is None


def test_many_calls_at_once_are_all_answered(served: Served, core: str) -> None:
    async def ask_many(each: int) -> int:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
            call = channel.unary_unary(path("Echo"))

            async def worker(number: int) -> int:
                bodies = [b"%d %d" % (number, count) for count in range(each)]
                return sum([await call(body, timeout=20) == body for body in bodies])

            return sum(await asyncio.gather(*map(worker, range(64))))

    assert asyncio.run(ask_many(50)) == 64 * 50
    held = served.rss_mb()
    # So many have shown operations that were freed twice; the public core has none of ours.
    each = 1_016 if core == "fast" else 150
    assert asyncio.run(ask_many(each)) == 64 * each
    assert served.rss_mb() - held < 10


def test_callers_that_leave_in_the_middle_cost_nothing_that_lasts(served: Served) -> None:
    _abort_many(served, seed=0)
    held = served.rss_mb()
    for seed in range(1, 4):
        _abort_many(served, seed=seed)  # more than MOST_CALLS
    assert served.rss_mb() - held < 10
    with plain_channel(served.port) as channel:
        calls = [unary(channel, "Echo").future(b"%d" % n, timeout=20) for n in range(200)]
        assert [call.result() for call in calls] == [b"%d" % number for number in range(200)]


def _abort_many(served: Served, *, seed: int) -> None:
    draw = random.Random(seed)
    works = (_cancel, _close, _reset, _never_ask)
    with ThreadPoolExecutor(len(works)) as threads:
        begun = [threads.submit(work, served.port, random.Random(draw.random())) for work in works]
        for work in begun:
            work.result()


def _cancel(port: int, draw: random.Random) -> None:
    with plain_channel(port) as channel:
        for _ in range(MOST_CALLS // 5):
            calls = [unary(channel, "Sleep").future(b"0.0002", timeout=20) for _ in range(5)]
            time.sleep(draw.random() * 0.004)
            for call in calls:
                call.cancel()


def _close(port: int, draw: random.Random) -> None:
    for number in range(40):
        with plain_channel(port) as channel:
            method = "Long" if number % 2 else "Count"
            calls = [stream(channel, method, b"1000") for _ in range(3)]
            next(calls[0])
            time.sleep(draw.random() * 0.004)


def _reset(port: int, draw: random.Random) -> None:
    at_once = struct.pack("ii", 1, 0)
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            raw.sendall(PREFACE + SETTINGS + draw.randbytes(draw.randrange(200)))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)


def _never_ask(port: int, draw: random.Random) -> None:
    def silent() -> Iterator[bytes]:
        time.sleep(0.05)
        yield from ()

    with plain_channel(port) as channel:
        call: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(path("Echo"))
        for _ in range(20):
            calls = [call.future(silent(), timeout=20) for _ in range(5)]
            time.sleep(draw.random() * 0.01)
            for asked in calls:
                asked.cancel()


def test_an_idle_server_takes_no_time(served: Served) -> None:
    assert served.answers()
    begun = served.cpu_s()
    time.sleep(1)
    assert served.cpu_s() - begun <= 0.05


def _refusal(channel: grpc.Channel) -> grpc.StatusCode:
    """Ask until a call is refused, which a signal brings about as soon as the process has time."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        error = unary(channel, "Echo").future(b"", timeout=20).exception()
        if error is not None:
            return error.code()
    raise AssertionError("calls are still answered")


def test_sigterm_answers_what_is_under_way_refuses_the_rest_and_ends_with_zero(
    served: Served,
) -> None:
    with plain_channel(served.port) as channel:
        under_way = stream(channel, "Long", b"1000")
        next(under_way)
        served.process.send_signal(signal.SIGTERM)
        with plain_channel(served.port) as other:
            assert _refusal(channel) in {
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.CANCELLED,  # of one that is just arriving
            }
            assert _refusal(channel) is _refusal(other) is grpc.StatusCode.UNAVAILABLE
        assert served.process.poll() is None
        assert sum(1 for _ in under_way) == 999
    assert served.process.wait(timeout=20) == 0


def test_sigterm_while_the_desk_is_busy_answers_its_callers(served: Served) -> None:
    with plain_channel(served.port) as channel:
        call = unary(channel, "Sleep").future(b"1", timeout=20)
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        assert call.result() == b"1"
    assert served.process.wait(timeout=20) == 0


def test_calls_beyond_the_most_are_told_to_come_again_before_any_work(core: str) -> None:
    desk = SmallDesk()
    transport = CORES[core](desk, Listening(most_calls=4))
    with plain_channel(transport.port) as channel:
        gated = unary(channel, "Gate").future(b"gated", timeout=20)
        assert desk.gate.entered.wait(20)
        calls = [unary(channel, "Echo").future(b"x", timeout=20) for _ in range(10)]
        time.sleep(0.5)
        desk.gate.opened.set()
        assert gated.result() == b"gated"
        refusals = [error for call in calls if (error := call.exception()) is not None]
        assert {error.code() for error in refusals} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        retry = RetryInfo()
        assert rpc_status.from_call(refusals[0]).details[0].Unpack(retry)
        assert retry.retry_delay.ToMilliseconds() == 100
        assert ask(channel, "Echo", b"next") == b"next"
    transport.stop(0)
    assert (len(refusals), desk.bodies.count(b"x")) == (7, 3)
