"""How long does a round take with real processes, TLS, node keys, log and proofs?

Partners, SuperLink and ServerApp are processes of their own on one machine; loans are generated.
Prints JSON lines; several runs are made until enough rounds are measured.

    python -m benchmarks.rounds --partners 5 --rounds 10
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from pathlib import Path

from tests.processes import Processes, real_federation

BORROWERS = 2_000  # at each partner


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    setting = {"partners": arguments.partners, "borrowers": BORROWERS, "mode": "local"}
    sizes = [BORROWERS] * arguments.partners
    with (
        tempfile.TemporaryDirectory() as folder,
        real_federation(Path(folder), sizes=sizes, epsilon_micro=50_000_000) as processes,
    ):
        begun = time.time()
        for number in range(arguments.partners):
            processes.start_node(f"p{number}")
        rounds = measure(processes, arguments.rounds)
        memory = [peak_rss_mb(node.pid) for node in processes.nodes.values()]
    seconds = [float(str(event["seconds"])) for event in rounds]
    uploads = {str(event["query"]): int(str(event["upload_bytes"])) for event in rounds}
    report("start_to_first_round_s", float(str(rounds[0]["at"])) - begun, "s", 1, setting)
    report("round_median_s", statistics.median(seconds), "s", len(seconds), setting)
    report("round_p90_s", quantile(seconds, 0.9), "s", len(seconds), setting)
    report("upload_bytes", max(uploads.values()), "bytes", 1, setting | {"by_query": uploads})
    report("partner_rss_mb", max(memory), "MB", len(memory), setting)


def measure(processes: Processes, wanted: int) -> list[dict[str, object]]:
    """Train until ``wanted`` rounds are there and return their events."""
    rounds: list[dict[str, object]] = []
    while len(rounds) < wanted:
        run = f"run-{len(rounds)}"
        training = processes.train(run)
        if training.wait(timeout=300) != 0:
            raise SystemExit(processes.said(run))
        rounds += [event for event in processes.events(run) if event["event"] == "round"]
    return rounds[:wanted]


def peak_rss_mb(pid: int) -> float:
    """Return the most memory that a process has held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that ``share`` of the values do not pass."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def report(name: str, value: float, unit: str, n: int, setting: dict[str, object]) -> None:
    """Print one figure."""
    line = {"name": name, "value": round(value, 3), "unit": unit, "n": n, "setting": setting}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
