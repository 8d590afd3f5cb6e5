"""The noise that is drawn is the noise that is claimed.

Noise comes from the operating system's entropy, so these tests cannot be seeded. Each of the
sixteen statistical assertions fails by chance at most five times in a hundred million where all
is right; the whole file together less than once in a million runs.
"""

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import torch

from model.noise import DiscreteGaussian
from model.private_sum import Clip, private_sum
from model.queries.answer import answer_question, noise_for
from model.queries.gradient import Gradient
from protocols.contracts.privacy import GRID_STEPS
from tests.unit.model.world import exact_sum, make_batch, make_contract, make_encoding

# Of each assertion. Where a mean of squares is compared, the normal tail is exceeded by a factor of
# less than 1.7 at these sizes, hence "five in a hundred million".
FALSE_ALARM = 3e-8
_FAR = NormalDist().inv_cdf(1 - FALSE_ALARM / 2)  # two-sided, in standard deviations
MULTIPLIER = Fraction("9.5")


def _check_normal(draws: np.ndarray, *, deviation: float) -> None:
    """Compare mean, variance and the share within one deviation with those of a Gaussian."""
    count, ratio = draws.size, draws.astype(np.float64).ravel() / deviation
    assert abs(ratio.mean()) <= _FAR / math.sqrt(count)
    # The variance of a squared standard normal is 2.
    assert abs((ratio**2).mean() - 1) <= _FAR * math.sqrt(2 / count)
    inside = NormalDist().cdf(1) - NormalDist().cdf(-1)
    share = (np.abs(ratio) <= 1).mean()
    assert abs(share - inside) <= _FAR * math.sqrt(inside * (1 - inside) / count)


def test_draws_have_the_deviation_claimed() -> None:
    """False alarm: below 1.5e-7."""
    scale = float(MULTIPLIER * GRID_STEPS)
    _check_normal(DiscreteGaussian(scale).draw(20_000), deviation=scale)


def test_small_scales_have_the_probabilities_of_the_discrete_gaussian() -> None:
    """False alarm: below 1e-7. A rounded normal fails: it is 0 with 0.383, not with 0.399."""
    draws = DiscreteGaussian(1.0).draw(100_000)
    mass = {k: math.exp(-(k**2) / 2) for k in range(-12, 13)}
    for k in (-1, 0, 1):
        p = mass[k] / sum(mass.values())
        assert abs((draws == k).mean() - p) <= _FAR * math.sqrt(p * (1 - p) / len(draws))


def test_opened_sums_of_neighbours_differ_by_the_shift_and_noise_claimed_and_nothing_else() -> None:
    """Many sums of one data set and of its neighbour, seen along the borrower's own direction.

    That is where an attacker looks. The difference of means must be the borrower's clipped vector,
    at most one clip norm, and the noise around both the claimed Gaussian. False alarm: below
    3.5e-7.
    """
    contract = make_contract()
    encoding = make_encoding(contract)
    weights = torch.linspace(-2, 2, encoding.width, dtype=torch.float64)
    question = Gradient(encoding, weights, clip_norm=0.5)
    batch = make_batch(contract, rows=20, rows_each=2)
    first, *others = batch.chunks(1)
    rest = [question.vectors(other) for other in others]
    vector = question.vectors(first)
    noise = noise_for(question, noise_multiplier=MULTIPLIER)
    repeats = 1_500

    def opened(chunks: list[torch.Tensor]) -> np.ndarray:
        sums = [
            private_sum(chunks, width=question.width, clip=question.clip, noise=noise)
            for _ in range(repeats)
        ]
        return np.stack(sums).astype(np.float64)

    with_one, without = opened([vector, *rest]), opened(rest)
    deviation = float(MULTIPLIER) * GRID_STEPS
    exact = exact_sum(question, batch).numpy() / question.clip.step
    one = exact_sum(question, first).numpy() / question.clip.step
    length = np.linalg.norm(one)
    assert 0 < length <= GRID_STEPS
    _check_normal(with_one - exact, deviation=deviation)
    _check_normal(without - (exact - one), deviation=deviation)
    shift = ((with_one.mean(axis=0) - without.mean(axis=0)) @ one) / length
    assert abs(shift - length) <= _FAR * deviation * math.sqrt(2 / repeats)


def test_noise_is_fresh_in_every_answer_and_every_entry() -> None:
    """False alarm: below 1e-9; two draws at this scale are equal with a chance of 3e-8."""
    contract = make_contract()
    question = Gradient(make_encoding(contract), torch.zeros(10, dtype=torch.float64), 0.5)
    empty = make_batch(contract, rows=0)
    noise = noise_for(question, noise_multiplier=MULTIPLIER)
    answers = [answer_question(question, empty, noise=noise) for _ in range(20)]
    for index, answer in enumerate(answers):
        assert len(set(answer.tolist())) >= question.width - 1
        for other in answers[index + 1 :]:
            assert int((answer == other).sum()) <= 1


def test_without_borrowers_an_answer_has_the_same_noise() -> None:
    """False alarm: below 1.5e-7."""
    scale = DiscreteGaussian(float(3 * GRID_STEPS))
    answer = private_sum([], width=5_000, clip=Clip(norm=1.0), noise=scale)
    _check_normal(answer, deviation=3.0 * GRID_STEPS)
