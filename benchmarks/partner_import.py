"""How long does a node take to read a partner's file, and how much memory?

A generated Parquet file with an id, an outcome and numbers, in as many row groups as a writer
would make; read as a node does at its start, in a process of its own: grouped by borrower, split,
encoded, named.

    python -m benchmarks.partner_import --rows 1000000 --features 30
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from clients.partner.config import PartnerSettings
from clients.partner.data import load_loans
from protocols.contracts.features import FeatureContract, contract_from_table


def contract_of(features: int) -> FeatureContract:
    """Return a contract of so many numbers from 0 to 1."""
    field = {
        "kind": "numeric",
        "label": "Number",
        "unit": "share",
        "low": "0",
        "high": "1",
        "spacing": "linear",
        "group": "application",
        "computed_from": "own",
        "may_be_missing": True,
        "direction": "none",
        "reason": "It counts",
    }
    names = [f"number_{number}" for number in range(features)]
    table: dict[str, object] = {
        "schema": 1,
        "name": "generated",
        "borrower_id": "borrower",
        "currency": "EUR",
        "outcome": {
            "column": "outcome",
            "bad": "bad",
            "good": "good",
            "definition": "Generated.",
            "window_months": 12,
        },
        "fields": [field | {"name": name, "reason_code": name.upper()} for name in names],
    }
    return contract_from_table(table, where="generated")


def write_file(path: Path, *, rows: int, features: int, rows_each: int) -> None:
    """Write generated loans, a borrower's rows far apart."""
    draw = np.random.default_rng(1)
    borrowers = max(1, rows // rows_each)
    columns = {f"number_{number}": draw.random(rows) for number in range(features)}
    table = pa.table(
        {
            "borrower": [f"borrower-{number % borrowers}" for number in range(rows)],
            "outcome": np.where(draw.random(rows) < 0.1, "bad", "good"),
            **columns,
        }
    )
    pyarrow.parquet.write_table(table, path)


def peak_kib() -> int:
    """Return the most memory that this process ever had, not counting who started it."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def measure(path: Path, *, rows: int, features: int) -> None:
    """Read the file and print seconds and peak memory, as JSON."""
    contract = contract_of(features)
    settings = PartnerSettings(name="p", coordinator="localhost:1", data=path)
    before = peak_kib()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        load_loans(
            path,
            contract,
            recent=None,
            capacity=rows,
            holdout_key=bytes(32),
            holdout_percent=20,
            folder=Path(folder),
            rows_at_once=settings.rows_at_once(contract),
        )
        seconds = time.perf_counter() - began
    for name, value, unit in (
        ("import", round(seconds, 2), "s"),
        ("peak memory of the process", round(peak_kib() / 1024), "MiB"),
        ("of it before the file was opened", round(before / 1024), "MiB"),
    ):
        setting = {"rows": rows, "features": features}
        print(json.dumps({"name": name, "value": value, "unit": unit, "n": 1, "setting": setting}))


def main() -> None:
    """Write a file, and measure another process that reads it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--rows-each", type=int, default=2, help="rows of one borrower")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read:
        measure(asked.read, rows=asked.rows, features=asked.features)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loans.parquet"
        write_file(path, rows=asked.rows, features=asked.features, rows_each=asked.rows_each)
        words = ["--rows", str(asked.rows), "--features", str(asked.features), "--read", str(path)]
        subprocess.run([sys.executable, "-m", "benchmarks.partner_import", *words], check=True)


if __name__ == "__main__":
    main()
