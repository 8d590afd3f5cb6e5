"""What an authorisation and a history cost."""

from fractions import Fraction

from protocols.ledger.charge import dearest, worth
from protocols.ledger.entry import Mechanism, PlannedQuery

_GRAM, _GRADIENT = Mechanism("gram", "10"), Mechanism("gradient", "20")


def test_one_asking_is_worth_one_over_its_squared_noise() -> None:
    assert worth(Mechanism("gram", "2.5")) == Fraction(4, 25)


def test_an_authorisation_is_dearest_when_every_spare_goes_to_the_dearest_query() -> None:
    plan = (PlannedQuery(_GRAM, 1), PlannedQuery(_GRADIENT, 4))
    assert dearest(plan, spare_attempts=3) == Fraction(1, 100) + Fraction(4, 400) + Fraction(3, 100)
    assert dearest(plan, spare_attempts=0) == Fraction(1, 100) + Fraction(4, 400)
