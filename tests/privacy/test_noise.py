"""The noise that is drawn is the noise that is claimed.

Noise comes from the operating system's entropy, so these tests cannot be seeded. Each of the
twenty-nine statistical assertions fails by chance at most twenty-five times in a billion where all
is right; the whole file together less than once in a million runs.
"""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian
from opendp.metrics import l2_distance
from opendp.mod import enable_features
from scipy.stats import chi2

import model.noise
from model.noise import DiscreteGaussian
from model.private_sum import Clip, Vectors, private_sum
from model.queries.answer import answer_question
from model.queries.gradient import Gradient
from protocols.contracts.privacy import GRID_STEPS, LARGEST_SCALE
from tests.unit.model.world import exact_sum, make_batch, make_contract, make_encoding

# Of each assertion. Where squares are compared the normal tail is exceeded, by a factor of less
# than five at these sizes (cells of chi-square tests hold 400 at least), hence "twenty-five".
FALSE_ALARM = 5e-9
_FAR = NormalDist().inv_cdf(1 - FALSE_ALARM / 2)  # two-sided, in standard deviations
_CELL = 400
SCALE = 19 * GRID_STEPS // 2


def _check_normal(draws: np.ndarray, *, deviation: float) -> None:
    """Compare mean, variance and the share within one deviation with those of a Gaussian."""
    count, ratio = draws.size, draws.astype(np.float64).ravel() / deviation
    assert abs(ratio.mean()) <= _FAR / math.sqrt(count)
    # The variance of a squared standard normal is 2.
    assert abs((ratio**2).mean() - 1) <= _FAR * math.sqrt(2 / count)
    inside = NormalDist().cdf(1) - NormalDist().cdf(-1)
    share = (np.abs(ratio) <= 1).mean()
    assert abs(share - inside) <= _FAR * math.sqrt(inside * (1 - inside) / count)


def _check_masses(draws: np.ndarray, *, scale: int) -> None:
    """Compare how often each integer comes with its chance, by chi-square; the ends together."""
    far = 12 * scale
    weights = np.array([math.exp(-(k**2) / (2 * scale**2)) for k in range(-far, far + 1)])
    expected = weights * draws.size / weights.sum()
    end = next(k for k in range(far, 0, -1) if expected[far + k :].sum() >= _CELL)
    tail = expected[far + end :].sum()
    expected = np.concatenate(([tail], expected[far - end + 1 : far + end], [tail]))
    seen = np.bincount(draws.clip(-end, end) + end, minlength=2 * end + 1)
    assert ((seen - expected) ** 2 / expected).sum() <= chi2.isf(FALSE_ALARM, 2 * end)


def _drawn_by_opendp(scale: int, size: int) -> np.ndarray:
    enable_features("contrib")
    measure: Any = make_gaussian(  # Any: OpenDP builds its types at run time
        vector_domain(atom_domain(T="i64")), l2_distance(T="f64"), scale=float(scale)
    )
    return np.array(measure([0] * size), dtype=np.int64)


@pytest.mark.parametrize("scale", [SCALE, 2**24, LARGEST_SCALE])
def test_draws_have_the_deviation_claimed(scale: int) -> None:
    """False alarm: below 2.3e-7."""
    _check_normal(DiscreteGaussian(scale).draw(400_000), deviation=scale)


@pytest.mark.parametrize("scale", [1, 2, 3, 10])
def test_small_scales_have_the_probabilities_of_the_discrete_gaussian(scale: int) -> None:
    """False alarm: below 1e-7. A rounded normal fails: it is 0 with 0.383, not with 0.399."""
    _check_masses(DiscreteGaussian(scale).draw(400_000), scale=scale)


def test_decided_exactly_throughout_the_distribution_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Floating point settles nothing here. False alarm: below 1e-7."""
    monkeypatch.setattr(model.noise, "DOUBT", 2.0)
    _check_masses(DiscreteGaussian(2).draw(20_000), scale=2)
    _check_normal(DiscreteGaussian(2**24).draw(5_000), deviation=2**24)


@pytest.mark.parametrize("scale", [5, 2**24])
def test_opendp_draws_the_same(scale: int) -> None:
    """Chi-square of two samples over cells of equal size. False alarm: below 5e-8."""
    ours, theirs = DiscreteGaussian(scale).draw(60_000), _drawn_by_opendp(scale, 60_000)
    cells = 40 if scale > 40 else 12
    edges = [NormalDist(0, scale).inv_cdf(i / cells) for i in range(1, cells)]
    a, b = (
        np.bincount(np.searchsorted(edges, draws), minlength=cells).astype(np.float64)
        for draws in (ours, theirs)
    )
    assert min(a + b) >= 2 * _CELL
    assert ((a - b) ** 2 / (a + b)).sum() <= chi2.isf(FALSE_ALARM, cells - 1)


def test_opened_sums_of_neighbours_differ_by_the_shift_and_noise_claimed_and_nothing_else() -> None:
    """Many sums of one data set and of its neighbour, seen along the borrower's own direction.

    That is where an attacker looks. The difference of means must be the borrower's clipped vector,
    at most one clip norm, and the noise around both the claimed Gaussian. False alarm: below
    2e-7.
    """
    contract = make_contract()
    encoding = make_encoding(contract)
    weights = torch.linspace(-2, 2, encoding.width, dtype=torch.float64)
    question = Gradient(encoding, weights, clip_norm=0.5)
    batch = make_batch(contract, rows=20, rows_each=2)
    first, *others = batch.chunks(1)
    rest = [question.vectors(other) for other in others]
    vector = question.vectors(first)
    noise = DiscreteGaussian(SCALE)
    repeats = 1_500

    def opened(chunks: list[Vectors]) -> np.ndarray:
        sums = [
            private_sum(chunks, width=question.width, clip=question.clip, noise=noise)
            for _ in range(repeats)
        ]
        return np.stack(sums).astype(np.float64)

    with_one, without = opened([vector, *rest]), opened(rest)
    deviation = float(SCALE)
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
    noise = DiscreteGaussian(SCALE)
    answers = [answer_question(question, empty, noise=noise) for _ in range(20)]
    for index, answer in enumerate(answers):
        assert len(set(answer.tolist())) >= question.width - 1
        for other in answers[index + 1 :]:
            assert int((answer == other).sum()) <= 1


def test_without_borrowers_an_answer_has_the_same_noise() -> None:
    """False alarm: below 1e-7."""
    noise = DiscreteGaussian(3 * GRID_STEPS)
    answer = private_sum([], width=5_000, clip=Clip(norm=1.0), noise=noise)
    _check_normal(answer, deviation=3.0 * GRID_STEPS)
