"""Points, exact contributions, and the link from logits to probabilities of default."""

import dataclasses
import math

import pytest
import torch

from model.features import cells_of
from model.formulas import Column
from model.link import Link
from model.network import design_matrix
from model.scorecard import Scorecard
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


def _scorecard() -> Scorecard:
    return Scorecard(
        contract=CONTRACT,
        encoding=ENCODING,
        weights=WEIGHTS,
        bin_shares=SHARES,
        link=Link(),
        scaling=Scaling(base_points=600, base_odds=50, points_to_double=20),
    )


def test_logits_are_the_networks() -> None:
    cells = make_batch(CONTRACT, rows=40).cells
    torch.testing.assert_close(_scorecard().logits(cells), design_matrix(cells, ENCODING) @ WEIGHTS)


@pytest.mark.parametrize("link", [Link(), Link(intercept=-0.4, slope=0.7)])
def test_points_are_log_odds_of_the_probability(link: Link) -> None:
    for score in dataclasses.replace(_scorecard(), link=link).score(PEOPLE):
        odds = (1 - score.p_default) / score.p_default
        assert score.points == round(600 + 20 * math.log2(odds / 50))


# The project's survey of credit decisioning of 2026-11-23, d4: 20 points double the odds, and 600
# stand for odds of 50 to 1.
@pytest.mark.parametrize(
    ("p_default", "points"),
    [
        *((0.5, 487.1229), (0.2, 527.1229), (0.1, 550.5214), (0.05, 572.0814), (0.02, 599.4171)),
        *((1 / 51, 600.0), (0.01, 619.7100), (0.005, 639.8554)),
    ],
)
def test_the_official_points_of_a_probability(p_default: float, points: float) -> None:
    logit = torch.tensor([math.log(p_default / (1 - p_default))], dtype=torch.float64)
    card = _scorecard()
    assert card.link.probabilities(logit).item() == pytest.approx(p_default)
    assert card.exact_points(logit).item() == pytest.approx(points, abs=5e-5)


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


def test_points_lost_add_up_to_the_distance_from_the_average_after_calibration_too() -> None:
    card = dataclasses.replace(_scorecard(), link=Link(intercept=0.3, slope=1.3))
    cells = cells_of(PEOPLE, CONTRACT)
    exact = card.exact_points(card.logits(cells))
    torch.testing.assert_close(card.average_points - card.points_lost(cells).sum(dim=1), exact)
