"""What does privacy cost, and what does a federation bring, on loans of any file?

In one process, with the code that partners run: the federated model with shared and with whole
noise, the same mechanism with all rows in one place, each partner alone, and on the pooled rows
LightGBM and logistic regression without privacy and DP-EBM with another mechanism of the same
epsilon. Each seed draws a new split, new partners and new noise.

    python -m benchmarks.utility --data FILE --contract FILE --partners 5 --epsilon 1 --seeds 5

The contract's ``borrower_id`` may be a column that the file does not have: then every row is a
borrower. ``--split-by COLUMN`` gives every partner whole values of a column; otherwise rows are
dealt out, 40, 25, 20, 10 and 5 % to five. ``--test-from COLUMN=VALUE`` holds out the rows from a
value on, such as a year, in place of one borrower in five.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from benchmarks.baselines import Columns, lightgbm, logistic, private_boosting
from benchmarks.quality import quality
from model.features import row_logits
from model.formulas import with_formulas
from model.population import Borrowers, group_borrowers
from model.queries.batch import Batch
from model.simulation import SimulationTerms, simulate
from model.table import Table, read_table
from protocols.contracts.charter import largest_delta
from protocols.contracts.features import CategoricalField, FeatureContract, load_contract
from protocols.ledger.sharing import Sharing, usual_sharing

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Result = dict[str, dict[str, float]]

FEDERATED = "federated, shared noise"
RAW = "pooled LightGBM without computed fields, no privacy"
CLIP_NORM = 0.5
_HELD_PERCENT = 20
_SHARES = (40, 25, 20, 10, 5)
_LOCAL = Sharing(mode="local", shares=1, most_lenders=1)


@dataclass(frozen=True)
class Loans:
    """A file as the benchmark sees it.

    Attributes:
        table: The contract's columns; rows without outcome are left out.
        owner: For each row the value of ``--split-by``, or "" if rows are dealt out.
        is_late: For each row whether it is at or after ``--test-from``; None if that is not given.
    """

    contract: FeatureContract
    table: Table
    owner: list[str]
    is_late: Mask | None

    @property
    def delta(self) -> str:
        """The largest delta that a charter over so many borrowers may have."""
        return largest_delta(len(self.table.outcomes))


def load(data: Path, contract_file: Path, *, split_by: str | None, test_from: str | None) -> Loans:
    """Read a file by a contract."""
    contract = load_contract(contract_file)
    arrow = pyarrow.parquet.read_table(data)
    if contract.borrower_id not in arrow.column_names:
        rows = pa.array([str(row) for row in range(len(arrow))])
        arrow = arrow.append_column(contract.borrower_id, rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loans.parquet"
        pyarrow.parquet.write_table(arrow, path)
        table = read_table(path, contract)
    known = {contract.outcome.bad, contract.outcome.good}
    kept = np.flatnonzero([text in known for text in table.outcomes])
    owner = [str(x) for x in arrow.column(split_by).to_pylist()] if split_by else [""] * len(arrow)
    late = None
    if test_from:
        column, _, value = test_from.partition("=")
        late = np.array([str(x) >= value for x in arrow.column(column).to_pylist()])[kept]
    return Loans(contract, _rows(table, kept), [owner[row] for row in kept], late)


def one_seed(loans: Loans, *, partners: int, epsilon: float, seed: int, quick: bool) -> Result:
    """Return the quality of every method on one split; without the baselines if ``quick``."""
    held, parts, everybody = split(loans, partners=partners, seed=seed)
    test = everybody.holdout
    terms = terms_of(loans, partners=partners, epsilon=epsilon)

    def private(members: Sequence[Borrowers], sharing: Sharing) -> dict[str, float]:
        trained = simulate(members, loans.contract, replace(terms, sharing=sharing))
        logits = row_logits(test.cells, trained.encoding, trained.weights)
        return quality(test.outcomes, trained.link.probabilities(logits).numpy())

    result = {
        FEDERATED: private(parts, usual_sharing(partners)),
        "federated, local noise": private(parts, _LOCAL),
        "pooled, same mechanism": private([everybody], _LOCAL),
    }
    alone = [private([part], _LOCAL) for part in parts]
    result["partner alone, median"] = {
        name: statistics.median(item[name] for item in alone) for name in alone[0]
    }
    return result | ({} if quick else _baselines(loans, held, epsilon=epsilon, seed=seed))


def split(loans: Loans, *, partners: int, seed: int) -> tuple[Mask, list[Borrowers], Borrowers]:
    """Return which rows are tested on, each partner's borrowers, and everybody."""
    draw = np.random.default_rng(seed)
    held, owners = _held(loans, draw), _owners(loans, partners, draw)
    parts = [_borrowers(loans, owners == number, held) for number in range(partners)]
    return held, parts, _borrowers(loans, owners >= 0, held)


