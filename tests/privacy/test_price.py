"""The closed form against two other accountants of the same history.

dp-accounting's PLD must agree within 0.001; Opacus' RDP is looser, so it may only lie above.
"""

from fractions import Fraction

import pytest
from dp_accounting import GaussianDpEvent, NeighboringRelation
from dp_accounting.pld import PLDAccountant
from opacus.accountants.analysis import rdp

from protocols.ledger.epsilons import epsilons_of
from protocols.ledger.price import epsilon_micro, mu_squared, parse_decimal
from protocols.ledger.sharing import DISTRIBUTED, Sharing

_ORDERS = [
    *(1 + tenth / 10 for tenth in range(1, 100)),
    *(float(order) for order in range(11, 256)),
    *(2.0**power for power in range(8, 14)),
]

# Noise multipliers with their counts, delta, and the epsilon of PLD on a grid of 1e-4.
_HISTORIES: dict[str, tuple[list[tuple[str, int]], str, float]] = {
    "one release": ([("3.73", 1)], "0.00001", 1.000186),
    "many gradients": ([("52.76", 200)], "0.00001", 0.999982),
    "a private Newton run": (
        [("40", 1), ("8.5", 1), ("22.75", 10), ("31.5", 1)],
        "0.00001",
        0.672299,
    ),
    "twenty runs": ([("60.5", 20), ("35.125", 20), ("80", 400)], "0.000001", 1.245772),
    "beyond any cap": ([("0.6", 1), ("2", 5)], "0.00001", 10.039966),
    "hardly anything": ([("400", 1)], "0.00001", 0.005678),
}


def _priced(name: str) -> float:
    history, delta, _ = _HISTORIES[name]
    sigmas = [parse_decimal(noise) for noise, count in history for _ in range(count)]
    return epsilon_micro(mu_squared(sigmas), delta=Fraction(delta)) / 1e6


@pytest.mark.parametrize("name", _HISTORIES)
def test_the_price_is_the_golden_one(name: str) -> None:
    assert _priced(name) == pytest.approx(_HISTORIES[name][2], abs=2e-6)


@pytest.mark.parametrize("name", _HISTORIES)
def test_privacy_loss_distributions_agree(name: str) -> None:
    history, delta, _ = _HISTORIES[name]
    accountant = PLDAccountant(
        NeighboringRelation.REPLACE_SPECIAL, value_discretization_interval=1e-4
    )
    for noise, count in history:
        accountant.compose(GaussianDpEvent(float(noise)), count)
    assert _priced(name) == pytest.approx(accountant.get_epsilon(float(delta)), abs=1e-3)


@pytest.mark.parametrize("name", _HISTORIES)
def test_renyi_accounting_never_finds_less(name: str) -> None:
    history, delta, _ = _HISTORIES[name]
    spent = sum(
        rdp.compute_rdp(q=1.0, noise_multiplier=float(noise), steps=count, orders=_ORDERS)
        for noise, count in history
    )
    upper, _ = rdp.get_privacy_spent(orders=_ORDERS, rdp=spent, delta=float(delta))
    # A bound, and no idle one: it is near.
    assert _priced(name) <= upper <= 1.5 * _priced(name) + 0.05


@pytest.mark.parametrize(
    ("epsilon", "mu"), [(0.5, 0.142), (1, 0.268), (2, 0.502), (4, 0.925), (8, 1.666)]
)
def test_the_published_gaussian_parameters_cost_what_they_should(epsilon: float, mu: float) -> None:
    micro = epsilon_micro(Fraction(str(mu)) ** 2, delta=Fraction(1, 100_000))
    assert micro / 1e6 == pytest.approx(epsilon, rel=0.006)  # mu is rounded to three places


@pytest.mark.parametrize("lenders", [1, 2, 5])
def test_a_person_under_one_noise_is_a_vector_that_is_longer_by_its_lenders(lenders: int) -> None:
    """Every lender clips to C/m, their vectors add up, and the noise of the sum is sigma C."""
    sharing = Sharing(DISTRIBUTED, shares=2, most_lenders=2)
    accountant = PLDAccountant(
        NeighboringRelation.REPLACE_SPECIAL, value_discretization_interval=1e-4
    )
    accountant.compose(GaussianDpEvent(25.0 * 2 / lenders), 10)
    price = epsilons_of(Fraction(10, 25**2), delta=Fraction("0.00001"), sharing=sharing)
    released = price.person_micro[lenders - 1] / 1e6
    assert released == pytest.approx(accountant.get_epsilon(1e-5), abs=1e-3)


@pytest.mark.parametrize("shares", [1, 2, 4])
def test_colluders_who_know_their_own_shares_leave_one_share_of_noise(shares: int) -> None:
    """Whoever subtracts all other shares sees a borrower under sigma C / sqrt(t)."""
    sharing = Sharing(DISTRIBUTED, shares=shares, most_lenders=1)
    accountant = PLDAccountant(
        NeighboringRelation.REPLACE_SPECIAL, value_discretization_interval=1e-4
    )
    accountant.compose(GaussianDpEvent(25.0 / shares**0.5), 10)
    price = epsilons_of(Fraction(10, 25**2), delta=Fraction("0.00001"), sharing=sharing)
    assert price.worst_micro / 1e6 == pytest.approx(accountant.get_epsilon(1e-5), abs=1e-3)
