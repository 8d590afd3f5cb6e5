"""Noise shares of enough honest partners are the noise that is claimed, whoever takes theirs back.

Noise comes from the operating system's entropy, so these tests cannot be seeded. Each of the eight
statistical assertions fails by chance at most once in ten million runs where all is right.
"""

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
import torch

from model.private_sum import private_sum
from model.queries.answer import answer_question, noise_for
from model.queries.gradient import Gradient
from protocols.contracts.privacy import GRID_STEPS
from protocols.ledger.sharing import DISTRIBUTED, LOCAL, Sharing
from tests.unit.model.world import exact_sum, make_batch, make_contract, make_encoding

FALSE_ALARM = 1e-7
_FAR = NormalDist().inv_cdf(1 - FALSE_ALARM / 2)  # two-sided, in standard deviations
MULTIPLIER = Fraction("9.5")
PARTNERS = 5
REPEATS = 600

CONTRACT = make_contract()
ENCODING = make_encoding(CONTRACT)
QUESTION = Gradient(ENCODING, torch.linspace(-2, 2, ENCODING.width, dtype=torch.float64), 0.5)


def _opened(sharing: Sharing, *, honest: int, is_borrower_there: bool) -> np.ndarray:
    """Return many opened sums as colluders see them: without the noise that they drew themselves.

    One honest partner holds the borrower, the others hold nothing.
    """
    noise = noise_for(QUESTION, noise_multiplier=MULTIPLIER, sharing=sharing)
    chunks = [QUESTION.vectors(make_batch(CONTRACT, rows=1))] if is_borrower_there else []
    sums = [
        private_sum(chunks, width=QUESTION.width, clip=QUESTION.clip, noise=noise)
        + sum(noise.draw(QUESTION.width) for _ in range(honest - 1))
        for _ in range(REPEATS)
    ]
    return np.stack(sums).astype(np.float64)


def _variance_and_reach(draws: np.ndarray, *, deviation: float) -> tuple[float, float]:
    """Return mean of squares over the variance, and how far that may be from 1."""
    ratio = (draws / deviation).ravel()
    return float((ratio**2).mean()), _FAR * math.sqrt(2 / ratio.size)


@pytest.mark.parametrize("most_lenders", [1, 2])
@pytest.mark.parametrize("shares", [2, 4])
def test_with_as_many_honest_partners_as_shares_neighbours_differ_by_the_noise_claimed(
    shares: int, most_lenders: int
) -> None:
    """An attacker looks along the borrower's own direction. False alarm: 2e-7 each."""
    sharing = Sharing(mode=DISTRIBUTED, shares=shares, most_lenders=most_lenders)
    with_one = _opened(sharing, honest=shares, is_borrower_there=True)
    without = _opened(sharing, honest=shares, is_borrower_there=False)
    claimed = float(MULTIPLIER) * most_lenders * GRID_STEPS  # sigma C, with C = m clip norms
    one = exact_sum(QUESTION, make_batch(CONTRACT, rows=1)).numpy() / QUESTION.clip.step
    length = float(np.linalg.norm(one))
    assert 0 < length <= GRID_STEPS
    variance, reach = _variance_and_reach(without, deviation=claimed)
    assert abs(variance - 1) <= reach
    shift = ((with_one.mean(axis=0) - without.mean(axis=0)) @ one) / length
    assert abs(shift - length) <= _FAR * claimed * math.sqrt(2 / REPEATS)


def test_with_one_honest_partner_too_few_the_noise_is_less_than_claimed() -> None:
    """The test above can fail: a share too few is seen."""
    sharing = Sharing(mode=DISTRIBUTED, shares=3, most_lenders=1)
    draws = _opened(sharing, honest=2, is_borrower_there=False)
    variance, reach = _variance_and_reach(draws, deviation=float(MULTIPLIER) * GRID_STEPS)
    assert variance < 1 - reach


def test_in_mode_local_one_partner_adds_all_of_the_noise() -> None:
    """False alarm: 1e-7."""
    sharing = Sharing(mode=LOCAL, shares=1, most_lenders=1)
    noise = noise_for(QUESTION, noise_multiplier=MULTIPLIER, sharing=sharing)
    empty = make_batch(CONTRACT, rows=0)
    draws = np.stack([answer_question(QUESTION, empty, noise=noise) for _ in range(REPEATS)])
    variance, reach = _variance_and_reach(draws, deviation=float(MULTIPLIER) * GRID_STEPS)
    assert abs(variance - 1) <= reach
