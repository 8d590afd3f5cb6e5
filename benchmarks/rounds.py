"""How long does a round take with real processes, TLS, node keys, masks, log and proofs?

Partners, SuperLink and ServerApp are processes on one machine; loans are generated. A round is one
gradient over a public grid with one weight for each cell. ``--profile`` says where its time
goes, at the coordinator and at one partner, from cProfile, which slows the rounds down.

    python -m benchmarks.rounds --partners 5 --rounds 20 --vector 400 --mode distributed
"""

import argparse
import json
import math
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from server.bundle import PACKAGES, build_bundle
from server.runs import operate_run
from tests.processes import Processes, real_federation

FIELDS = 10
MOST_ENTRIES = 2_000_000  # of all borrowers' vectors at one partner
MOST_BORROWERS = 2_000

CONTRACT = """\
schema = 1
name = "rounds"
borrower_id = "borrower"
currency = "EUR"

[outcome]
column = "outcome"
bad = "bad"
good = "good"
definition = "Late by 90 days or more."
window_months = 12
"""
FIELD = """
[[fields]]
kind = "categorical"
name = "{name}"
label = "Field {name}"
levels = {levels}
group = "application"
computed_from = "own"
may_be_missing = false
direction = "none"
reason_code = "{name}"
reason = "Field {name}"
"""

# Where cProfile's own time of a function counts: part of its file or, for C, of its name.
PARTS = {
    "polls": ("time.sleep", "lock.acquire", "'acquire' of '_thread", "select.poll", "epoll"),
    "http": ("httpx", "httpcore", "ssl", "socket", "h11", "h2/", "flwr", "protobuf", "urllib"),
    "sqlite": ("sqlite3",),
    "crypto": ("cryptography", "_hashlib", "secagg", "hashlib", "merkle", "posix.fsync"),
    "json": ("canonical", "json/", "_json", "codec.py", "binascii", "base64"),
    "model": ("torch", "numpy", "/model/", "noise", "posix.urandom"),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--vector", type=int, default=400, help="entries of an answer")
    parser.add_argument("--mode", choices=["distributed", "local"], default="distributed")
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    arguments = parser.parse_args()
    borrowers = min(MOST_BORROWERS, max(20, MOST_ENTRIES // arguments.vector))
    setting = {
        "partners": arguments.partners,
        "borrowers": borrowers,
        "vector": arguments.vector,
        "mode": arguments.mode,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        real_federation(
            Path(folder),
            sizes=[borrowers] * arguments.partners,
            epsilon_micro=10_000_000,
            contract=contract(arguments.vector),
            write=lambda path, *, borrowers, seed: write_loans(
                path, borrowers=borrowers, seed=seed, vector=arguments.vector
            ),
            mode=arguments.mode,
        ) as processes,
    ):
        profiles = {name: Path(folder) / f"{name}.prof" for name in ("coordinator", "p0")}
        begun = time.time()
        for number in range(arguments.partners):
            is_profiled = arguments.profile and number == 0
            profile = profiles["p0"] if is_profiled else None
            processes.start_node(f"p{number}", profile=profile)
        events = hold(
            processes, arguments.rounds, profiles["coordinator"] if arguments.profile else None
        )
        memory = [peak_rss_mb(node.pid) for node in processes.nodes.values()]
        processes.stop()
        shares = {name: shares_of(path) for name, path in profiles.items() if path.exists()}
    rounds = [event for event in events if event["event"] == "round"]
    seconds = [float(str(event["seconds"])) for event in rounds]
    report("start_to_first_round_s", float(str(rounds[0]["at"])) - begun, "s", 1, setting)
    report("round_median_s", statistics.median(seconds), "s", len(seconds), setting)
    report("round_p90_s", quantile(seconds, 0.9), "s", len(seconds), setting)
    report("round_max_s", max(seconds), "s", len(seconds), setting)
    report("upload_bytes", float(str(rounds[0]["upload_bytes"])), "bytes", 1, setting)
    report("partner_rss_mb", max(memory), "MB", len(memory), setting)
    for name, parts in shares.items():
        for part, share in parts.items():
            report(f"{name}_share_{part}", share, "of its time", len(seconds), setting)


def contract(vector: int) -> str:
    """Return a contract whose gradient has ``vector`` entries: intercept and ten fields."""
    cells = [len(part) for part in np.array_split(np.arange(vector - 1), FIELDS)]
    # Two cells of each field are for levels that are not listed and for missing.
    fields = [
        FIELD.format(name=f"f{number}", levels=json.dumps([f"l{i}" for i in range(count - 2)]))
        for number, count in enumerate(cells)
    ]
    return CONTRACT + "".join(fields)


def write_loans(path: Path, *, borrowers: int, seed: int, vector: int) -> None:
    """Write borrowers with random levels."""
    draw = np.random.default_rng(seed)
    columns = {
        f"f{number}": [f"l{level}" for level in draw.integers(0, vector // FIELDS - 3, borrowers)]
        for number in range(FIELDS)
    }
    columns["borrower"] = [f"b{seed}-{number}" for number in range(borrowers)]
    columns["outcome"] = np.where(draw.random(borrowers) < 0.1, "bad", "good").tolist()
    pyarrow.parquet.write_table(pa.table(columns), path)


def hold(processes: Processes, rounds: int, profile: Path | None) -> list[dict[str, object]]:
    """Hold the rounds in one run and return its events."""
    asked = {"rounds": rounds, "profile": str(profile) if profile else ""}
    os.environ["FEDSCORE_ROUNDS"] = json.dumps(asked)
    project = (
        Path("pyproject.toml").read_text().replace("server.app:app", "benchmarks.rounds_app:app")
    )
    project = project.replace('"server/**/*.py"]', '"server/**/*.py", "benchmarks/**/*.py"]')
    bundle = build_bundle(packages=(*PACKAGES, "benchmarks"), project=project.encode())
    events: list[dict[str, object]] = []
    config = processes.world.server / "server.toml"
    operate_run(config, "rounds", is_new=True, show=events.append, bundle=bundle)
    return events


def shares_of(path: Path) -> Mapping[str, float]:
    """Return which share of a profiled process's time each part took."""
    own = {part: 0.0 for part in (*PARTS, "other")}
    for (file, _, name), (_, _, seconds, _, _) in pstats.Stats(str(path)).stats.items():  # type: ignore[attr-defined]  # typeshed does not know it
        where = f"{file} {name}"
        part = next((p for p, marks in PARTS.items() if any(m in where for m in marks)), "other")
        own[part] += seconds
    total = sum(own.values())
    return {part: seconds / total for part, seconds in own.items()}


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
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