def _baselines(loans: Loans, held: Mask, *, epsilon: float, seed: int) -> Result:
    contract = loans.contract
    outcomes = np.array([float(x == contract.outcome.bad) for x in loans.table.outcomes])
    train, test = (_columns(loans, rows) for rows in (~held, held))
    said, truth = outcomes[~held], outcomes[held]
    models = {
        "pooled LightGBM, no privacy": lightgbm(contract, train, said, test, seed=seed),
        "pooled logistic regression, no privacy": logistic(contract, train, said, test),
    }
    if contract.inputs != contract.fields:
        plain = contract.model_copy(update={"fields": contract.inputs})
        own = [place for place, field in enumerate(contract.fields) if field in contract.inputs]
        rows, ask = ([columns[place] for place in own] for columns in (train, test))
        models[RAW] = lightgbm(plain, rows, said, ask, seed=seed)
    for budget in dict.fromkeys((epsilon, 4.0)):
        models[f"pooled DP-EBM, epsilon {budget:g}"] = private_boosting(
            contract, train, said, test, epsilon=budget, delta=float(loans.delta)
        )
    return {name: quality(truth, p_default) for name, p_default in models.items()}


def _held(loans: Loans, draw: np.random.Generator) -> Mask:
    """Say of each row whether it is tested on; a borrower's rows stay together."""
    if loans.is_late is not None:
        return loans.is_late
    names, borrower = np.unique(np.array(loans.table.borrower_ids, dtype=str), return_inverse=True)
    held: Mask = (draw.random(len(names)) * 100 < _HELD_PERCENT)[borrower]
    return held


def _owners(loans: Loans, partners: int, draw: np.random.Generator) -> Rows:
    """Return the partner of each row, int64 (n,)."""
    if any(loans.owner):
        return _by_value(loans.owner, partners)
    names, borrower = np.unique(np.array(loans.table.borrower_ids, dtype=str), return_inverse=True)
    shares = np.array(_SHARES if partners == len(_SHARES) else range(partners, 0, -1), dtype=float)
    edges = np.cumsum(shares / shares.sum())
    dealt = np.searchsorted(edges, draw.random(len(names)), side="right")
    return np.minimum(dealt, partners - 1)[borrower].astype(np.int64)


def _by_value(values: Sequence[str], partners: int) -> Rows:
    """Deal whole values out, the largest first, each to the partner with the fewest rows."""
    held = [0] * partners
    home = {}
    for value, count in sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])):
        home[value] = held.index(min(held))
        held[home[value]] += count
    return np.array([home[value] for value in values], dtype=np.int64)


def _borrowers(loans: Loans, own: Mask, held: Mask) -> Borrowers:
    """Return a partner's rows; what is tested on is its hold-out."""
    training, holdout, nobody = (
        _batch(loans, rows) for rows in (own & ~held, own & held, own & ~own)
    )
    return Borrowers(training, holdout, recent=nobody)


def _batch(loans: Loans, rows: Mask) -> Batch:
    table = _rows(loans.table, np.flatnonzero(rows))
    return group_borrowers(table, loans.contract, holdout_key=b"-", holdout_percent=0).training


def _rows(table: Table, rows: Rows) -> Table:
    return Table(
        borrower_ids=[table.borrower_ids[row] for row in rows],
        outcomes=[table.outcomes[row] for row in rows],
        columns={
            name: column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows]
            for name, column in table.columns.items()
        },
        not_numbers=table.not_numbers,
    )


def _columns(loans: Loans, keep: Mask) -> Columns:
    every, columns = with_formulas(loans.table.columns, loans.contract), Columns()
    for field in loans.contract.fields:
        column: Any = every[field.name]
        if isinstance(field, CategoricalField):
            column = np.array([text or "" for text in column], dtype=object)
        columns.append(column[keep])
    return columns


def options(doc: str) -> argparse.ArgumentParser:
    """Return what every benchmark on a file of loans is told."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--contract", type=Path, required=True)
    parser.add_argument("--partners", type=int, default=5)
    parser.add_argument("--epsilon", type=float, default=1.0)
    return parser


def terms_of(loans: Loans, *, partners: int, epsilon: float) -> SimulationTerms:
    """Return the privacy terms of a federation of so many partners."""
    return SimulationTerms(
        round(epsilon * 1_000_000),
        delta=loans.delta,
        clip_norm=CLIP_NORM,
        sharing=usual_sharing(partners),
    )


def main() -> None:
    """Run the seeds and print JSON lines: each method's mean, and the federated one against it."""
    parser = options(__doc__)
    parser.add_argument("--split-by", metavar="COLUMN")
    parser.add_argument("--test-from", metavar="COLUMN=VALUE")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="leave the baselines out")
    asked = parser.parse_args()
    loans = load(asked.data, asked.contract, split_by=asked.split_by, test_from=asked.test_from)
    results = []
    for seed in range(asked.seeds):
        print(f"seed {seed + 1} of {asked.seeds} ...", file=sys.stderr)
        results.append(
            one_seed(
                loans,
                partners=asked.partners,
                epsilon=asked.epsilon,
                seed=seed,
                quick=asked.quick,
            )
        )
    setting = {
        "data": asked.data.stem,
        "rows": len(loans.table.outcomes),
        "partners": asked.partners,
        "epsilon": asked.epsilon,
        "delta": loans.delta,
        "split_by": asked.split_by,
        "test_from": asked.test_from,
    }
    for method in results[0]:
        line: dict[str, object] = {"name": method}
        for measure in results[0][method]:
            values = [result[method][measure] for result in results]
            line[measure] = round(statistics.fmean(values), 4)
        ratios = [result[FEDERATED]["auc"] / result[method]["auc"] for result in results]
        line["federated_auc_over_this"] = round(statistics.fmean(ratios), 4)
        print(json.dumps(line | {"n": len(results), "setting": setting}), flush=True)


if __name__ == "__main__":
    main()
