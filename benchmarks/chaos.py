"""Does a run survive the SIGKILL of a random partner and of its coordinator?

Each trial founds a federation of five real processes, starts a run of twenty gradients, kills one
partner and the coordinator (its ``train`` process or its ServerApp) at random moments, starts the
partner again, takes the run up again until it ends, and then looks for anything that is not true.

    python -m benchmarks.chaos --trials 10 --seed 1
"""

import argparse
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from clients.partner.budget import BudgetBook
from protocols.ledger.keyfile import load_key
from protocols.ledger.policy import load_charter
from tests.processes import Processes, real_federation

PARTNERS = 5
BORROWERS = 400  # at each partner
EPSILON_MICRO = 12_000_000  # of the run: enough for twenty gradients
MOST_RESUMES = 5
LAST_ROUND = 20


@dataclass(frozen=True)
class Trial:
    """How one trial ended.

    Attributes:
        seed: Draws who is killed and when.
        killed: What was killed, and after which round.
        resumes: How often the run was taken up again.
        is_released: Whether the run ended with a release.
        is_true: Whether the log verifies.
        undercounted: Partners whose book holds more than the log is priced at.
        outlived: Processes that a killed coordinator left behind.
        seconds: From the first order to the end.
    """

    seed: int
    killed: tuple[str, ...]
    resumes: int
    is_released: bool
    is_true: bool
    undercounted: tuple[str, ...]
    outlived: tuple[int, ...]
    seconds: float

    @property
    def has_survived(self) -> bool:
        """Whether nothing was lost."""
        return self.is_released and self.is_true and not (self.undercounted or self.outlived)


def trial(folder: Path, seed: int) -> Trial:
    """Run one trial in an empty folder."""
    draw = random.Random(seed)
    victim = f"p{draw.randrange(PARTNERS)}"
    kills = [
        (draw.randint(0, LAST_ROUND), victim),
        (draw.randint(0, LAST_ROUND), draw.choice(["train", "serverapp"])),
    ]
    with real_federation(
        folder,
        sizes=[BORROWERS] * PARTNERS,
        epsilon_micro=EPSILON_MICRO,
        run_epsilon_micro=EPSILON_MICRO,
        settings={"deadline_s": 3.0, "connect_s": 20.0},
    ) as processes:
        for number in range(PARTNERS):
            processes.start_node(f"p{number}")
        begun, children = time.monotonic(), set[int]()
        training = processes.train("chaos")
        for after, whom in sorted(kills):
            _wait_for_round(processes, training, after)
            time.sleep(draw.uniform(0, 0.3))  # anywhere within a round
            children |= set(_children(training.pid))
            _kill(processes, training, whom)
            if whom != victim:
                training.wait(timeout=60)
                training = processes.train("chaos")
        resumes = sum(whom != victim for _, whom in kills)
        while training.wait(timeout=180) != 0 and resumes < MOST_RESUMES:
            training = processes.train("chaos")
            resumes += 1
        seconds = time.monotonic() - begun
        events = [event["event"] for event in processes.events("chaos")]
        outlived = tuple(sorted(pid for pid in children if _is_serverapp(pid)))
    return Trial(
        seed=seed,
        killed=tuple(f"{whom} after round {after}" for after, whom in sorted(kills)),
        resumes=resumes,
        is_released="released" in events,
        is_true=processes.world.audit().is_true,
        undercounted=_undercounted(processes),
        outlived=outlived,
        seconds=round(seconds, 1),
    )


def main() -> None:
    """Run the trials and print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the first trial")
    arguments = parser.parse_args()
    survived = 0
    for seed in range(arguments.seed, arguments.seed + arguments.trials):
        with tempfile.TemporaryDirectory() as folder:
            result = trial(Path(folder), seed)
        survived += result.has_survived
        print(json.dumps(asdict(result)), flush=True)
    print(json.dumps({"name": "chaos_survived", "value": survived, "n": arguments.trials}))


def _wait_for_round(processes: Processes, training: subprocess.Popen[bytes], number: int) -> None:
    """Return once a round is over, or the run has ended in another way."""

    def is_there(events: list[dict[str, object]]) -> bool:
        rounds = [int(str(e["round"])) for e in events if e["event"] == "round"]
        is_begun = any(event["event"] == "authorised" for event in events)
        return training.poll() is not None or (is_begun and max(rounds, default=0) >= number)

    processes.wait_for("chaos", is_there, within_s=120)


def _kill(processes: Processes, training: subprocess.Popen[bytes], whom: str) -> None:
    if whom == "train":
        training.kill()
    elif whom == "serverapp":
        for pid in _children(training.pid):
            os.kill(pid, signal.SIGKILL)
    else:
        processes.kill_node(whom)
        processes.start_node(whom)


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def _is_serverapp(pid: int) -> bool:
    path = Path(f"/proc/{pid}/cmdline")
    return path.exists() and b"flwr-serverapp" in path.read_bytes()


def _undercounted(processes: Processes) -> tuple[str, ...]:
    """Return partners whose own book has spent more than the log is priced at."""
    world = processes.world
    _, terms = load_charter(world.server / "charter.toml")
    found = []
    for row in world.audit().partners:
        settings = world.settings(row.name)
        key = load_key(settings.keys / "identity.pem")
        book = BudgetBook(settings.book, name=row.name, key=key, terms=terms)
        if book.spent.released_micro > row.price.released_micro:
            found.append(row.name)
        book.close_file()
    return tuple(found)


if __name__ == "__main__":
    main()
