"""The link from logits to probabilities: what clipping did is undone, and it is calibrated."""

import math

import numpy as np
import pytest
import torch

from model.link import Link, calibrated, logit_of
from model.queries.evaluation import SCORE_BINS
from model.score_table import ScoreTable

CLIPS = pytest.mark.parametrize("clip", [0.5, 0.6, 0.9, 1.0, 3.0])
LOGITS = torch.linspace(-30, 30, 4001, dtype=torch.float64)
CENTRES = torch.linspace(-4.5, 0.5, SCORE_BINS, dtype=torch.float64)
NO_LOGIT_NOISE = torch.zeros(SCORE_BINS, dtype=torch.float64)


@CLIPS
def test_probabilities_rise_strictly_and_stay_inside(clip: float) -> None:
    p_default = Link(clip).probabilities(LOGITS)
    assert bool((p_default > 0).all())
    assert bool((p_default < 1).all())
    assert bool((p_default.diff() > 0).all())


@CLIPS
def test_at_its_probability_clipped_gradients_of_good_and_bad_balance(clip: float) -> None:
    p_default, q = Link(clip).probabilities(LOGITS), torch.sigmoid(LOGITS)
    left = (1 - p_default) * q.clamp_max(clip)
    right = p_default * torch.sigmoid(-LOGITS).clamp_max(clip)
    torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-15)


def test_without_clipping_the_probability_is_the_logistic() -> None:
    torch.testing.assert_close(Link(1.0).probabilities(LOGITS), torch.sigmoid(LOGITS))


@CLIPS
def test_logit_of_turns_probabilities_round(clip: float) -> None:
    for p_default in (1e-6, 0.03, 0.3, 0.4999, 0.5, 0.5001, 0.7, 0.999):
        logit = torch.tensor([logit_of(p_default, loss_clip=clip)], dtype=torch.float64)
        assert Link(clip).probabilities(logit).item() == pytest.approx(p_default, rel=1e-9)


def _table(truth: Link, *, each: float, noise: float, seed: int = 0) -> ScoreTable:
    """Return ``each`` borrowers a bin, of whom as many are bad as ``truth`` says, and noise."""
    random = np.random.default_rng(seed)
    bad = each * truth.probabilities(CENTRES)
    noises = torch.from_numpy(random.normal(0, noise, (2, SCORE_BINS)))
    return ScoreTable(each - bad + noises[0], bad + noises[1], CENTRES, noise, NO_LOGIT_NOISE)


@pytest.mark.parametrize("clip", [0.5, 1.0])
@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 1.0), (0.4, 1.2), (-0.3, 0.8), (0.5, 0.7)])
def test_calibration_finds_intercept_and_slope(clip: float, intercept: float, slope: float) -> None:
    truth = Link(clip, intercept=intercept, slope=slope)
    found = calibrated(_table(truth, each=50_000, noise=1.0), loss_clip=clip)
    assert found.loss_clip == clip
    assert found.intercept == pytest.approx(intercept, abs=0.02)
    assert found.slope == pytest.approx(slope, abs=0.01)


def test_where_noise_drowns_the_counts_nothing_is_calibrated() -> None:
    truth = Link(0.5, intercept=1.0, slope=1.5)
    found = calibrated(_table(truth, each=10.0, noise=5_000.0), loss_clip=0.5)
    assert abs(found.intercept) < 0.1
    assert abs(math.log(found.slope)) < 0.1


@pytest.mark.parametrize("numbers", [0.0, -1e7, 1e7])
def test_whatever_noise_makes_of_the_counts_the_order_of_borrowers_stays(numbers: float) -> None:
    counts = torch.full((SCORE_BINS,), numbers, dtype=torch.float64)
    link = calibrated(ScoreTable(counts, -counts, CENTRES, 3.0, NO_LOGIT_NOISE), loss_clip=0.5)
    inside = torch.linspace(-8, 8, 1001, dtype=torch.float64)
    assert bool((link.probabilities(inside).diff() > 0).all())


def test_a_calibrated_link_is_near_its_line_for_safe_borrowers() -> None:
    link = Link(0.5, intercept=0.3, slope=1.1)
    safe = torch.linspace(-12, -6, 50, dtype=torch.float64)
    torch.testing.assert_close(link.log_odds(safe), link.safe_log_odds(safe), atol=0.005, rtol=0)
