"""What does an answer that is on disk cost, against an empty echo on grpc.aio?

Three servers, each a process, over TLS on loopback: an echo on grpc.aio that does nothing, and a
desk that commits a record of 600 bytes for each call before it answers (SQLite, WAL,
synchronous=FULL), behind the public and behind the fast core. A round asks all of them in random
order, one after another, so that other load on the machine hits all alike; figures are medians of
rounds, ratios medians of the rounds' ratios to the echo. Needs ``h2load`` (Debian's
nghttp2-client), but not with ``--mark``.

    python -m benchmarks.serving --rounds 5

A server of any command may take part: ``{folder}`` in it is where ``server.crt``, ``server.key``
and ``ca.crt`` are. All servers then get that method and request; where a server knows a request id
again, let it begin with 19 zeros and name them as ``--mark``, so that each call has another.

    python -m benchmarks.serving --server ours 50051 "fedscore-server serve ..." \\
        --method /fedscore.scoring.v1.ScoringService/Score --request request.bin \\
        --mark 0000000000000000000
"""

import argparse
import json
import random
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.durable_desk import METHOD, DurableDesk
from benchmarks.load import Figures, Question, Target, check, measure
from protocols.errors import ConfigError
from server.certificates import make_certificates
from server.serving.calls import Call, Peer

FLOOR = "echo"
_REQUEST_BYTES = 334  # of 22 numbers and 8 categories, packed
_COMMITS = 300
_UNITS = {"calls_per_s": "1/s", "p50_us": "us", "p99_us": "us", "server_cpu_us": "us"}


def main() -> None:
    """Measure and print."""
    arguments = _parser().parse_args()
    if not arguments.mark and shutil.which("h2load") is None:
        raise ConfigError("h2load is missing; install Debian's nghttp2-client, or give --mark")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        body, mark = _body(arguments.request), arguments.mark.encode()
        question = Question(arguments.method, body, write_tls(folder), mark)
        targets = [*our_targets(folder, arguments.method), *_others(arguments.server, folder)]
        with running(targets, question) as pids:
            report("commit_us", commit_us(folder), "us", _COMMITS, {"target": "disk"})
            for in_flight in arguments.in_flight:
                rounds = [
                    one_round(
                        pids, question, in_flight=in_flight, seconds=arguments.seconds, order=order
                    )
                    for order in _orders(targets, arguments.rounds)
                ]
                report_all(rounds, in_flight)


def write_tls(folder: Path) -> bytes:
    """Write what servers show, and return the authority's certificate."""
    made = make_certificates("127.0.0.1")
    files = {"ca.crt": made.authority, "server.crt": made.server, "server.key": made.server_key}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return made.authority


def our_targets(folder: Path, method: str) -> list[Target]:
    """Return the echo and both cores, on free ports."""
    ports = _free_ports(3)
    python, tls = [sys.executable, "-m"], ["--tls", str(folder)]
    echo = [*python, "benchmarks.echo_server", "--port", str(ports[0]), *tls]
    targets = [Target(FLOOR, ports[0], echo)]
    for core, port in zip(("public", "fast"), ports[1:], strict=True):
        desk = [*python, "benchmarks.durable_desk", "--core", core, "--port", str(port), *tls]
        journal = ["--journal", str(folder / f"{core}.sqlite"), "--method", method]
        targets.append(Target(core, port, [*desk, *journal]))
    return targets


@contextmanager
def running(targets: Sequence[Target], question: Question) -> Iterator[Mapping[str, int]]:
    """Start all servers, wait until they answer, and give their process ids by name."""
    processes = {target.name: subprocess.Popen(target.command) for target in targets}
    try:
        for target in targets:
            check(target, question)
        yield {name: process.pid for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.terminate()
            process.wait(timeout=20)


def commit_us(folder: Path) -> float:
    """Return the median time of a commit of one record, with nobody else about."""
    desk = DurableDesk(folder / "alone.sqlite")
    times = []
    for _ in range(_COMMITS):
        begun = time.perf_counter()
        desk.answer([Call(METHOD, b"", Peer(()))])
        times.append((time.perf_counter() - begun) * 1e6)
    return statistics.median(times)


def one_round(
    pids: Mapping[str, int],
    question: Question,
    *,
    in_flight: int,
    seconds: float,
    order: Sequence[Target],
) -> dict[str, Figures]:
    """Ask all servers, one after another."""
    return {
        target.name: measure(
            target, question, pid=pids[target.name], in_flight=in_flight, seconds=seconds
        )
        for target in order
    }


def report_all(rounds: Sequence[Mapping[str, Figures]], in_flight: int) -> None:
    """Print every figure of every server, and its ratio to the echo's."""
    for target in sorted(rounds[0]):
        calls = sum(figures[target].calls for figures in rounds)
        for name, unit in _UNITS.items():
            values = [getattr(figures[target], name) for figures in rounds]
            floors = [getattr(figures[FLOOR], name) for figures in rounds]
            ratios = [value / floor for value, floor in zip(values, floors, strict=True)]
            setting = {"target": target, "in_flight": in_flight, "rounds": len(rounds)}
            report(name, statistics.median(values), unit, calls, setting)
            if target != FLOOR:
                report(f"{name}_ratio", statistics.median(ratios), "of echo", calls, setting)


def report(name: str, value: float, unit: str, n: int, setting: dict[str, object]) -> None:
    """Print one figure."""
    line = {"name": name, "value": round(value, 3), "unit": unit, "n": n, "setting": setting}
    print(json.dumps(line), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one run")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--method", default=METHOD)
    parser.add_argument("--request", type=Path, help="the message's bytes; zeros without")
    parser.add_argument("--mark", default="", help="text in the request that a number replaces")
    parser.add_argument(
        "--server", nargs=3, action="append", default=[], metavar=("NAME", "PORT", "COMMAND")
    )
    return parser


def _body(request: Path | None) -> bytes:
    return bytes(_REQUEST_BYTES) if request is None else request.read_bytes()


def _others(servers: Sequence[Sequence[str]], folder: Path) -> list[Target]:
    return [
        Target(name, int(port), shlex.split(command.replace("{folder}", str(folder))))
        for name, port, command in servers
    ]


def _orders(targets: Sequence[Target], rounds: int) -> list[list[Target]]:
    draw = random.Random(time.time_ns())
    return [draw.sample(targets, len(targets)) for _ in range(rounds)]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(opened.getsockname()[1]) for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


if __name__ == "__main__":
    main()
