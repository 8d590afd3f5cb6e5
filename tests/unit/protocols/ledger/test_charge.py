"""What an authorisation and a history cost."""

from fractions import Fraction

import pytest

from protocols.ledger.charge import dearest, worth
from protocols.ledger.entry import Mechanism, PlannedQuery

_GRAM, _GRADIENT = Mechanism("gram", "10"), Mechanism("gradient", "20")


_STEP = Fraction(1, 2**256)


@pytest.mark.parametrize("noise", ["2.5", "3", "0.07", "1234567890123456789.123456789"])
def test_one_asking_is_worth_one_over_its_squared_noise_and_never_less(noise: str) -> None:
    exact = 1 / Fraction(noise) ** 2
    assert exact <= worth(Mechanism("gram", noise)) < exact + _STEP


def test_a_sum_of_many_different_noises_stays_short() -> None:
    noises = (f"7.{number:04}{'3' * 20}1" for number in range(500))
    total = sum((worth(Mechanism("gram", noise)) for noise in noises), start=Fraction(0))
    assert total.denominator <= 2**256


def test_an_authorisation_is_dearest_when_every_spare_goes_to_the_dearest_query() -> None:
    plan = (PlannedQuery(_GRAM, 1), PlannedQuery(_GRADIENT, 4))
    gram, gradient = worth(_GRAM), worth(_GRADIENT)
    assert dearest(plan, spare_attempts=3) == 4 * gram + 4 * gradient
    assert dearest(plan, spare_attempts=0) == gram + 4 * gradient
