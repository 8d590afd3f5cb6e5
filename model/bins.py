"""Which cells share a weight: bins from the private histogram, as many as its noise allows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.features import Encoding
from protocols.contracts.features import GRID_CELLS, FeatureContract, NumericField

_CLEARLY = 2.0  # a count is believed when it is this many noise deviations above nothing
_SMALLEST_SHARE = 0.01  # a level with fewer borrowers shares a weight with other rare ones


@dataclass(frozen=True)
class CellCounts:
    """One field's noised counts.

    Attributes:
        counts: Noised number of borrowers in each cell.
        noise: Standard deviation of the noise in each.
    """

    counts: Sequence[float]
    noise: float

    @property
    def total(self) -> float:
        """Noised number of borrowers; at least 1, so that it can divide."""
        return max(1.0, sum(self.counts))


def choose_bins(
    histogram: Tensor, *, noise: float, contract: FeatureContract, target_bins: int
) -> Encoding:
    """Group cells into bins of about equal mass, none smaller than what noise could fake.

    Args:
        histogram: Noised counts of all cells of all fields, float64 (cells,).
        noise: Standard deviation of each count's noise.
        contract: The public grid.
        target_bins: Bins that a numeric field's grid is cut into at most.

    Privacy: post-processing of a private sum.
    """
    tables = []
    for field, part in zip(
        contract.fields,
        torch.split(histogram, [field.cell_count for field in contract.fields]),
        strict=True,
    ):
        cells = CellCounts(part.tolist(), noise)
        ordered = GRID_CELLS if isinstance(field, NumericField) else 0
        tables.append(_field_bins(cells, ordered=ordered, target_bins=target_bins))
    return Encoding(tuple(tables))


def bin_shares(histogram: Tensor, encoding: Encoding) -> Tensor:
    """Return the share of borrowers in each bin and 1 for the intercept, float64 (width,).

    All are above zero and add up to 1 in every field, whatever the noise did to the counts.

    Privacy: post-processing of a private sum.
    """
    shares = [torch.ones(1, dtype=torch.float64)]
    parts = torch.split(histogram, [len(table) for table in encoding.bins])
    for part, table, count in zip(parts, encoding.bins, encoding.bin_counts, strict=True):
        mass = torch.zeros(count, dtype=torch.float64)
        mass = mass.index_add_(0, torch.tensor(table), part).clamp_min(0.0) + 1e-9
        shares.append(mass / mass.sum())
    return torch.cat(shares)


def _field_bins(cells: CellCounts, *, ordered: int, target_bins: int) -> tuple[int, ...]:
    """Return each cell's bin: neighbours merged among the first ``ordered``, levels after."""
    bins: list[int | None] = list(_cut(cells, ordered, target_bins))
    used = max((number + 1 for number in bins if number is not None), default=0)
    believable = max(_CLEARLY * cells.noise, _SMALLEST_SHARE * cells.total)
    for count in cells.counts[ordered:]:
        own = count >= believable
        bins.append(used if own else None)
        used += own
    return _place_rare(bins, cells, believable)


def _cut(cells: CellCounts, ordered: int, target_bins: int) -> list[int]:
    """Walk along the grid and close a bin whenever it holds enough and enough is left."""
    wide = math.sqrt(GRID_CELLS / target_bins)  # noise of a whole bin, in noise of a cell
    least = max(_CLEARLY * cells.noise * wide, cells.total / target_bins / 2)
    enough = max(cells.total / target_bins, least)
    bins, current, held = [], 0, 0.0
    left = sum(cells.counts[:ordered])
    for count in cells.counts[:ordered]:
        bins.append(current)
        held, left = held + count, left - count
        if held >= enough and left >= least:
            current, held = current + 1, 0.0
    return bins


def _place_rare(bins: list[int | None], cells: CellCounts, believable: float) -> tuple[int, ...]:
    """Give the rare levels a bin together, or the largest bin if even together they are rare."""
    mass: dict[int, float] = {}
    for number, count in zip(bins, cells.counts, strict=True):
        if number is not None:
            mass[number] = mass.get(number, 0.0) + count
    rare = [count for number, count in zip(bins, cells.counts, strict=True) if number is None]
    together = sum(rare) >= believable * math.sqrt(max(1, len(rare)))
    home = len(mass) if together or not mass else max(mass, key=lambda number: mass[number])
    return tuple(home if number is None else number for number in bins)
