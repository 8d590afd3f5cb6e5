"""The link from logits to probabilities: a line in log-odds, found from few and noisy counts."""

import math

import numpy as np
import pytest
import torch

from model.link import Link, calibrated, logit_of, unclipped_log_odds
from model.queries.evaluation import SCORE_BINS
from model.score_table import ScoreTable

CLIPS = pytest.mark.parametrize("clip", [0.5, 0.6, 0.9, 1.0, 3.0])
LOGITS = torch.linspace(-30, 30, 4001, dtype=torch.float64)
CENTRES = torch.linspace(-4.5, 0.5, SCORE_BINS, dtype=torch.float64)
NO_LOGIT_NOISE = torch.zeros(SCORE_BINS, dtype=torch.float64)


@CLIPS
def test_where_training_rests_probabilities_rise_strictly_and_stay_inside(clip: float) -> None:
    p_default = torch.sigmoid(unclipped_log_odds(LOGITS, clip))
    assert bool((p_default > 0).all())
    assert bool((p_default < 1).all())
    assert bool((p_default.diff() > 0).all())


@CLIPS
def test_where_training_rests_clipped_gradients_of_good_and_bad_balance(clip: float) -> None:
    p_default, q = torch.sigmoid(unclipped_log_odds(LOGITS, clip)), torch.sigmoid(LOGITS)
    left = (1 - p_default) * q.clamp_max(clip)
    right = p_default * torch.sigmoid(-LOGITS).clamp_max(clip)
    torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-15)


def test_without_clipping_log_odds_are_the_logit() -> None:
    torch.testing.assert_close(unclipped_log_odds(LOGITS, 1.0), LOGITS)


@CLIPS
def test_logit_of_turns_probabilities_round(clip: float) -> None:
    for p_default in (1e-6, 0.03, 0.3, 0.4999, 0.5, 0.5001, 0.7, 0.999):
        logit = torch.tensor([logit_of(p_default, loss_clip=clip)], dtype=torch.float64)
        found = torch.sigmoid(unclipped_log_odds(logit, clip)).item()
        assert found == pytest.approx(p_default, rel=1e-9)


def test_a_link_is_a_line_in_log_odds() -> None:
    link = Link(intercept=-0.5, slope=0.8)
    p_default = link.probabilities(CENTRES)
    torch.testing.assert_close(torch.log(p_default / (1 - p_default)), -0.5 + 0.8 * CENTRES)


def _table(truth: Link, *, each: float, noise: float, seed: int = 0) -> ScoreTable:
    """Return ``each`` borrowers a bin, of whom as many are bad as ``truth`` says, and noise."""
    random = np.random.default_rng(seed)
    bad = each * truth.probabilities(CENTRES)
    noises = torch.from_numpy(random.normal(0, noise, (2, SCORE_BINS)))
    return ScoreTable(each - bad + noises[0], bad + noises[1], CENTRES, noise, NO_LOGIT_NOISE)


@pytest.mark.parametrize("clip", [0.5, 1.0])
@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 1.0), (0.4, 1.2), (-0.3, 0.8), (0.5, 0.7)])
def test_calibration_finds_intercept_and_slope(clip: float, intercept: float, slope: float) -> None:
    truth = Link(intercept=intercept, slope=slope)
    found = calibrated(_table(truth, each=50_000, noise=1.0), loss_clip=clip)
    assert found.intercept == pytest.approx(intercept, abs=0.02)
    assert found.slope == pytest.approx(slope, abs=0.01)


@CLIPS
def test_where_noise_drowns_the_counts_probabilities_are_where_training_rests(clip: float) -> None:
    truth = Link(intercept=1.0, slope=1.5)
    found = calibrated(_table(truth, each=10.0, noise=5_000.0), loss_clip=clip)
    rests = unclipped_log_odds(CENTRES, clip)
    assert abs((found.log_odds(CENTRES) - rests).mean().item()) < 0.2
    assert (found.log_odds(CENTRES) - rests).abs().max() < 0.6


@CLIPS
def test_one_score_for_everybody_keeps_its_probability_where_nothing_is_known(clip: float) -> None:
    """As after training that noise drowned: logits lie within a thousandth of one another."""
    logit = logit_of(0.07, loss_clip=clip)
    near = logit + torch.linspace(-5e-4, 5e-4, SCORE_BINS, dtype=torch.float64)
    nothing = torch.zeros(SCORE_BINS, dtype=torch.float64)
    link = calibrated(ScoreTable(nothing, nothing, near, 1e6, NO_LOGIT_NOISE), loss_clip=clip)
    assert link.probabilities(near).mean().item() == pytest.approx(0.07, rel=1e-3)


@pytest.mark.parametrize("numbers", [0.0, -1e7, 1e7])
def test_whatever_noise_makes_of_the_counts_the_order_of_borrowers_stays(numbers: float) -> None:
    counts = torch.full((SCORE_BINS,), numbers, dtype=torch.float64)
    link = calibrated(ScoreTable(counts, -counts, CENTRES, 3.0, NO_LOGIT_NOISE), loss_clip=0.5)
    assert math.isfinite(link.intercept)
    assert link.slope > 0
