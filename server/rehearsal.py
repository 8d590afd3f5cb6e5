"""What a federation would bring: the private model against each lender alone and no privacy.

The comparison looks at everybody's raw rows, so it belongs to rehearsals and demos: no party of a
federation sees it, and no budget pays for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from model.metrics import Estimate, auc_with_interval
from model.population import Borrowers, group_borrowers
from model.queries.batch import Batch
from model.simulation import Additive, SimulationTerms, holdout_auc, simulate, split_unevenly
from model.table import read_table
from protocols.contracts.features import FeatureContract, load_contract
from protocols.errors import ConfigError, DataError

NO_PARTY_SEES_THIS = "no party sees this"
HOLDOUT_PERCENT = 20

_LIGHTGBM = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 8,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}
_LIGHTGBM_TREES = 200

Comparison = dict[str, object]


def rehearse(data: Path, contract_file: Path, *, partners: int, epsilon_micro: int) -> Comparison:
    """Cut one file into uneven parts and train on them as a federation would.

    Raises:
        ContractError: The contract or the file does not fit.
        DataError: There are too few borrowers, or only one outcome among those held out.
    """
    contract = load_contract(contract_file)
    borrowers = group_borrowers(
        read_table(data, contract),
        contract,
        holdout_key=b"fedscore rehearsal",  # no secret: everything here stays with one lender
        holdout_percent=HOLDOUT_PERCENT,
    )
    parts = split_unevenly(borrowers, parts=partners)
    if not all(part.count for part in parts) or len(set(borrowers.holdout.outcomes)) < 2:
        raise DataError(f"{data.name}: too few borrowers to cut into {partners} parts and judge by")
    terms = SimulationTerms(epsilon_micro=epsilon_micro)
    named = {f"part-{number}": part for number, part in enumerate(parts, start=1)}
    trained = simulate(parts, contract, terms)
    return compare(trained, named, contract, terms)


def compare(
    model: Additive,
    partners: Mapping[str, Borrowers],
    contract: FeatureContract,
    terms: SimulationTerms,
) -> Comparison:
    """Return AUCs on the pooled hold-out: the federation's, each partner's alone, no privacy's."""
    everybody = list(partners.values())
    alone = {
        name: holdout_auc(simulate([part], contract, terms), everybody)
        for name, part in partners.items()
    }
    return {
        "label": NO_PARTY_SEES_THIS,
        "epsilon_micro": terms.epsilon_micro,
        "borrowers": {name: part.count for name, part in partners.items()},
        "federated": asdict(holdout_auc(model, everybody)),
        "alone": {name: asdict(estimate) for name, estimate in alone.items()},
        "pooled_without_privacy": asdict(pooled_without_privacy(everybody)),
    }


def rehearsal_text(result: Comparison) -> str:
    """Return the comparison as a table for people."""
    alone = result["alone"]
    assert isinstance(alone, dict)
    rows = [
        ("federated, private", result["federated"]),
        *((f"{name} alone, private", estimate) for name, estimate in alone.items()),
        ("all data pooled, LightGBM, no privacy", result["pooled_without_privacy"]),
    ]
    lines = [f"AUC on everybody's hold-out ({NO_PARTY_SEES_THIS})", ""]
    return "\n".join(lines + [_row(name, estimate) for name, estimate in rows])


def pooled_without_privacy(partners: Sequence[Borrowers]) -> Estimate:
    """Return what LightGBM reaches on everybody's rows without any privacy.

    Raises:
        ConfigError: LightGBM is not installed.
    """
    try:
        import lightgbm  # here: only rehearsals and demos need it
    except ModuleNotFoundError as err:
        raise ConfigError(
            'lightgbm is missing: pip install --constraint constraints.txt --editable ".[demo]"'
        ) from err
    training = [partner.training for partner in partners]
    holdout = [partner.holdout for partner in partners]
    data = lightgbm.Dataset(_cells(training), _outcomes(training))
    model = lightgbm.train(_LIGHTGBM, data, _LIGHTGBM_TREES)
    scores = np.asarray(model.predict(_cells(holdout)), dtype=np.float64)
    return auc_with_interval(torch.from_numpy(_outcomes(holdout)), torch.from_numpy(scores))


def _row(name: str, estimate: object) -> str:
    assert isinstance(estimate, dict)
    bar = "#" * max(0, round(100 * (estimate["value"] - 0.5)))
    interval = f"{estimate['low']:.3f} to {estimate['high']:.3f}"
    return f"  {name:40} {estimate['value']:.3f}  ({interval})  {bar}"


def _cells(batches: Sequence[Batch]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.concatenate([batch.cells for batch in batches]).astype(np.float64)


def _outcomes(batches: Sequence[Batch]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.concatenate([batch.outcomes for batch in batches])
