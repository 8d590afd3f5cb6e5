"""Training finds a known scorecard in sums without noise, and asks what the plan says."""

import numpy as np
import pytest
import torch

from model.accounting import TrainingPlan
from model.descent import START_RATE
from model.link import unclipped_log_odds
from model.metrics import auc_with_interval
from model.network import design_matrix
from model.posterior import BaseRate
from model.queries.batch import Batch, Question
from model.queries.gradient import Gradient
from protocols.ledger.entry import Mechanism, PlannedQuery
from tests.unit.model.world import drive, exact_sum, make_batch, make_contract

CONTRACT = make_contract(numeric=2)


def _plan(noise: str = "0.001", *, rounds: int = 8, segments: int = 0) -> TrainingPlan:
    asked = {"histogram": 1, "gradient": rounds, "calibration": 1, "evaluation": 1}
    if segments:
        asked["segments"] = segments
    queries = tuple(PlannedQuery(Mechanism(name, noise), times) for name, times in asked.items())
    return TrainingPlan(queries=queries, spare_attempts=0, target_bins=8)


def _known_scorecard(rows: int, *, seed: int, level: float, clip: float) -> tuple[Batch, Batch]:
    """Return two batches whose outcomes follow one additive scorecard exactly."""
    drawn = make_batch(CONTRACT, rows=rows, seed=seed)
    random = np.random.default_rng(seed + 1)
    logits = level + _true_logits(drawn)
    p_default = torch.sigmoid(unclipped_log_odds(torch.from_numpy(logits), clip)).numpy()
    outcomes = (random.random(rows) < p_default).astype(np.float64)
    half = rows // 2
    order = np.arange(half, dtype=np.int64)
    return tuple(
        Batch(cells=drawn.cells[part], outcomes=outcomes[part], borrower=order)
        for part in (slice(None, half), slice(half, None))
    )  # type: ignore[return-value]  # a tuple of two, which mypy cannot count


def _true_logits(batch: Batch) -> np.ndarray:
    first, second, amount, home = batch.cells.T.astype(np.int64)
    rising = 1.2 * (np.minimum(first, 63) / 63 - 0.5)
    bent = 0.8 * (np.abs(np.minimum(second, 63) - 32) / 32 - 0.5)
    return np.asarray(rising + bent - 0.6 * (amount > 40) + 0.5 * (home == 1))


@pytest.mark.parametrize(("level", "clip"), [(-3.0, 0.5), (-1.5, 0.5), (1.5, 0.5), (-1.0, 1.0)])
def test_sums_without_noise_recover_a_known_scorecard(level: float, clip: float) -> None:
    training, holdout = _known_scorecard(60_000, seed=7, level=level, clip=clip)
    trained = drive(CONTRACT, _plan(), clip_norm=clip, training=training, holdout=holdout)
    logits = design_matrix(holdout.cells, trained.encoding) @ trained.weights
    truth = torch.from_numpy(level + _true_logits(holdout))
    outcomes = torch.from_numpy(holdout.outcomes)
    found = auc_with_interval(outcomes, logits).value
    assert found > auc_with_interval(outcomes, truth).value - 0.01
    stated = trained.link.probabilities(logits)
    assert stated.mean().item() == pytest.approx(outcomes.mean().item(), rel=0.05)
    # Calibrated in the riskiest and the safest fifth too, not only on average.
    for tail in (logits <= logits.quantile(0.2), logits >= logits.quantile(0.8)):
        assert stated[tail].mean().item() == pytest.approx(outcomes[tail].mean().item(), rel=0.15)
    assert trained.quality.auc.value == pytest.approx(found, abs=0.02)
    brier = (stated - outcomes).square().mean().item()
    assert trained.quality.brier.value == pytest.approx(brier, abs=0.005)
    assert trained.quality.calibration_error.value < 0.02


def test_it_asks_a_histogram_then_gradients_then_the_holdout() -> None:
    batch = make_batch(CONTRACT, rows=500)
    asked: list[Question] = []
    drive(CONTRACT, _plan(rounds=5), training=batch, holdout=batch, asked=asked)
    assert [question.name for question in asked] == [
        "histogram",
        *["gradient"] * 5,
        "calibration",
        "evaluation",
    ]
    assert [question.population for question in asked] == ["training"] * 7 + ["holdout"]
    first = asked[1]
    assert isinstance(first, Gradient)
    logit = first.weights[:1] * first.encoding.row_scale
    assert torch.sigmoid(unclipped_log_odds(logit, 0.5)).item() == pytest.approx(START_RATE)
    assert BaseRate(START_RATE, 0.5).logit == pytest.approx(
        first.weights[0].item() * first.encoding.row_scale
    )


def test_fields_to_report_on_are_asked_last_and_say_what_their_levels_say() -> None:
    contract = make_contract(numeric=2, segments=["home"])
    training, holdout = _known_scorecard(40_000, seed=5, level=-1.5, clip=0.5)
    asked: list[Question] = []
    plan = _plan(segments=1)
    trained = drive(contract, plan, training=training, holdout=holdout, asked=asked)
    assert [question.name for question in asked[-2:]] == ["evaluation", "segments"]
    assert [segment.level for segment in trained.segments] == ["own", "rent", "other", "missing"]
    assert sum(segment.share for segment in trained.segments) == pytest.approx(1.0)
    for level, segment in enumerate(trained.segments):
        rows = holdout.cells[:, 3] == level
        assert segment.field == "home"
        assert segment.share == pytest.approx(rows.mean(), abs=0.001)
        rate = segment.quality.bad_rate
        assert rate.value == pytest.approx(holdout.outcomes[rows].mean(), abs=0.001)
        assert segment.quality.stated == pytest.approx(rate.value, abs=0.02)
        assert segment.quality.auc.low <= trained.quality.auc.high
    # A tenant is riskier in this world.
    rates = {segment.level: segment.quality.bad_rate.value for segment in trained.segments}
    assert rates["rent"] > rates["own"] + 0.05


def test_a_run_can_be_replayed_from_its_sums() -> None:
    batch = make_batch(CONTRACT, rows=500)
    asked: list[Question] = []
    one = drive(CONTRACT, _plan(), training=batch, holdout=batch, asked=asked)
    sums = [exact_sum(question, batch) for question in asked]
    again = drive(CONTRACT, _plan(), training=batch, holdout=batch, sums=sums)
    assert torch.equal(one.weights, again.weights)
    assert one.quality == again.quality


def test_when_noise_drowns_the_sums_everybody_gets_one_score() -> None:
    training, holdout = _known_scorecard(4_000, seed=3, level=-1.5, clip=0.5)
    trained = drive(CONTRACT, _plan("1000000"), training=training, holdout=holdout)
    logits = design_matrix(holdout.cells, trained.encoding) @ trained.weights
    assert (logits.max() - logits.min()).item() < 1e-3
    assert (trained.quality.auc.low, trained.quality.auc.high) == (0.0, 1.0)


@pytest.mark.parametrize("partners_rows", [0, 1])
def test_hardly_any_borrower_is_no_reason_to_fail(partners_rows: int) -> None:
    batch = make_batch(CONTRACT, rows=partners_rows)
    trained = drive(CONTRACT, _plan("10"), training=batch, holdout=batch)
    assert bool(trained.weights.isfinite().all())
    assert bool((trained.bin_shares > 0).all())
