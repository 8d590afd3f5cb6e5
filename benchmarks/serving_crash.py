"""Does a server that is killed under load lose, double or change a decision?

Each round starts the whole server, asks it with 32 callers at once, kills it with SIGKILL at a
random moment and starts it again. Then every request id that was ever sent is asked again, and the
journal is looked at: each acknowledged decision must be there once and come back byte for byte,
each unacknowledged one must get exactly one.

    python -m benchmarks.serving_crash --rounds 20
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import grpc

from benchmarks.served import MARK, METHOD, request
from protocols.wire import decisions_v1_pb2 as decisions
from server.journal.journal import open_journal
from tests.postgres import Postgres

IN_FLIGHT = 32
_LOAD_S = 1.0
_READY_S = 60.0


@dataclass
class Found:
    """What was found after so many rounds.

    Attributes:
        acknowledged: Decisions that were given before a kill.
        unanswered: Questions that a kill cut off.
        lost: Acknowledged decisions that do not come back byte for byte.
        doubled: Request ids with more than one record, or records beyond one for each.
    """

    rounds: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    lost: int = 0
    doubled: int = 0
    _given: dict[str, bytes | None] = field(default_factory=dict, repr=False)

    @property
    def is_sound(self) -> bool:
        """Whether nothing was lost, and something was tried."""
        return self.acknowledged > 0 and not (self.lost or self.doubled)


def trial(journal: str, *, rounds: int, seed: int) -> Found:
    """Kill a server so many times under load, and look at what is left."""
    draw, found, body = random.Random(seed), Found(), request(f"r{MARK}")
    for number in range(rounds):
        with _server(journal) as (process, port):
            asyncio.run(_load(port, body, found, prefix=f"{number:04}", kill=(process, draw)))
        found.rounds += 1
    with _server(journal) as (_, port):
        asyncio.run(_ask_again(port, body, found))
    _examine(journal, found)
    return found


@contextmanager
def _server(journal: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-m", "benchmarks.served", "--journal", journal]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait(timeout=_READY_S)


async def _load(
    port: int,
    body: bytes,
    found: Found,
    *,
    prefix: str,
    kill: tuple[subprocess.Popen[str], random.Random],
) -> None:
    process, draw = kill
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        callers = [
            asyncio.create_task(_caller(channel, body, found, f"{prefix}{number:03}"))
            for number in range(IN_FLIGHT)
        ]
        await asyncio.sleep(draw.random() * _LOAD_S + 0.1)
        process.send_signal(signal.SIGKILL)
        await asyncio.gather(*callers)


async def _caller(channel: grpc.aio.Channel, body: bytes, found: Found, prefix: str) -> None:
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
    number = 0
    while True:
        mark = f"{prefix}{number:0{len(MARK) - len(prefix)}}"
        found._given[mark] = None
        try:
            found._given[mark] = await ask(body.replace(MARK.encode(), mark.encode()), timeout=30)
        except grpc.aio.AioRpcError:
            return
        number += 1


async def _ask_again(port: int, body: bytes, found: Found) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        for mark, given in found._given.items():
            answer = await ask(body.replace(MARK.encode(), mark.encode()), timeout=30)
            found.acknowledged += given is not None
            found.unanswered += given is None
            found.lost += given not in (None, answer)


def _examine(journal: str, found: Found) -> None:
    opened = open_journal(journal)
    count = opened.verify()
    after, ids = 0, set()
    while page := opened.list("local", "DecideLimit", after=after, limit=500):
        after = page[-1].position
        for record in page:
            decision = decisions.DecideLimitResponse.FromString(record.answer).decision
            ids.add(decision.request_id)
    opened.close()
    found.doubled = count - len(ids) + abs(len(ids) - len(found._given))


def main() -> None:
    """Print what was found for each kind of journal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    asked = parser.parse_args()
    sound = []
    with tempfile.TemporaryDirectory() as folder:
        postgres = Postgres()
        try:
            places = {"sqlite": str(Path(folder) / "journal.sqlite"), "postgresql": postgres.url()}
            for kind, where in places.items():
                found = trial(where, rounds=asked.rounds, seed=asked.seed)
                figures = {name: value for name, value in asdict(found).items() if name[0] != "_"}
                print(json.dumps({"name": kind, **figures, "seed": asked.seed}), flush=True)
                sound.append(found.is_sound)
        finally:
            postgres.remove()
    sys.exit(0 if all(sound) else 1)


if __name__ == "__main__":
    main()
