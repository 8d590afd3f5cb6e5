"""A share of noise that a partner does not add is missed, and an honest run is left alone.

Five partners, 10,000 borrowers, noise in whole grid steps. Noise here is rounded normal draws of
numpy with fixed seeds, not the discrete Gaussian from the operating system's entropy: many draws
are needed, and at millions of steps the two are the same. So a test that passes always passes; the
rates stated are those of another choice of seeds.
"""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.stats import chi2
from torch import Tensor

from model.contrasts import FALSE_ALARM, NoiseEnergy, NoiseWatch, noise_energy
from model.queries.batch import Question
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from protocols.contracts.privacy import GRID_STEPS
from protocols.errors import MissingNoiseError
from tests.unit.model.world import exact_sum, make_batch, make_contract, make_encoding

PARTNERS = 5
MULTIPLIER = 12.5  # of every query, so each partner's noise is 13 million steps
ROUNDS = 13  # gradients of a run


def _questions(*, fields: int) -> tuple[Histogram, Gradient, Gram]:
    """Ask about ``fields`` fields of three bins; the gradient where training starts, at 10 %."""
    contract = make_contract(numeric=fields - 2)
    encoding = make_encoding(contract)
    weights = torch.zeros(encoding.width, dtype=torch.float64)
    weights[0] = math.log(0.1 / 0.9) / encoding.row_scale
    return Histogram(contract), Gradient(encoding, weights, 0.5), Gram(encoding)


HISTOGRAM, GRADIENT, GRAM = _questions(fields=20)
WIDE_GRAM = _questions(fields=33)[2]  # 100 weights


def _signal(question: Question, *, fields: int) -> Tensor:
    """Return the exact sum of 10,000 borrowers: 500 of two rows each, twenty times."""
    batch = make_batch(make_contract(numeric=fields - 2), rows=1_000, seed=3, rows_each=2)
    return 20 * exact_sum(question, batch)


def _noise(question: Question, *, shares: int, random: np.random.Generator) -> Tensor:
    """Return the noise of so many partners, in the question's units."""
    scale = MULTIPLIER * GRID_STEPS
    steps = sum(
        (np.rint(random.normal(0.0, scale, size=question.width)) for _ in range(shares)),
        start=np.zeros(question.width),
    )
    return torch.from_numpy(steps) * question.clip.step


def _expected(question: Question, *, partners: int = PARTNERS) -> float:
    return MULTIPLIER * question.clip.norm * math.sqrt(partners)


def _power(contrasts: int, *, present: float, sums: int) -> float:
    """Return how often the total of so many contrasts alarms when a part of variance is there."""
    edge = chi2.ppf(FALSE_ALARM / (2 * sums), contrasts)
    return float(chi2.cdf(edge / present, contrasts))


@pytest.mark.parametrize("question", [HISTOGRAM, GRADIENT, GRAM], ids=lambda asked: asked.name)
def test_honest_noise_has_the_chi_square_distribution(question: Question) -> None:
    """Kolmogorov-Smirnov by the bound of Massart, with signal; false alarm: below 1e-7 each."""
    random, draws = np.random.default_rng(11), 1_000
    signal = _signal(question, fields=20)
    chances = np.sort(
        [
            noise_energy(
                question,
                signal + _noise(question, shares=1, random=random),
                noise=_expected(question, partners=1),
            ).chance_of_less()
            for _ in range(draws)
        ]
    )
    places = np.arange(draws) / draws
    distance = max((chances - places).max(), (places + 1 / draws - chances).max())
    assert distance <= math.sqrt(math.log(2 / 1e-7) / (2 * draws))


def _finds(question: Question, signal: Tensor, *, shares: int, seed: int) -> bool:
    opened = signal + _noise(question, shares=shares, random=np.random.default_rng(seed))
    try:
        NoiseWatch(sums=1).take(
            noise_energy(question, opened, noise=_expected(question)), of=question.name
        )
    except MissingNoiseError:
        return True
    return False


