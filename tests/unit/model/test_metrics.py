"""AUC and bad rate from score bins, and intervals that hold what they promise."""

import numpy as np
import pytest
import torch

from model.link import Link
from model.metrics import Estimate, Quality, auc_with_interval, measured
from model.queries.evaluation import SCORE_BINS
from model.score_table import ScoreTable


def _measured(counts: torch.Tensor, *, noise: float, logits: torch.Tensor | None = None) -> Quality:
    """Measure a table of counts, all bins at a probability of a half if nothing else is said."""
    good, bad = torch.split(counts, len(counts) // 2)
    nothing = torch.zeros(len(good), dtype=torch.float64)
    centres = nothing if logits is None else logits
    return measured(ScoreTable(good, bad, centres, noise, nothing), Link())


def _counts(seed: int, *, goods: int, bads: int, noise: float) -> torch.Tensor:
    """Return noised score bins of normal scores one deviation apart: AUC 0.7602."""
    random = np.random.default_rng(seed)
    edges = np.quantile(random.normal(0.2, 1.0, 10_000), np.arange(1, SCORE_BINS) / SCORE_BINS)
    scores = random.normal(0, 1, goods), random.normal(1, 1, bads)
    bins = [np.bincount(np.searchsorted(edges, s), minlength=SCORE_BINS) for s in scores]
    return torch.from_numpy(np.concatenate(bins) + random.normal(0, noise, 2 * SCORE_BINS))


def test_the_exact_auc_counts_pairs_and_halves_ties() -> None:
    outcomes = torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    for scores, auc in (
        ([1.0, 2.0, 3.0, 4.0], 1.0),
        ([3.0, 4.0, 1.0, 2.0], 0.0),
        ([1.0, 1.0, 1.0, 1.0], 0.5),
        ([1.0, 3.0, 2.0, 3.0], 0.625),
    ):
        assert auc_with_interval(outcomes, torch.tensor(scores)).value == auc


def test_bins_of_one_score_each_give_the_exact_auc() -> None:
    counts = torch.tensor([40.0, 30.0, 20.0, 10.0, 1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    outcomes = torch.tensor([0.0] * 100 + [1.0] * 10, dtype=torch.float64)
    scores = torch.repeat_interleave(torch.arange(4.0).repeat(2), counts.to(torch.int64))
    expected = auc_with_interval(outcomes, scores)
    quality = _measured(counts, noise=0.0)
    assert quality.auc.value == pytest.approx(expected.value)
    assert quality.auc.low == pytest.approx(expected.low)
    assert quality.bad_rate.value == pytest.approx(10 / 110)


@pytest.mark.parametrize("noise", [0.0, 8.0])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(noise: float) -> None:
    qualities = [_measured(_counts(s, goods=900, bads=150, noise=noise), noise=noise)
                 for s in range(300)]  # fmt: skip
    covers = np.mean([q.auc.low <= 0.7602 <= q.auc.high for q in qualities])
    rates = np.mean([q.bad_rate.low <= 150 / 1050 <= q.bad_rate.high for q in qualities])
    # Fixed seeds; by chance alone 300 tries at 95 % stay above 90.5 % but once in 2,000.
    assert covers >= 0.905
    assert rates >= 0.905


def test_noise_widens_the_interval() -> None:
    counts = _counts(0, goods=900, bads=150, noise=0.0)
    quiet, loud = (_measured(counts, noise=noise).auc for noise in (0.0, 10.0))
    assert loud.high - loud.low > 1.2 * (quiet.high - quiet.low)


@pytest.mark.parametrize("counts", [[0.0] * 20, [100.0] * 10 + [0.5] * 10, [-9.0] * 20])
def test_where_noise_drowns_a_class_nothing_is_claimed(counts: list[float]) -> None:
    quality = _measured(torch.tensor(counts, dtype=torch.float64), noise=5.0)
    assert quality.auc == Estimate(0.5, 0.0, 1.0)


def test_a_bad_rate_is_unknown_only_where_noise_drowns_everybody() -> None:
    drowned = _measured(torch.zeros(20, dtype=torch.float64), noise=5.0).bad_rate
    assert drowned == Estimate(0.5, 0.0, 1.0)
    few_bad = torch.tensor([100.0] * 10 + [0.5] * 10, dtype=torch.float64)
    known = _measured(few_bad, noise=5.0).bad_rate
    assert known.low <= 0.005 <= known.high < 0.1


def test_estimates_stay_between_zero_and_one() -> None:
    sure = torch.tensor([50.0, *[0.0] * 18, 50.0], dtype=torch.float64)
    auc = _measured(sure, noise=0.1).auc
    assert 0.0 <= auc.low <= auc.value <= auc.high == 1.0


@pytest.mark.parametrize("noise", [0.0, 8.0])
def test_the_ks_interval_holds_the_truth_at_least_as_often_as_it_says(noise: float) -> None:
    # At the edges that _counts cuts at, which lie about a tenth of the good apart.
    many = _counts(0, goods=2_000_000, bads=2_000_000, noise=0.0)
    sure = _measured(many, noise=0.0).ks.value
    assert sure == pytest.approx(0.383, abs=0.01)
    found = [_measured(_counts(s, goods=900, bads=150, noise=noise), noise=noise).ks
             for s in range(300)]  # fmt: skip
    # As above: once in 2,000 by chance. The edges differ a little from try to try.
    assert np.mean([ks.low <= sure <= ks.high for ks in found]) >= 0.905
    assert all(ks.low <= ks.value <= ks.high for ks in found)


def test_bands_share_everybody_and_each_has_its_bad_rate() -> None:
    good, bad = [40.0, 30.0, 20.0, 10.0], [1.0, 2.0, 3.0, 4.0]
    bands = _measured(torch.tensor(good + bad, dtype=torch.float64), noise=0.5).bands
    assert [band.share for band in bands] == pytest.approx([41 / 110, 32 / 110, 23 / 110, 14 / 110])
    assert [band.bad_rate.value for band in bands] == pytest.approx(
        [1 / 41, 2 / 32, 3 / 23, 4 / 14]
    )
    assert all(x.bad_rate.low <= x.bad_rate.value <= x.bad_rate.high for x in bands)
    drowned = _measured(torch.zeros(20, dtype=torch.float64), noise=5.0)
    assert drowned.ks == drowned.bands[0].bad_rate == Estimate(0.5, 0.0, 1.0)


LOGITS = torch.linspace(-3, 1, SCORE_BINS, dtype=torch.float64)


def _outcomes(seed: int, *, each: int, noise: float, truth: torch.Tensor) -> torch.Tensor:
    """Return noised counts of ``each`` borrowers in every bin, bad with probability ``truth``."""
    random = np.random.default_rng(seed)
    bad = random.binomial(each, truth.numpy())
    return torch.from_numpy(
        np.concatenate([each - bad, bad]) + random.normal(0, noise, 2 * SCORE_BINS)
    )


@pytest.mark.parametrize("noise", [0.0, 8.0])
@pytest.mark.parametrize("off", [0.0, 0.1])
def test_brier_and_calibration_error_are_inside_of_their_intervals(
    noise: float, off: float
) -> None:
    stated = torch.sigmoid(LOGITS)
    truth = stated + off * (1 - 2 * stated)
    brier = (truth * (1 - stated) ** 2 + (1 - truth) * stated**2).mean().item()
    error = (truth - stated).abs().mean().item()
    found = [
        _measured(_outcomes(s, each=200, noise=noise, truth=truth), noise=noise, logits=LOGITS)
        for s in range(300)
    ]
    # As above: once in 2,000 by chance.
    assert np.mean([q.brier.low <= brier <= q.brier.high for q in found]) >= 0.905
    errors = [q.calibration_error for q in found]
    assert np.mean([each.low <= error <= each.high for each in errors]) >= 0.905
    # Chance alone would make of no error one of 0.027 here, and of noise 8 one of 0.040.
    assert np.mean([each.value for each in errors]) == pytest.approx(error, abs=0.02)


def test_a_model_that_is_always_right_has_no_error_to_speak_of() -> None:
    sure = torch.tensor([50.0] * 5 + [0.0] * 10 + [50.0] * 5, dtype=torch.float64)
    logits = torch.tensor([-30.0] * 5 + [30.0] * 5, dtype=torch.float64)
    quality = _measured(sure, noise=0.01, logits=logits)
    assert quality.brier.value == pytest.approx(0.0, abs=1e-9)
    assert quality.calibration_error.high < 0.01
