"""Points, exact contributions, and the link from logits to probabilities of default."""

import math

import pytest
import torch

from model.features import Column, cells_of
from model.network import design_matrix
from model.scorecard import Scorecard, logit_of, probabilities
from protocols.contracts.release import Scaling
from tests.unit.model.world import make_batch, make_contract, make_encoding

CONTRACT = make_contract()
ENCODING = make_encoding(CONTRACT)
WEIGHTS = torch.tensor([-5.0, 1, -1, 2, 0, 0.5, -0.5, 1, 2, 3], dtype=torch.float64)
SHARES = torch.tensor([1, 0.5, 0.3, 0.2, 0.1, 0.1, 0.8, 0.2, 0.4, 0.4], dtype=torch.float64)
PEOPLE: dict[str, Column] = {
    "number_0": [0.0, 30.0, 64.0, None],
    "amount": [-1000.0, 0.0, 1000.0, math.nan],
    "home": ["own", "rent", None, "boat"],
}


def _scorecard(clip: float = 0.5) -> Scorecard:
    return Scorecard(
        contract=CONTRACT,
        encoding=ENCODING,
        weights=WEIGHTS,
        bin_shares=SHARES,
        loss_clip=clip,
        scaling=Scaling(base_points=600, base_odds=50, points_to_double=20),
    )


CLIPS = pytest.mark.parametrize("clip", [0.5, 0.6, 0.9, 1.0, 3.0])
LOGITS = torch.linspace(-30, 30, 4001, dtype=torch.float64)


@CLIPS
def test_probabilities_rise_strictly_and_stay_inside(clip: float) -> None:
    p_default = probabilities(LOGITS, loss_clip=clip)
    assert bool((p_default > 0).all())
    assert bool((p_default < 1).all())
    assert bool((p_default.diff() > 0).all())


@CLIPS
def test_at_its_probability_clipped_gradients_of_good_and_bad_balance(clip: float) -> None:
    p_default, q = probabilities(LOGITS, loss_clip=clip), torch.sigmoid(LOGITS)
    left = (1 - p_default) * q.clamp_max(clip)
    right = p_default * torch.sigmoid(-LOGITS).clamp_max(clip)
    torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-15)


def test_without_clipping_the_probability_is_the_logistic() -> None:
    torch.testing.assert_close(probabilities(LOGITS, loss_clip=1.0), torch.sigmoid(LOGITS))


@CLIPS
def test_logit_of_turns_probabilities_round(clip: float) -> None:
    for p_default in (1e-6, 0.03, 0.3, 0.4999, 0.5, 0.5001, 0.7, 0.999):
        logit = torch.tensor([logit_of(p_default, loss_clip=clip)], dtype=torch.float64)
        assert probabilities(logit, loss_clip=clip).item() == pytest.approx(p_default, rel=1e-9)


def test_logits_are_the_networks() -> None:
    cells = make_batch(CONTRACT, rows=40).cells
    torch.testing.assert_close(_scorecard().logits(cells), design_matrix(cells, ENCODING) @ WEIGHTS)


@pytest.mark.parametrize("clip", [0.5, 1.0])
def test_points_are_log_odds_of_the_probability_for_safe_borrowers(clip: float) -> None:
    safe = [score for score in _scorecard(clip).score(PEOPLE) if score.p_default < 0.2]
    assert safe
    for score in safe:
        odds = (1 - score.p_default) / score.p_default
        # Points take exp(-logit) C for the odds; a clipped loss gives C (1 + exp(-logit)), which
        # below a probability of 0.2 is at most 1 / (1 - 0.125) times that.
        expected = 600 + 20 * math.log2(odds / 50)
        assert score.points == pytest.approx(expected, abs=20 * math.log2(1 / 0.875) + 0.5)


def test_points_fall_as_risk_rises() -> None:
    scores = _scorecard().score(PEOPLE)
    ranked = sorted(scores, key=lambda score: score.p_default)
    points = [score.points for score in ranked]
    assert points == sorted(points, reverse=True)


def test_points_lost_explain_the_whole_distance_from_the_average_borrower() -> None:
    scorecard = _scorecard()
    scale = ENCODING.row_scale
    average = (WEIGHTS * SHARES).sum().item() * scale
    for score, logit in zip(
        scorecard.score(PEOPLE), scorecard.logits(cells_of(PEOPLE, CONTRACT)), strict=True
    ):
        distance = (logit.item() - average) * 20 / math.log(2)
        assert sum(score.points_lost) == pytest.approx(distance)


def test_the_average_borrower_loses_nothing() -> None:
    lost = _scorecard().points_lost(
        torch.tensor([[cells[b] for cells in _first_cells()] for b in range(3)]).numpy()
    )
    for field, place in enumerate(ENCODING.offsets):
        shares = SHARES[place : place + 3]
        assert (shares * lost[:, field]).sum().item() == pytest.approx(0.0, abs=1e-9)


def _first_cells() -> list[list[int]]:
    return [[table.index(number) for number in range(3)] for table in ENCODING.bins]
