"""What one asking and a whole authorisation are worth, in mu^2."""

import math
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from protocols.ledger.entry import Mechanism, PlannedQuery
from protocols.ledger.price import mu_squared, parse_decimal

_STEPS = 2**256


def worth(mechanism: Mechanism) -> Fraction:
    """Return the ``mu^2`` of one asking: ``1 / sigma^2``, rounded up to a multiple of 2^-256.

    So a sum stays as short as its terms, however many different noises there are in it.
    """
    exact = mu_squared([parse_decimal(mechanism.noise_multiplier)])
    return Fraction(math.ceil(exact * _STEPS), _STEPS)


def most_of(queries: Iterable[PlannedQuery], *, spare_attempts: int) -> Counter[Mechanism]:
    """Return the dearest askings that are authorised: every round, every spare at its dearest."""
    planned = {query.mechanism: query.rounds for query in queries}
    most = Counter(planned)
    if planned and spare_attempts:
        most[max(planned, key=worth)] += spare_attempts
    return most


def dearest(queries: Iterable[PlannedQuery], *, spare_attempts: int) -> Fraction:
    """Return the most ``mu^2`` an authorisation allows."""
    most = most_of(queries, spare_attempts=spare_attempts)
    return sum((count * worth(item) for item, count in most.items()), start=Fraction(0))
