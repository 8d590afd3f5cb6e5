"""Laws of the projection on declared directions, and zero violations in whatever is trained."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from model.features import row_logits
from model.population import Borrowers
from model.queries.batch import Batch
from model.shape import contradicted, in_declared_order
from model.simulation import SimulationTerms, simulate
from protocols.contracts.features import GRID_CELLS, FeatureContract
from tests.unit.model.world import make_batch, make_contract, make_encoding

PLAIN = make_contract(numeric=3)
DIRECTIONS = ("rising", "falling", "none", "rising")


def directed(directions: tuple[str, ...] = DIRECTIONS) -> FeatureContract:
    """Return the generated contract with directions in its numeric fields."""
    fields = [
        field.model_copy(update={"direction": direction})
        for field, direction in itertools.zip_longest(PLAIN.fields, directions, fillvalue="none")
    ]
    return PLAIN.model_copy(update={"fields": tuple(fields)})


CONTRACT = directed()
ENCODING = make_encoding(CONTRACT)
BOUNDS = st.floats(-5, 5, allow_nan=False, width=64)
WEIGHTS = st.lists(BOUNDS, min_size=ENCODING.width, max_size=ENCODING.width)
SHARES = st.lists(st.floats(0.01, 1), min_size=ENCODING.width, max_size=ENCODING.width)


def _tensor(numbers: list[float]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def _project(weights: Tensor, shares: Tensor) -> Tensor:
    return in_declared_order(weights, contract=CONTRACT, encoding=ENCODING, shares=shares)


@settings(max_examples=300, deadline=None)
@given(WEIGHTS, SHARES)
def test_what_is_projected_contradicts_nothing_and_stays_where_it_is(
    numbers: list[float], masses: list[float]
) -> None:
    weights, shares = _tensor(numbers), _tensor(masses)
    projected = _project(weights, shares)
    assert contradicted(projected, contract=CONTRACT, encoding=ENCODING) == []
    torch.testing.assert_close(_project(projected, shares), projected)
    if not contradicted(weights, contract=CONTRACT, encoding=ENCODING):
        torch.testing.assert_close(projected, weights)
    for place, field in zip(ENCODING.offsets, CONTRACT.fields, strict=True):
        block = slice(place, place + 3)
        mass = shares[block]
        if field.direction == "none":
            assert torch.equal(projected[block], weights[block])
        else:  # all three bins are of the grid
            torch.testing.assert_close(mass @ projected[block], mass @ weights[block])


@settings(max_examples=200, deadline=None)
@given(WEIGHTS, SHARES, st.lists(BOUNDS, min_size=3, max_size=3))
def test_nothing_in_order_is_nearer(
    numbers: list[float], masses: list[float], others: list[float]
) -> None:
    weights, shares = _tensor(numbers), _tensor(masses)
    block = slice(ENCODING.offsets[0], ENCODING.offsets[0] + 3)  # a rising field
    found, other = _project(weights, shares)[block], _tensor(sorted(others))

    def far(candidate: Tensor) -> float:
        return float(shares[block] @ (candidate - weights[block]).square())

    assert far(found) <= far(other) + 1e-9


@pytest.mark.parametrize("epsilon_micro", [10_000, 100_000, 1_000_000, 50_000_000])
@pytest.mark.parametrize("seed", range(5))
def test_no_trained_scorecard_contradicts_a_direction(epsilon_micro: int, seed: int) -> None:
    """Outcomes here go against the directions, or nowhere: whatever is learned is put in order."""
    training = make_batch(CONTRACT, rows=2_000, seed=seed)
    outcomes = (training.cells[:, 0] < GRID_CELLS / 2) ^ (training.cells[:, 1] < 20)
    training = Batch(training.cells, outcomes.astype(np.float64), training.borrower)
    holdout, nobody = (make_batch(CONTRACT, rows=rows, seed=seed) for rows in (200, 0))
    partners = [Borrowers(training=training, holdout=holdout, recent=nobody)]
    trained = simulate(partners, CONTRACT, SimulationTerms(epsilon_micro))
    assert contradicted(trained.weights, contract=CONTRACT, encoding=trained.encoding) == []
    for place, field in enumerate(CONTRACT.fields):
        if field.direction == "none":
            continue
        cells = np.zeros((GRID_CELLS, len(CONTRACT.fields)), dtype=np.uint16)
        cells[:, place] = np.arange(GRID_CELLS)  # every value that the field can have, in its order
        steps = np.diff(row_logits(cells, trained.encoding, trained.weights).numpy())
        assert ((steps if field.direction == "rising" else -steps) >= -1e-12).all()
