"""One history in four views, against the four formulas and a normal distribution of scipy's."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from protocols.errors import EntryError
from protocols.ledger.epsilons import Epsilons, epsilons_of, persons_text, say_epsilon
from protocols.ledger.sharing import DISTRIBUTED, LOCAL, Sharing

DELTA = Fraction(1, 100_000)
LENDERS = (1, 2, 3, 4, 5)
PRICE = Epsilons(10, 20, (10, 11, 12, 13, 14), (20, 21, 22, 23, 24))
SHARINGS = [
    Sharing(mode, shares, lenders)
    for mode, shares in ((LOCAL, 1), (DISTRIBUTED, 1), (DISTRIBUTED, 2), (DISTRIBUTED, 5))
    for lenders in (1, 2)
]


def _epsilon(mu: float) -> float:
    """Solve Balle and Wang's equation for epsilon."""

    def excess(epsilon: float) -> float:
        upper, lower = -epsilon / mu + mu / 2, -epsilon / mu - mu / 2
        above = norm.cdf(upper) - math.exp(epsilon + norm.logcdf(lower))
        return float(above) - float(DELTA)

    return float(brentq(excess, 0, 60, xtol=1e-12))


def _near(micros: tuple[int, ...], epsilons: list[float]) -> bool:
    pairs = zip(micros, epsilons, strict=True)
    return all(0 <= micro - 1e6 * epsilon <= 1.1 for micro, epsilon in pairs)  # rounded up


@pytest.mark.parametrize("sharing", SHARINGS, ids=str)
@pytest.mark.parametrize("mu2", [Fraction(1, 5_000), Fraction(1, 9), Fraction(3, 2)], ids=str)
def test_every_view_is_its_formula(sharing: Sharing, mu2: Fraction) -> None:
    mu, t, m = math.sqrt(mu2), sharing.shares, sharing.most_lenders
    price = epsilons_of(mu2, delta=DELTA, sharing=sharing)
    assert _near((price.released_micro,), [_epsilon(mu / m)])
    assert _near((price.worst_micro,), [_epsilon(mu * math.sqrt(t) / m)])
    together = {DISTRIBUTED: float, LOCAL: math.sqrt}[sharing.mode]
    assert _near(price.person_micro, [_epsilon(together(k) * mu / m) for k in LENDERS])
    assert _near(price.person_worst_micro, [_epsilon(mu * math.sqrt(k * t) / m) for k in LENDERS])


@pytest.mark.parametrize("sharing", SHARINGS, ids=str)
def test_a_person_with_one_lender_is_a_borrower(sharing: Sharing) -> None:
    price = epsilons_of(Fraction(1, 9), delta=DELTA, sharing=sharing)
    assert price.person_micro[0] == price.released_micro
    assert price.person_worst_micro[0] == price.worst_micro


def test_alone_whoever_looks_sees_the_same() -> None:
    price = epsilons_of(Fraction(1, 9), delta=DELTA, sharing=Sharing(LOCAL, 1, 1))
    assert price.released_micro == price.worst_micro
    assert price.person_micro == price.person_worst_micro


@pytest.mark.parametrize("sharing", SHARINGS, ids=str)
def test_no_view_costs_less_with_more_lenders(sharing: Sharing) -> None:
    price = epsilons_of(Fraction(1, 9), delta=DELTA, sharing=sharing)
    for views in (price.person_micro, price.person_worst_micro):
        assert list(views) == sorted(set(views))


@pytest.mark.parametrize("sharing", SHARINGS, ids=str)
def test_nothing_costs_nothing_in_every_view(sharing: Sharing) -> None:
    nothing = epsilons_of(Fraction(0), delta=DELTA, sharing=sharing)
    assert nothing == Epsilons(0, 0, (0,) * 5, (0,) * 5)


BENDS = {
    "released": lambda by: replace(PRICE, released_micro=10 + by),
    "worst": lambda by: replace(PRICE, worst_micro=20 + by),
    "person": lambda by: replace(PRICE, person_micro=(10, 11, 12, 13, 14 + by)),
    "person worst": lambda by: replace(PRICE, person_worst_micro=(20 + by, 21, 22, 23, 24)),
}


@pytest.mark.parametrize("view", BENDS)
@pytest.mark.parametrize(
    ("by", "expected"), [(0, True), (1, True), (-1, True), (2, False), (-2, False)]
)
def test_two_prices_are_about_the_same_if_no_view_is_off_by_two(
    view: str, by: int, expected: bool
) -> None:
    assert PRICE.is_about(BENDS[view](by)) is expected
    assert BENDS[view](by).is_about(PRICE) is expected


@pytest.mark.parametrize(
    "bend",
    [
        {"released_micro": -1},
        {"released_micro": 100_000_001},
        {"worst_micro": -1},
        {"worst_micro": 100_000_001},
        {"person_micro": (1, 2, 3, 4)},
        {"person_micro": (1, 2, 3, 4, 5, 6)},
        {"person_micro": (1, 2, 3, 4, -1)},
        {"person_worst_micro": ()},
        {"person_worst_micro": (1, 2, 3, 4, 100_000_001)},
    ],
    ids=str,
)
def test_what_is_no_price_is_refused(bend: dict[str, object]) -> None:
    with pytest.raises(EntryError):
        replace(PRICE, **bend)  # type: ignore[arg-type]


def test_epsilons_have_six_decimals_and_no_floats() -> None:
    said = {0: "0.000000", 1: "0.000001", 999_999: "0.999999", 12_000_034: "12.000034"}
    assert {micro: say_epsilon(micro) for micro in said} == said


def test_persons_are_a_column_each_and_every_view_is_in_words() -> None:
    lenders, users, colluders, read = persons_text(PRICE, partners=9)
    assert lenders.split()[-5:] == ["1", "2", "3", "4", "5"]
    assert users.split()[-5:] == [f"0.0000{number}" for number in range(10, 15)]
    assert colluders.split()[-5:] == [f"0.0000{number}" for number in range(20, 25)]
    assert len({len(line) for line in (lenders, users, colluders)}) == 1
    assert "where the second is smaller, it holds for both" in read
    assert PRICE.in_words() == (
        "released 10, worst 20, person 10 11 12 13 14, person worst 20 21 22 23 24"
    )


@pytest.mark.parametrize("partners", [1, 2, 5, 6])
def test_nobody_is_said_to_have_more_lenders_than_there_are(partners: int) -> None:
    lenders, users, colluders, _ = persons_text(PRICE, partners=partners)
    shown = min(partners, 5)
    assert lenders.split()[6:] == [str(k) for k in LENDERS[:shown]]
    assert users.split()[6:] == [say_epsilon(micro) for micro in PRICE.person_micro[:shown]]
    assert colluders.split()[4:] == [say_epsilon(k) for k in PRICE.person_worst_micro[:shown]]
