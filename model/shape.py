"""Declared directions: a worse value never scores better, held by projection at every step.

The contract says of a field that risk rises or falls with it. Weights of its ordered bins are put
in that order by the nearest ones that are, weighted by the bins' shares of borrowers. Missing,
special codes and levels have no order. It reads nothing but noised sums and public facts.
"""

import numpy as np
from scipy.optimize import isotonic_regression
from torch import Tensor, from_numpy

from model.features import Encoding
from protocols.contracts.features import (
    GRID_CELLS,
    CategoricalField,
    FeatureContract,
    FeatureField,
)


def ordered_bins(field: FeatureField, table: tuple[int, ...]) -> int:
    """Return how many of a field's first bins are intervals of its grid, in their order."""
    return 0 if isinstance(field, CategoricalField) else max(table[:GRID_CELLS]) + 1


def in_declared_order(
    weights: Tensor, *, contract: FeatureContract, encoding: Encoding, shares: Tensor
) -> Tensor:
    """Return the weights nearest to ``weights`` that contradict no declared direction.

    Args:
        weights: float64 (encoding.width,).
        contract: Says which fields have a direction.
        encoding: Bin of each cell.
        shares: Share of borrowers in each bin, above zero, float64 (encoding.width,).

    Returns:
        float64 (encoding.width,). A field's mean over borrowers in its ordered bins stays.

    Privacy: post-processing.
    Source: Barlow and Brunk (1972), "The isotonic regression problem and its dual".
    """
    projected = weights.numpy().copy()
    mass = shares.numpy()
    for field, place, count in _directed(contract, encoding):
        block = slice(place, place + count)
        projected[block] = isotonic_regression(
            projected[block], weights=mass[block], increasing=field.direction == "rising"
        ).x
    return from_numpy(projected)


def contradicted(weights: Tensor, *, contract: FeatureContract, encoding: Encoding) -> list[str]:
    """Return the names of the fields whose declared direction some pair of bins contradicts."""
    return [
        field.name
        for field, place, count in _directed(contract, encoding)
        if (_signed(field) * np.diff(weights.numpy()[place : place + count]) < 0).any()
    ]


def _directed(contract: FeatureContract, encoding: Encoding) -> list[tuple[FeatureField, int, int]]:
    """Return each field with a direction, where its weights begin, and how many are ordered."""
    return [
        (field, place, ordered_bins(field, table))
        for field, table, place in zip(
            contract.fields, encoding.bins, encoding.offsets, strict=True
        )
        if field.direction != "none"
    ]


def _signed(field: FeatureField) -> int:
    return 1 if field.direction == "rising" else -1
