"""Money that changes hands on a day, as the laws on annual cost look at a loan."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from protocols.errors import ContractError


class Movement(NamedTuple):
    """Money on a day, in minor units: positive is lent, negative paid back."""

    on: date
    minor: int


def in_order(movements: Iterable[Movement]) -> list[Movement]:
    """Return movements by their days, what is lent on a day before what is paid on it.

    Raises:
        ContractError: There are fewer than two.
    """
    ordered = sorted(movements, key=lambda movement: (movement.on, -movement.minor))
    if len(ordered) < 2:
        raise ContractError("a loan has at least a draw and a payment")
    return ordered
