"""How good is the demo's federated model, against each lender alone and against no privacy?

Real LendingClub loans, five uneven regional lenders, everybody at the same epsilon; AUC on the
pooled hold-out, which no party of a federation sees. Each seed draws a new hold-out and new noise.

    python -m benchmarks.demo_utility --seeds 10
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from examples.demo.loans import CONTRACT, write_partner_files
from model.population import group_borrowers
from model.simulation import SimulationTerms, holdout_auc, simulate
from model.table import Table, read_table
from protocols.contracts.features import FeatureContract, load_contract
from server.rehearsal import pooled_without_privacy


def one_seed(
    tables: Mapping[str, Table], contract: FeatureContract, *, seed: int, epsilon_micro: int
) -> dict[str, float]:
    """Return the AUCs of one split of the borrowers."""
    key = f"demo-utility-{seed}".encode()
    partners = [
        group_borrowers(table, contract, holdout_key=key, holdout_percent=20)
        for table in tables.values()
    ]
    terms = SimulationTerms(epsilon_micro=epsilon_micro)
    alone = [
        holdout_auc(simulate([partner], contract, terms), partners).value for partner in partners
    ]
    return {
        "federated": holdout_auc(simulate(partners, contract, terms), partners).value,
        "median_alone": statistics.median(alone),
        "pooled_without_privacy": pooled_without_privacy(partners).value,
    }


def main() -> None:
    """Run the seeds and print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epsilon", type=float, default=2.0)
    arguments = parser.parse_args()
    contract = load_contract(CONTRACT)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_partner_files(Path(folder))
        tables = {name: read_table(path, contract) for name, path in paths.items()}
    results = []
    for seed in range(arguments.seeds):
        micro = round(arguments.epsilon * 1_000_000)
        results.append(one_seed(tables, contract, seed=seed, epsilon_micro=micro))
        print(json.dumps({"seed": seed} | {k: round(v, 4) for k, v in results[-1].items()}))
    setting = {"epsilon": arguments.epsilon, "delta": "0.00001", "partners": len(tables)}
    for name in results[0]:
        values = [result[name] for result in results]
        print(
            json.dumps(
                {
                    "name": f"auc_{name}",
                    "value": round(statistics.fmean(values), 4),
                    "standard_error": round(statistics.stdev(values) / len(values) ** 0.5, 4)
                    if len(values) > 1
                    else None,
                    "unit": "auc",
                    "n": len(values),
                    "setting": setting,
                }
            )
        )


if __name__ == "__main__":
    main()