def test_one_share_in_five_is_found_in_a_single_gram() -> None:
    """2,871 contrasts of 100 weights find a missing fifth with power 0.9998.

    So two failures in twenty have a chance of 1e-5 at other seeds; a false alarm in twenty honest
    sums 2e-5 (1e-6 each).
    """
    signal = _signal(WIDE_GRAM, fields=33)
    contrasts = noise_energy(WIDE_GRAM, signal, noise=1.0).contrasts
    assert contrasts == 2_871
    assert _power(contrasts, present=4 / 5, sums=1) == pytest.approx(0.99977, abs=1e-5)
    assert sum(_finds(WIDE_GRAM, signal, shares=4, seed=seed) for seed in range(20)) >= 19
    assert not any(_finds(WIDE_GRAM, signal, shares=5, seed=seed) for seed in range(20))


@pytest.mark.parametrize(("question", "fields"), [(WIDE_GRAM, 33), (GRADIENT, 20)])
def test_the_length_of_a_whole_sum_does_not_show_a_missing_share(
    question: Question, fields: int
) -> None:
    """What data add to the length is unknown, and more than what is missing: nothing is odd."""
    signal = _signal(question, fields=fields)
    random = np.random.default_rng(5)
    opened = signal + _noise(question, shares=PARTNERS - 1, random=random)
    squares = (opened / _expected(question)).square().sum().item()
    assert squares > question.width  # what five shares alone have on average
    assert NoiseEnergy(squares, question.width).chance_of_less() > 0.5


@pytest.mark.parametrize("question", [HISTOGRAM, GRADIENT, GRAM], ids=lambda asked: asked.name)
def test_a_sum_without_noise_is_found_at_once(question: Question) -> None:
    watch = NoiseWatch(sums=ROUNDS + 1)
    with pytest.raises(MissingNoiseError):
        watch.take(
            noise_energy(question, _signal(question, fields=20), noise=_expected(question)),
            of=question.name,
        )


def _alarms(shares: Sequence[int], *, partners: int, seed: int) -> bool:
    """Run a histogram and thirteen gradients, with so many shares of noise in each."""
    random = np.random.default_rng(seed)
    watch = NoiseWatch(sums=ROUNDS + 1)
    questions = [HISTOGRAM] + [GRADIENT] * ROUNDS
    try:
        for question, present in zip(questions, shares, strict=True):
            opened = _SIGNALS[question.name] + _noise(question, shares=present, random=random)
            watch.take(
                noise_energy(question, opened, noise=_expected(question, partners=partners)),
                of=question.name,
            )
    except MissingNoiseError:
        return True
    return False


_SIGNALS = {asked.name: _signal(asked, fields=20) for asked in (HISTOGRAM, GRADIENT)}
CONTRASTS = 19 + 20 * ROUNDS


@pytest.mark.parametrize("partners", [1, 2, 5])
def test_honest_runs_are_left_alone(partners: int) -> None:
    """False alarm: 4e-5 in forty runs, 1e-6 each."""
    runs = [_alarms([partners] * (ROUNDS + 1), partners=partners, seed=seed) for seed in range(40)]
    assert not any(runs)


def test_a_run_of_gradients_finds_half_the_noise_missing_but_not_a_fifth() -> None:
    """Said as it is: 279 contrasts have power 0.99 against one in two, 0.001 against one in five.

    Ten of fifty runs more or less than that have a chance below 1e-9 at other seeds.
    """
    assert _power(CONTRASTS, present=1 / 2, sums=ROUNDS + 1) == pytest.approx(0.992, abs=1e-3)
    assert _power(CONTRASTS, present=4 / 5, sums=ROUNDS + 1) == pytest.approx(0.001, abs=1e-3)
    half = [_alarms([1] * (ROUNDS + 1), partners=2, seed=seed) for seed in range(50)]
    fifth = [_alarms([4] * (ROUNDS + 1), partners=5, seed=seed) for seed in range(50)]
    assert sum(half) >= 40
    assert sum(fifth) <= 10


def test_noise_that_all_partners_lose_in_the_last_round_is_found() -> None:
    """The total so far would not show it; twenty contrasts of zero do."""
    shares = [5] * ROUNDS
    assert _alarms([*shares, 0], partners=5, seed=1)


def test_one_partner_without_noise_shows_in_its_own_contribution() -> None:
    """In mode ``local`` a contribution can be watched by itself: all of one is missing."""
    watch = NoiseWatch(sums=ROUNDS + 1)
    with pytest.raises(MissingNoiseError):
        watch.take(
            noise_energy(HISTOGRAM, _SIGNALS["histogram"], noise=_expected(HISTOGRAM, partners=1)),
            of=HISTOGRAM.name,
        )
