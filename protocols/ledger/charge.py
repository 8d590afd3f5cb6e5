"""What a history and an authorisation cost, as seen by a model's user and by everybody else."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from protocols.ledger.entry import Mechanism, PlannedQuery
from protocols.ledger.price import epsilon_micro, mu_squared, parse_decimal


@dataclass(frozen=True)
class Price:
    """One history in both views, in micro-epsilon.

    Attributes:
        released_micro: Towards a user of the model.
        worst_micro: Towards all other partners and the coordinator together.
    """

    released_micro: int
    worst_micro: int


@lru_cache(maxsize=4096)
def price_local(mu2: Fraction, *, delta: Fraction) -> Price:
    """Price a history in mode "local", where every partner adds the whole noise itself.

    There the others add nothing that they could take away again, so both views cost the same.

    Privacy: zero-out adjacency of one borrower at one partner.
    Source: docs/ledger-format.md, "Price".
    """
    micro = epsilon_micro(mu2, delta=delta)
    return Price(released_micro=micro, worst_micro=micro)


def worth(mechanism: Mechanism) -> Fraction:
    """Return the ``mu^2`` of one asking: ``1 / sigma^2``, exactly."""
    return mu_squared([parse_decimal(mechanism.noise_multiplier)])


def dearest(queries: Iterable[PlannedQuery], *, spare_attempts: int) -> Fraction:
    """Return the most ``mu^2`` an authorisation allows: every round, every spare at its dearest."""
    planned = [(query.rounds, worth(query.mechanism)) for query in queries]
    spare = spare_attempts * max((each for _, each in planned), default=Fraction(0))
    return sum((rounds * each for rounds, each in planned), start=spare)
