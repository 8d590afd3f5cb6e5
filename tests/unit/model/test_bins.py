"""Bins hold enough borrowers to be believed, and as many as asked for where noise allows."""

import numpy as np
import torch

from model.bins import bin_shares, choose_bins
from model.features import Encoding
from protocols.contracts.features import GRID_CELLS
from tests.unit.model.world import make_contract

CONTRACT = make_contract(numeric=1)
NUMBER_CELLS, AMOUNT_CELLS, HOME_CELLS = (field.cell_count for field in CONTRACT.fields)


def _choose(
    number: list[float],
    *,
    home: tuple[float, ...] = (3000.0, 3400.0, 0.0, 0.0),
    noise: float = 0.1,
    target: int = 8,
) -> Encoding:
    amount = [100.0] * GRID_CELLS + [0.0]
    histogram = torch.tensor([*number, *amount, *home], dtype=torch.float64)
    encoding = choose_bins(histogram, noise=noise, contract=CONTRACT, target_bins=target)
    encoding.check(CONTRACT)
    return encoding


def test_an_even_field_is_cut_into_the_bins_asked_for() -> None:
    encoding = _choose([100.0] * GRID_CELLS + [0.0, 0.0])
    assert encoding.bins[0][:GRID_CELLS] == tuple(cell // 8 for cell in range(GRID_CELLS))


def test_bins_follow_the_mass_and_neighbours_stay_together() -> None:
    masses = [1000.0] * 4 + [40.0] * 60
    encoding = _choose([*masses, 0.0, 0.0], target=4)
    table = encoding.bins[0][:GRID_CELLS]
    assert list(table) == sorted(table)
    held = np.bincount(table, weights=masses)
    assert held.min() >= sum(masses) / 4 / 2


def test_noise_merges_bins_until_each_is_clearly_above_it() -> None:
    even = [*[100.0] * GRID_CELLS, 0.0, 0.0]
    quiet, loud = _choose(even), _choose(even, noise=400.0)
    assert loud.bin_counts[0] < quiet.bin_counts[0]
    held = np.bincount(loud.bins[0], weights=even)
    assert held.min() >= 2 * 400.0 * np.sqrt(GRID_CELLS / 8)


def test_missing_has_a_bin_of_its_own_where_it_is_common() -> None:
    encoding = _choose([*[100.0] * GRID_CELLS, 0.0, 800.0])
    table = encoding.bins[0]
    assert table.count(table[-1]) == 1


def test_rare_codes_share_a_bin_or_join_the_largest() -> None:
    together = _choose([*[100.0] * GRID_CELLS, 60.0, 60.0]).bins[0]
    assert together[-1] == together[-2] == max(together)
    assert together.count(max(together)) == 2
    alone = _choose([*[200.0] * 32, *[10.0] * 32, 0.0, 0.0]).bins[0]
    assert alone[-1] == alone[-2] != max(alone) + 1
    held = np.bincount(alone[:GRID_CELLS], weights=[200.0] * 32 + [10.0] * 32)
    assert held[alone[-1]] == held.max()


def test_levels_keep_a_weight_each_unless_they_are_rare() -> None:
    assert _choose([100.0] * GRID_CELLS + [0.0, 0.0]).bins[2][:2] == (0, 1)
    rare = _choose([100.0] * GRID_CELLS + [0.0, 0.0], home=(6000.0, 10.0, 5.0, 0.0))
    assert rare.bins[2] == (0, 0, 0, 0)


def test_a_histogram_of_nothing_but_noise_still_makes_an_encoding() -> None:
    noise = np.random.default_rng(0).normal(0, 50.0, NUMBER_CELLS + AMOUNT_CELLS + HOME_CELLS)
    for histogram in (torch.from_numpy(noise), torch.zeros(len(noise), dtype=torch.float64)):
        encoding = choose_bins(histogram, noise=50.0, contract=CONTRACT, target_bins=8)
        encoding.check(CONTRACT)


def test_bin_shares_are_those_of_the_counts_and_never_zero_whatever_the_noise() -> None:
    encoding = _choose([100.0] * GRID_CELLS + [0.0, 0.0], target=4)
    counts = torch.tensor([100.0] * GRID_CELLS + [0.0] * 2, dtype=torch.float64)
    home = torch.tensor([3000.0, 3400.0, -70.0, 0.0], dtype=torch.float64)
    shares = bin_shares(torch.cat([counts, counts[:AMOUNT_CELLS], home]), encoding)
    assert shares.shape == (encoding.width,)
    torch.testing.assert_close(shares[:5], torch.tensor([1, 0.25, 0.25, 0.25, 0.25]).double())
    drowned = bin_shares(-torch.ones(len(counts) + AMOUNT_CELLS + 4).double(), encoding)
    for part in torch.split(drowned[1:], list(encoding.bin_counts)):
        assert bool((part > 0).all())
        assert part.sum().item() == 1.0
