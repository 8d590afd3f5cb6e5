"""How long does an auditor's check of a large log take, offline, and how much memory?

An honest log is made in memory and written to a folder: every partner spends in every round of one
run, in mode distributed. A process of its own then does what ``fedscore-audit price`` does: it
reads the folder, verifies it, prices it by three accountants and tests the noise of every sum.

    python -m benchmarks.audit --partners 20 --rounds 1000
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from clients.auditor.exported import audit_export
from protocols.ledger.charge import worth
from protocols.ledger.entry import Mechanism, PlannedQuery
from protocols.ledger.epsilons import Epsilons, epsilons_of
from tests.adversarial.ledger.honest import World, charter_table, charter_toml

GRADIENT = Mechanism("gradient", "100")


class LargeWorld(World):
    """An honest world that prices by the product's own cache: the test's own way is quadratic."""

    def price(self, mu2: Fraction | int) -> Epsilons:
        return epsilons_of(Fraction(mu2), delta=self.terms.delta, sharing=self.terms.sharing)

    def spent_price(self, partner: str) -> Epsilons:
        return self.price(len(self.spent[partner, "run-1"]) * worth(GRADIENT))


def honest_log(partners: int, rounds: int) -> LargeWorld:
    """Return a log in which everybody took part in every round."""
    names = tuple(f"p{number:02d}" for number in range(partners))
    table = charter_table(
        names,
        mode="distributed",
        noise_shares=partners - 2,
        tolerated_colluders=1,
        minimum_cohort=partners - 1,
        released_cap_micro=50_000_000,
        worst_cap_micro=50_000_000,
        most_rounds=rounds,
    )
    world = LargeWorld(table)
    plan = (PlannedQuery(GRADIENT, rounds),)
    for name in names:
        world.authorise(name, "run-1", queries=plan, spare_attempts=0)
    world.witness()
    for number in range(1, rounds + 1):
        world.round("run-1", (number, 1), GRADIENT, names)
        world.seen = dict.fromkeys(names, len(world.leaves))  # each order proves the last round
    for name in names:
        world.close_run(name, "run-1")
    return world


def write(world: LargeWorld, folder: Path) -> None:
    """Write what an auditor has: the charter, its signatures, and the exported log."""
    (folder / "charter.toml").write_text(charter_toml(world.table), encoding="utf-8")
    (folder / "signatures.json").write_bytes(world.signatures)
    world.write(folder / "log")


def measured(folder: Path) -> dict[str, float]:
    """Audit a folder in this process, and say what that took."""
    begun = time.perf_counter()
    from clients.auditor.contrasts import judge_noise  # here: what imports take is measured too
    from clients.auditor.price_text import price_text
    from clients.auditor.pricing import price_audit

    imported = time.perf_counter()
    terms, audit = audit_export(folder / "log", charter=folder / "charter.toml", signatures=None)
    verified = time.perf_counter()
    pricing = price_audit(audit, terms)
    price_text(audit, pricing, judge_noise(audit.sums))
    priced = time.perf_counter()
    if not audit.is_true or not pricing.agree:
        raise SystemExit(f"not true: {audit.findings[:3]}, {pricing.disagreements[:3]}")
    return {
        "audit_verify_s": verified - imported,
        "audit_price_s": priced - verified + imported - begun,
        "audit_s": priced - begun,
        "audit_cpu_s": time.process_time(),  # what it would take on a machine with nothing else
        "audit_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_own_process(folder: Path) -> dict[str, float]:
    """Audit a folder in a process that does nothing else, as its peak of memory must be."""
    words = [sys.executable, "-m", "benchmarks.audit", "--measure", str(folder)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    return {str(name): float(value) for name, value in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--measure", type=Path, help="audit this folder, in this process")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(arguments.measure)))
        return
    world = honest_log(arguments.partners, arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        write(world, Path(folder))
        found = in_own_process(Path(folder))
    setting = {
        "partners": arguments.partners,
        "rounds": arguments.rounds,
        "leaves": len(world.leaves),
        "megabytes": round(sum(len(leaf) + 1 for leaf in world.leaves) / 1e6, 1),
    }
    for name, value in found.items():
        unit = "MB" if name.endswith("_mb") else "s"
        line = {"name": name, "value": round(value, 2), "unit": unit, "n": 1, "setting": setting}
        print(json.dumps(line))


if __name__ == "__main__":
    main()
