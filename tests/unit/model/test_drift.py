"""Drift: an index that is zero without a shift, finds one, and is not alarmed by noise."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from model.drift import Reference, reference_of, shifts
from model.queries.evaluation import SCORE_BINS
from model.queries.stability import Stability
from model.score_table import ScoreTable
from tests.unit.model.world import exact_sum, make_batch, make_contract, make_encoding

CONTRACT = make_contract(numeric=2)
ENCODING = make_encoding(CONTRACT)
WEIGHTS = torch.linspace(-2, 2, ENCODING.width, dtype=torch.float64)
EDGES = torch.linspace(-2, 1, SCORE_BINS + 1, dtype=torch.float64)
QUESTION = Stability(ENCODING, WEIGHTS, EDGES)
SIZES = list(QUESTION.group_sizes)
# Three bins in each of four fields, then the score's.
USUAL = torch.tensor([0.5, 0.3, 0.2] * 4 + [0.1] * SCORE_BINS, dtype=torch.float64)
MOVED = torch.tensor([0.2, 0.3, 0.5] + [0.5, 0.3, 0.2] * 3 + [0.1] * SCORE_BINS).to(torch.float64)


def _reference(shares: Tensor, *, deviation: float = 0.0) -> Reference:
    return Reference(EDGES, shares, torch.full_like(shares, deviation))


def _counted(shares: Tensor, *, applicants: int, noise: float, seed: int) -> Tensor:
    random = np.random.default_rng(seed)
    parts = [random.multinomial(applicants, part.numpy()) for part in torch.split(shares, SIZES)]
    return torch.from_numpy(np.concatenate(parts) + random.normal(0, noise, QUESTION.width))


def _standard(before: Tensor, now: Tensor) -> float:
    return float(((now - before) * (now / before).log()).sum())


def test_the_index_is_the_standard_one_where_shifts_are_small() -> None:
    before = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    now = torch.tensor([0.26, 0.3, 0.44], dtype=torch.float64)
    shares = torch.cat([now, *[before] * 3, USUAL[-SCORE_BINS:]])
    reference = _reference(torch.cat([*[before] * 4, USUAL[-SCORE_BINS:]]))
    found = shifts(QUESTION, 1e9 * shares, noise=0.0, before=reference)
    assert found[0].index.value == pytest.approx(_standard(before, now), rel=0.02)
    assert found[0].index.low == pytest.approx(found[0].index.high, rel=0.01)
    assert all(shift.index.value < 1e-6 for shift in found[1:])


def test_the_official_index_of_ten_bins() -> None:
    # The project's survey of credit decisioning of 2026-11-23, d4: against ten equal bins.
    now = torch.tensor([12, 11, 10, 10, 10, 9, 10, 10, 9, 9], dtype=torch.float64) / 100
    shares = torch.cat([USUAL[:-SCORE_BINS], now])
    found = shifts(QUESTION, 1e12 * shares, noise=0.0, before=_reference(USUAL))
    assert found[-1].index.value == pytest.approx(0.0077603, abs=5e-8)


@pytest.mark.parametrize("noise", [0.0, 60.0])
def test_without_a_shift_noise_raises_no_alarm_and_a_shift_is_found(noise: float) -> None:
    """False alarms: a shift is said if the interval, of 95 %, is above 0.1 altogether."""
    tries, reference = 200, _reference(USUAL, deviation=0.004)
    alarms = held = found = 0
    truth = _standard(USUAL[:3], MOVED[:3])
    for seed in range(tries):
        still = _counted(USUAL, applicants=3_000, noise=noise, seed=seed)
        alarms += any(
            shift.index.low > 0.1
            for shift in shifts(QUESTION, still, noise=noise, before=reference)
        )
        gone = _counted(MOVED, applicants=3_000, noise=noise, seed=seed)
        first, *others = shifts(QUESTION, gone, noise=noise, before=reference)
        found += first.index.low > 0.25
        held += first.index.low <= truth <= first.index.high * 1.02
        alarms += any(shift.index.low > 0.1 for shift in others)
    assert alarms == 0
    assert held >= 0.905 * tries  # by chance alone below it once in 2,000
    assert found >= 0.9 * tries


def test_noise_alone_makes_no_index() -> None:
    """The mean over many tries of an index without a shift stays near zero."""
    values = [
        shifts(
            QUESTION,
            _counted(USUAL, applicants=2_000, noise=40.0, seed=seed),
            noise=40.0,
            before=_reference(USUAL),
        )[-1].index
        for seed in range(100)
    ]
    assert np.mean([index.value for index in values]) < 0.01
    assert all(index.low <= index.value <= index.high for index in values)


@pytest.mark.parametrize("applicants", [0, 5])
def test_where_noise_drowns_everybody_nothing_is_said(applicants: int) -> None:
    values = applicants * USUAL
    found = shifts(QUESTION, values, noise=500.0, before=_reference(USUAL))
    assert all(shift.index.low == 0.0 and shift.index.high > 1.0 for shift in found)


def test_an_almost_empty_bin_that_fills_is_a_shift_as_the_industry_counts_it() -> None:
    before, now = USUAL.clone(), USUAL.clone()
    before[:3] = torch.tensor([0.4995, 0.5, 0.0005])
    now[:3] = torch.tensor([0.455, 0.5, 0.045])
    first, *_ = shifts(QUESTION, 1e7 * now, noise=1.0, before=_reference(before))
    floored = torch.tensor([0.4995, 0.5, 0.001]), now[:3]
    assert first.index.value == pytest.approx(_standard(*floored), rel=0.02)
    assert first.index.low > 0.1


def test_a_reference_holds_shares_and_how_sure_they_are() -> None:
    batch = make_batch(CONTRACT, rows=4_000)
    counts = exact_sum(QUESTION, batch)
    shares = torch.cat([torch.ones(1), *(part / 4_000 for part in torch.split(counts, SIZES)[:-1])])
    scored = counts[-SCORE_BINS:]
    table = ScoreTable(scored / 2, scored / 2, EDGES[1:], noise=30.0, logit_noise=EDGES[1:])
    reference = reference_of(
        ENCODING,
        bin_shares=shares.to(torch.float64),
        count_noise=5.0,
        borrowers=4_000.0,
        table=table,
        edges=EDGES,
    )
    found = shifts(QUESTION, counts, noise=0.0, before=reference)
    assert all(shift.index.value == pytest.approx(0.0, abs=1e-6) for shift in found)
    cells = ENCODING.bins[0].count(0)
    share = shares[1].item()
    expected = math.sqrt(share * (1 - share) / 4_000 + cells * (5.0 / 4_000) ** 2)
    assert reference.deviations[0].item() == pytest.approx(expected)
