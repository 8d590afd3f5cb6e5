"""A part of serving.py: a closed loop of unary gRPC calls, and what it measured.

h2load, of Debian's nghttp2-client, is written in C and costs little of the processor that it shares
with the server. It sends the same bytes every time and sees HTTP statuses alone, so one call of
grpcio's is checked before each run and after it. ``wire.py`` sends another request each time, for
a server that answers a repeated one from its journal; it sees up to a sixth fewer calls a second.
"""

import itertools
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import grpc

from benchmarks.wire import Connection, keep_asking
from protocols.errors import ConfigError

_WARM_S = 0.5
_STREAMS = 8  # in flight on one connection, so 8 connections for 64
_PATIENCE_S = 20


@dataclass(frozen=True)
class Target:
    """A server under test.

    Attributes:
        name: What its figures are called.
        port: On loopback, over TLS.
        command: How its process is started.
    """

    name: str
    port: int
    command: Sequence[str]


class Figures(NamedTuple):
    """What one run measured."""

    calls: int
    calls_per_s: float
    p50_us: float
    p99_us: float
    server_cpu_us: float


@dataclass(frozen=True)
class Question:
    """What all servers are asked.

    Attributes:
        method: Its full name.
        body: The request's bytes.
        authority: Whose certificates count, PEM.
        mark: What a number of the same length replaces in ``body``, so that no two requests are
            the same; all are without.
    """

    method: str
    body: bytes
    authority: bytes
    mark: bytes = b""

    def bodies(self) -> Iterator[bytes]:
        """Return requests without end, of which no other call returns one."""
        if not self.mark:
            yield from itertools.repeat(self.body)
        digits, begin = len(self.mark), time.time_ns()
        for number in itertools.count(begin):
            yield self.body.replace(self.mark, b"%0*d" % (digits, number % 10**digits))


def check(target: Target, question: Question) -> None:
    """Make one call that must be answered.

    Raises:
        ConfigError: It was refused, or there is no server.
    """
    credentials = grpc.ssl_channel_credentials(question.authority)
    with grpc.secure_channel(f"127.0.0.1:{target.port}", credentials) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(question.method)
        try:
            call(next(question.bodies()), timeout=_PATIENCE_S, wait_for_ready=True)
        except grpc.RpcError as err:
            raise ConfigError(f"{target.name} does not answer: {err.code().name}") from err


def measure(
    target: Target, question: Question, *, pid: int, in_flight: int, seconds: float
) -> Figures:
    """Hold ``in_flight`` calls open for so long, and say how they went."""
    check(target, question)
    begun = cpu_us(pid)
    call = _wire if question.mark else _h2load
    waits_us = call(target, question, in_flight=in_flight, seconds=seconds)
    spent_us = cpu_us(pid) - begun
    check(target, question)
    per_s = len(waits_us) / seconds
    return Figures(
        calls=len(waits_us),
        calls_per_s=per_s,
        p50_us=statistics.median(waits_us),
        p99_us=statistics.quantiles(waits_us, n=100)[98],
        server_cpu_us=spent_us / (per_s * (seconds + _WARM_S)),  # it was warm at the same rate
    )


def cpu_us(pid: int) -> float:
    """Return the processor time of a process, its threads and its children (Linux)."""
    total = 0.0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        total += int((thread / "schedstat").read_text().split()[0]) / 1_000
        total += sum(cpu_us(int(child)) for child in (thread / "children").read_text().split())
    return total


def _wire(target: Target, question: Question, *, in_flight: int, seconds: float) -> list[float]:
    connections = [
        Connection(target.port, question.method, question.authority.decode())
        for _ in range(max(1, in_flight // _STREAMS))
    ]
    try:
        return keep_asking(
            connections, question.bodies(), in_flight=in_flight, warm_s=_WARM_S, seconds=seconds
        )
    finally:
        for connection in connections:
            connection.close()


def _h2load(target: Target, question: Question, *, in_flight: int, seconds: float) -> list[float]:
    connections = max(1, in_flight // _STREAMS)
    with tempfile.TemporaryDirectory() as name:
        body, log = Path(name) / "body", Path(name) / "log"
        body.write_bytes(b"\0" + struct.pack(">I", len(question.body)) + question.body)
        command = [
            "h2load",
            "--threads=1",
            f"--clients={connections}",
            f"--max-concurrent-streams={in_flight // connections}",
            f"--duration={round(seconds * 1_000)}ms",
            f"--warm-up-time={round(_WARM_S * 1_000)}ms",
            f"--data={body}",
            f"--log-file={log}",
            "--header=content-type: application/grpc",
            "--header=te: trailers",
            f"https://127.0.0.1:{target.port}{question.method}",
        ]
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode:
            raise ConfigError(f"h2load failed: {ended.stdout}{ended.stderr}")
        lines = [line.split() for line in log.read_text().splitlines()]
    assert all(status == "200" for _, status, _ in lines)
    return [float(wait) for _, _, wait in lines]
