"""Reasons are exact contributions, most points first, never more than four."""

import math

import pytest

from protocols.contracts.decisions import Reason
from server.decisions.reasons import field_reasons
from tests.unit.server.serving.world import applicant, make_contract, make_scorecard


def _reasons(points_lost: list[float], missing: tuple[bool, ...] = (False,) * 5) -> list[Reason]:
    return list(field_reasons(points_lost, missing.__getitem__, contract=make_contract()))


def _fields(points_lost: list[float]) -> list[str]:
    return [reason.field for reason in _reasons(points_lost)]


def test_reasons_come_most_points_first() -> None:
    assert _fields([1.0, 3.0, -2.0, 2.0, 0.0]) == ["utilisation", "home", "income"]


def test_equals_stay_in_contract_order() -> None:
    assert _fields([1.0, 2.0, 1.0, 2.0, 0.0]) == ["utilisation", "home", "income", "inquiries"]


def test_there_are_at_most_four() -> None:
    assert _fields([5.0, 4.0, 3.0, 2.0, 1.0]) == ["income", "utilisation", "inquiries", "home"]


def test_no_loss_gives_no_reason() -> None:
    assert _fields([0.0, -1.0, -2.0, 0.0, -3.0]) == []


def test_rounding_noise_gives_no_reason() -> None:
    assert _fields([1e-13, 0.0, 0.0, 0.0, 0.0]) == []


def test_a_reason_carries_the_contract_s_words_and_the_exact_points() -> None:
    (reason,) = _reasons([0.0, 7.25, 0, 0, 0])
    assert reason.code == "R.UTILISATION"
    assert reason.sentence == "Your utilisation cost points."
    assert reason.points_lost == 7.25
    assert not reason.is_missing


def test_a_reason_says_that_a_value_was_missing() -> None:
    reasons = _reasons([5.0, 4.0, 3.0, 2.0, 0.0], (True, False, True, True, False))
    assert [reason.is_missing for reason in reasons] == [True, False, True, True]


def test_losses_of_all_fields_are_the_whole_distance_from_the_average_borrower() -> None:
    scorecard = make_scorecard()
    columns = applicant().columns(scorecard.contract)
    (score,) = scorecard.score(columns)
    average_logit = (scorecard.weights * scorecard.bin_shares).sum().item()
    factor = scorecard.scaling.points_to_double / math.log(2)
    base = scorecard.scaling.base_points - factor * math.log(scorecard.scaling.base_odds)
    average_points = base - factor * (
        average_logit * scorecard.encoding.row_scale - math.log(scorecard.link.loss_clip)
    )
    assert average_points - sum(score.points_lost) == pytest.approx(score.points, abs=0.51)
