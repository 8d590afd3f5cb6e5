"""What a lender could use instead: on all rows pooled, without privacy or with another's."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from protocols.contracts.features import CategoricalField, FeatureContract, NumericField

Vector = npt.NDArray[np.float64]
Columns = list[npt.NDArray[Any]]  # one a field: float64 with NaN, or text with "" for missing

_LIGHTGBM = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 2,
    "deterministic": True,
    "verbose": -1,
}
_TREES = (100, 200, 400, 800)
_FOLD = 5


def lightgbm(
    contract: FeatureContract, train: Columns, outcomes: Vector, test: Columns, *, seed: int
) -> Vector:
    """Return gradient-boosted trees' probabilities, no privacy; trees as many as a fold wants."""
    import lightgbm as lgb

    rows, ask = _coded(contract, train), _coded(contract, test)
    levels = [n for n, x in enumerate(contract.fields) if isinstance(x, CategoricalField)]
    fold = np.random.default_rng(seed).integers(_FOLD, size=len(outcomes))
    options = _LIGHTGBM | {"seed": seed}

    def fit(keep: npt.NDArray[np.bool_], trees: int) -> Any:
        data = lgb.Dataset(rows[keep], outcomes[keep], categorical_feature=levels)
        return lgb.train(options, data, trees)

    held = fold == 0
    tried = fit(~held, max(_TREES))
    losses = [
        _log_loss(outcomes[held], tried.predict(rows[held], num_iteration=trees))
        for trees in _TREES
    ]
    best = _TREES[int(np.argmin(losses))]
    return np.asarray(fit(np.ones(len(held), dtype=bool), best).predict(ask), dtype=np.float64)


def logistic(contract: FeatureContract, train: Columns, outcomes: Vector, test: Columns) -> Vector:
    """Return logistic regression's probabilities, no privacy: levels as ones, numbers scaled."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows, scaler = _plain(contract, train, train), StandardScaler()
    model = LogisticRegression(max_iter=2_000).fit(scaler.fit_transform(rows), outcomes)
    asked = scaler.transform(_plain(contract, train, test))
    return np.asarray(model.predict_proba(asked)[:, 1], dtype=np.float64)


def private_boosting(
    contract: FeatureContract,
    train: Columns,
    outcomes: Vector,
    test: Columns,
    *,
    epsilon: float,
    delta: float,
) -> Vector:
    """Return DP-EBM's probabilities (``interpret``), trained centrally on the pooled rows.

    It gets the contract's public bounds, so that it need not pay for them nor read them.
    """
    from interpret.privacy import DPExplainableBoostingClassifier

    kinds = [
        "nominal" if isinstance(x, CategoricalField) else "continuous" for x in contract.fields
    ]
    bounds = {
        number: _bounds(field)
        for number, field in enumerate(contract.fields)
        if not isinstance(field, CategoricalField)
    }
    model = DPExplainableBoostingClassifier(
        feature_types=kinds,
        epsilon=epsilon,
        delta=delta,
        privacy_bounds=bounds,
        random_state=None,  # the operating system's
        n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(_mixed(contract, train), outcomes.astype(int))
        return np.asarray(model.predict_proba(_mixed(contract, test))[:, 1], dtype=np.float64)


def _log_loss(outcomes: Vector, p_default: Vector) -> float:
    p = np.clip(p_default, 1e-9, 1 - 1e-9)
    return float(-np.mean(outcomes * np.log(p) + (1 - outcomes) * np.log(1 - p)))


def _coded(contract: FeatureContract, columns: Columns) -> Vector:
    """Levels as their number in the contract's list, unlisted ones as one more."""
    coded = []
    for field, column in zip(contract.fields, columns, strict=True):
        if isinstance(field, CategoricalField):
            places = {level: float(n) for n, level in enumerate(field.levels)} | {"": np.nan}
            coded.append(np.array([places.get(x, float(len(field.levels))) for x in column]))
        else:
            coded.append(column)
    return np.stack(coded, axis=1)


def _plain(contract: FeatureContract, known: Columns, columns: Columns) -> Vector:
    """Levels as ones; numbers, those missing at the median of what is ``known``, and a flag."""
    parts: list[Vector] = []
    for field, seen, column in zip(contract.fields, known, columns, strict=True):
        if isinstance(field, CategoricalField):
            parts += [(column == level).astype(float) for level in field.levels]
        else:
            low, high = float(field.low), float(field.high)
            missing = np.isnan(column) | np.isin(column, [float(x.code) for x in field.special])
            usual = np.nanmedian(seen)
            parts += [np.where(missing, usual, np.clip(column, low, high)), missing.astype(float)]
    return np.stack(parts, axis=1)


def _bounds(field: NumericField) -> tuple[float, float]:
    """The public bounds, with special codes inside of them."""
    codes = [float(special.code) for special in field.special]
    return min([float(field.low), *codes]), max([float(field.high), *codes])


def _mixed(contract: FeatureContract, columns: Sequence[npt.NDArray[Any]]) -> Any:
    """A table of numbers and texts; values beyond the public bounds count as the bound."""
    import pandas as pd

    table = {}
    for field, column in zip(contract.fields, columns, strict=True):
        if isinstance(field, CategoricalField):
            table[field.name] = np.where(column == "", "missing", column)
        else:
            low, high = _bounds(field)
            table[field.name] = np.nan_to_num(np.clip(column, low, high), nan=low)
    return pd.DataFrame(table)
