"""Movements come in the order of their days, and on one day the draw is first."""

from datetime import date

import pytest

from protocols.errors import ContractError
from server.decisions.movements import Movement, in_order

DAY, LATER = date(2024, 1, 1), date(2024, 2, 1)


def test_order() -> None:
    paid, lent, first = Movement(LATER, -5), Movement(LATER, 3), Movement(DAY, 9)
    assert in_order([paid, lent, first]) == [first, lent, paid]


@pytest.mark.parametrize("movements", [[], [Movement(DAY, 1)]])
def test_a_loan_has_a_draw_and_a_payment(movements: list[Movement]) -> None:
    with pytest.raises(ContractError, match="at least a draw and a payment"):
        in_order(movements)
