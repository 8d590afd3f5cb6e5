"""How long does an auditor's check of a large log take, offline?

An honest log is made in memory: every partner spends in every round of one run, in mode
distributed. Verified and priced is exactly what ``fedscore-audit verify`` does after reading files.

    python -m benchmarks.audit --partners 20 --rounds 1000
"""

import argparse
import json
import time
from fractions import Fraction

from protocols.ledger.charge import worth
from protocols.ledger.entry import Mechanism, PlannedQuery
from protocols.ledger.epsilons import Epsilons, epsilons_of
from tests.adversarial.ledger.honest import World, charter_table

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
    for number in range(1, rounds + 1):
        world.round("run-1", (number, 1), GRADIENT, names)
    for name in names:
        world.close_run(name, "run-1")
    return world


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1_000)
    arguments = parser.parse_args()
    world = honest_log(arguments.partners, arguments.rounds)
    size = sum(len(leaf) + 1 for leaf in world.leaves)
    epsilons_of.cache_clear()  # an auditor's process begins with an empty one
    begun = time.perf_counter()
    audit = world.audit()
    seconds = time.perf_counter() - begun
    if not audit.is_true:
        raise SystemExit(f"the honest log has findings: {audit.findings[:3]}")
    setting = {
        "partners": arguments.partners,
        "rounds": arguments.rounds,
        "leaves": len(world.leaves),
        "megabytes": round(size / 1e6, 1),
    }
    line = {"name": "audit_s", "value": round(seconds, 2), "unit": "s", "n": 1, "setting": setting}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
