"""Reasons are exact contributions, most points first, never more than four."""

import math

import numpy as np
import pytest

from server.decisions.reasons import Loss, most_lost
from tests.unit.server.serving.world import applicant, make_scorecard


def _losses(points_lost: list[float], missing: tuple[bool, ...] = (False,) * 5) -> list[Loss]:
    (losses,) = most_lost(np.array([points_lost]), np.array([missing]))
    return losses


def _places(points_lost: list[float]) -> list[int]:
    return [loss.place for loss in _losses(points_lost)]


def test_reasons_come_most_points_first() -> None:
    assert _places([1.0, 3.0, -2.0, 2.0, 0.0]) == [1, 3, 0]


def test_equals_stay_in_contract_order() -> None:
    assert _places([1.0, 2.0, 1.0, 2.0, 0.0]) == [1, 3, 0, 2]


def test_there_are_at_most_four() -> None:
    assert _places([5.0, 4.0, 3.0, 2.0, 1.0]) == [0, 1, 2, 3]


def test_no_loss_gives_no_reason() -> None:
    assert _places([0.0, -1.0, -2.0, 0.0, -3.0]) == []


def test_rounding_noise_gives_no_reason() -> None:
    assert _places([1e-13, 0.0, 0.0, 0.0, 0.0]) == []


def test_a_reason_has_the_exact_points() -> None:
    assert _losses([0.0, 7.25, 0.0, 0.0, 0.0]) == [Loss(1, 7.25, is_missing=False)]


def test_a_reason_says_that_a_value_was_missing() -> None:
    losses = _losses([5.0, 4.0, 3.0, 2.0, 0.0], (True, False, True, True, False))
    assert [loss.is_missing for loss in losses] == [True, False, True, True]


def test_applicants_keep_apart() -> None:
    lost = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    missing = np.array([[False, True], [False, True], [True, True]])
    assert most_lost(lost, missing) == [
        [Loss(0, 1.0, is_missing=False)],
        [Loss(1, 2.0, is_missing=True)],
        [],
    ]


def test_losses_of_all_fields_are_the_whole_distance_from_the_average_borrower() -> None:
    scorecard = make_scorecard()
    columns = applicant().columns(scorecard.contract)
    (score,) = scorecard.score(columns)
    weighted = scorecard.weights * scorecard.bin_shares * scorecard.encoding.row_scale
    average = scorecard.link.log_odds(weighted.sum()).item()
    factor = scorecard.scaling.points_to_double / math.log(2)
    base = scorecard.scaling.base_points - factor * math.log(scorecard.scaling.base_odds)
    average_points = base - factor * average
    assert average_points - sum(score.points_lost) == pytest.approx(score.points, abs=0.51)
