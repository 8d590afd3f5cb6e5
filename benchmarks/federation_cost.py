"""What does it cost that the data lie with five lenders rather than in one place?

The same private mechanism at the same epsilon, on data pooled at one trusted lender and on the same
data at five uneven lenders, in both noise modes, on the same hold-out. Each seed draws the split,
the hold-out and the noise anew. Without ``--data`` the loans are generated.

    python -m benchmarks.federation_cost --data taiwan_default.parquet \\
        --contract benchmarks/contracts/taiwan.toml --epsilon 1 --seeds 5
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet

from model.population import Borrowers, group_borrowers
from model.simulation import SimulationTerms, holdout_auc, simulate, split_unevenly
from model.table import read_table
from protocols.contracts.charter import largest_delta
from protocols.contracts.features import FeatureContract, load_contract
from protocols.ledger.sharing import DISTRIBUTED, LOCAL, Sharing, usual_sharing
from server.rehearsal import pooled_without_privacy
from tests.simulator import CONTRACT, write_loans

PARTNERS = 5
GENERATED = 30_000
MODES = {
    "distributed": usual_sharing(PARTNERS),  # one may drop out, one may collude
    "distributed_all_present": Sharing(mode=DISTRIBUTED, shares=PARTNERS - 1, most_lenders=1),
    "local": Sharing(mode=LOCAL, shares=1, most_lenders=1),
}


def one_seed(
    data: Path, contract: FeatureContract, *, seed: int, epsilon_micro: int
) -> dict[str, float]:
    """Return the AUCs of one shuffled split of the borrowers."""
    with tempfile.TemporaryDirectory() as folder:
        borrowers = group_borrowers(
            read_table(_shuffled(data, Path(folder), seed), contract),
            contract,
            holdout_key=f"federation-cost-{seed}".encode(),
            holdout_percent=20,
        )
    parts = split_unevenly(borrowers, parts=PARTNERS)

    def auc(partners: Sequence[Borrowers], sharing: Sharing | None = None) -> float:
        delta = largest_delta(borrowers.count)
        terms = SimulationTerms(epsilon_micro=epsilon_micro, delta=delta, sharing=sharing)
        return holdout_auc(simulate(partners, contract, terms), parts).value

    return {
        "pooled": auc([borrowers]),
        **{name: auc(parts, sharing) for name, sharing in MODES.items()},
        "pooled_without_privacy": pooled_without_privacy(parts).value,
    }


def main() -> None:
    """Run the seeds and print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a Parquet file of loans")
    parser.add_argument("--contract", type=Path, help="a feature contract for them")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, contract_file = arguments.data, arguments.contract
        if data is None:
            data, contract_file = Path(folder) / "loans.parquet", Path(folder) / "contract.toml"
            write_loans(data, borrowers=GENERATED, seed=0)
            contract_file.write_text(CONTRACT)
        contract = load_contract(contract_file)
        micro = round(arguments.epsilon * 1_000_000)
        results = []
        for seed in range(arguments.seeds):
            results.append(one_seed(data, contract, seed=seed, epsilon_micro=micro))
            line = {name: round(value, 4) for name, value in results[-1].items()}
            print(json.dumps({"seed": seed} | line), flush=True)
    setting = {"data": contract.name, "epsilon": arguments.epsilon, "partners": PARTNERS}
    for name in results[0]:
        lost = [result["pooled"] - result[name] for result in results]
        line = {
            "name": f"auc_{name}",
            "value": round(statistics.fmean(result[name] for result in results), 4),
            "below_pooled": round(statistics.fmean(lost), 4),
            "unit": "auc",
            "n": len(results),
            "setting": setting,
        }
        print(json.dumps(line))


def _shuffled(data: Path, folder: Path, seed: int) -> Path:
    table = pyarrow.parquet.read_table(data)
    order = np.random.default_rng(seed).permutation(len(table))
    pyarrow.parquet.write_table(table.take(order), folder / data.name)
    return folder / data.name


if __name__ == "__main__":
    main()
