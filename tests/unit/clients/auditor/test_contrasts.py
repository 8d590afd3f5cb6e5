"""The noise of opened sums, tested on both sides."""

import numpy as np
import pytest

from clients.auditor.contrasts import (
    AS_IT_SHOULD_BE,
    FALSE_ALARM,
    NOT_SEEN,
    TOO_LITTLE,
    TOO_MUCH,
    judge_noise,
)
from protocols.ledger.audit import SumRow


def _sum(contrasts: int, squares_milli: int) -> SumRow:
    return SumRow(0, "run-1", 1, 1, "gradient", "25", ("a", "b"), contrasts, squares_milli, "none")


@pytest.mark.parametrize(
    ("contrasts", "squares_milli", "p_value"),
    [
        (1, 3_841, 0.05 * 2),  # the tables of any textbook: 5 % lie above 3.841
        (10, 18_307, 0.05 * 2),
        (10, 3_940, 0.05 * 2),  # and 5 % below 3.940
        (100, 99_334, 1.0),  # the median
    ],
)
def test_p_values_are_those_of_the_tables(
    contrasts: int, squares_milli: int, p_value: float
) -> None:
    (found,) = judge_noise([_sum(contrasts, squares_milli)]).sums
    assert found.p_value == pytest.approx(p_value, abs=2e-4)
    assert found.verdict == AS_IT_SHOULD_BE


@pytest.mark.parametrize(
    ("squares_milli", "verdict"),
    [(0, TOO_LITTLE), (30_000, TOO_LITTLE), (100_000, AS_IT_SHOULD_BE), (200_000, TOO_MUCH)],
)
def test_too_little_and_too_much_are_told_apart(squares_milli: int, verdict: str) -> None:
    tests = judge_noise([_sum(100, 100_000), _sum(100, squares_milli)])
    assert [item.verdict for item in tests.sums] == [AS_IT_SHOULD_BE, verdict]
    assert list(tests.alarms) == ([] if verdict == AS_IT_SHOULD_BE else [1])


def test_what_no_sum_shows_by_itself_all_show_together() -> None:
    tests = judge_noise([_sum(20, 12_000)] * 50)
    assert {item.verdict for item in tests.sums} == {AS_IT_SHOULD_BE}
    assert (tests.together.contrasts, tests.together.squares_milli) == (1_000, 600_000)
    assert tests.together.verdict == TOO_LITTLE


def test_a_sum_without_contrasts_is_not_tested() -> None:
    tests = judge_noise([_sum(0, 0), _sum(5, 5_000)])
    assert (tests.sums[0].p_value, tests.sums[0].verdict) == (1.0, NOT_SEEN)
    assert tests.level == FALSE_ALARM / 2  # one sum, and all together
    assert list(tests.alarms) == []


def test_without_sums_nothing_is_said() -> None:
    tests = judge_noise([])
    assert (tests.sums, tests.together.verdict) == ((), NOT_SEEN)


def test_the_level_is_shared_by_all_tests() -> None:
    """A number that is an alarm in a log of one sum is none among a thousand others."""
    edge = 204_000  # in 100 contrasts: p is about 6e-9
    assert list(judge_noise([_sum(100, edge)]).alarms) == [0]
    tests = judge_noise([_sum(100, edge), *[_sum(100, 100_000)] * 999])
    assert list(tests.alarms) == []
    assert tests.level == pytest.approx(FALSE_ALARM / 1_001)


def test_honest_noise_has_even_p_values() -> None:
    """Of 20,000 logs of one sum, so many have a p-value below a tenth.

    False alarms: 7 deviations, below 1e-11.
    """
    random = np.random.default_rng(7)
    squares = (1_000 * random.chisquare(30, size=20_000)).round().astype(int)
    low = sum(judge_noise([_sum(30, int(each))]).sums[0].p_value < 0.1 for each in squares)
    assert abs(low - 2_000) < 7 * (20_000 * 0.1 * 0.9) ** 0.5
