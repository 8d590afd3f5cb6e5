"""Jeffreys' test, held to figures of others and to what it claims of chance."""

import pytest
from scipy.stats import binom

from server.backtest.agreement import jeffreys_p


@pytest.mark.parametrize(
    ("known", "bad", "p_default", "p"),
    [
        (1_000, 20, 0.02, 0.485499),
        (1_000, 25, 0.02, 0.130842),
        (1_000, 30, 0.02, 0.016238),
        (500, 2, 0.01, 0.925757),
    ],
)
def test_the_form_of_the_ecbs_instructions_of_2019_section_2_5(
    known: int, bad: int, p_default: float, p: float
) -> None:
    assert round(jeffreys_p(bad, known, p_default=p_default), 6) == p


def test_the_more_go_bad_the_less_the_probability_holds() -> None:
    found = [jeffreys_p(bad, 200, p_default=0.1) for bad in range(201)]
    assert found == sorted(found, reverse=True)
    assert 0 <= found[-1] < 1e-9
    assert 1 - 1e-9 < found[0] <= 1


def test_nobody_tells_nothing_and_certain_bands_can_be_wrong() -> None:
    assert jeffreys_p(0, 0, p_default=0.5) == pytest.approx(0.5)
    assert jeffreys_p(1, 100, p_default=0.0) == 0
    assert jeffreys_p(99, 100, p_default=1.0) == 1


def test_of_bands_that_are_right_about_one_in_twenty_is_below_a_twentieth() -> None:
    """Exact, over what chance may bring: a band of 2,000 loans at a PD of 5 %."""
    alarms = sum(
        binom.pmf(bad, 2_000, 0.05)
        for bad in range(2_001)
        if jeffreys_p(bad, 2_000, p_default=0.05) < 0.05
    )
    assert 0.04 < alarms < 0.06
