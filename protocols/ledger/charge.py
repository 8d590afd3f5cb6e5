"""What one asking and a whole authorisation are worth, in mu^2."""

from collections.abc import Iterable
from fractions import Fraction

from protocols.ledger.entry import Mechanism, PlannedQuery
from protocols.ledger.price import mu_squared, parse_decimal


def worth(mechanism: Mechanism) -> Fraction:
    """Return the ``mu^2`` of one asking: ``1 / sigma^2``, exactly."""
    return mu_squared([parse_decimal(mechanism.noise_multiplier)])


def dearest(queries: Iterable[PlannedQuery], *, spare_attempts: int) -> Fraction:
    """Return the most ``mu^2`` an authorisation allows: every round, every spare at its dearest."""
    planned = [(query.rounds, worth(query.mechanism)) for query in queries]
    spare = spare_attempts * max((each for _, each in planned), default=Fraction(0))
    return sum((rounds * each for rounds, each in planned), start=spare)
