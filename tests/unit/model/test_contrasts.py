"""Contrasts are zero on every exact sum, orthonormal, and all there are.

The energy of a sum is a quadratic form. Each test here reads its whole matrix: an orthogonal
projection of trace r has, on independent normal noise, exactly the chi-square distribution of r
degrees, so nothing needs to be drawn.
"""

import math

import pytest
import torch
from torch import Tensor

from model.contrasts import FALSE_ALARM, NoiseEnergy, NoiseWatch, noise_energy
from model.features import Encoding, row_logits
from model.queries.batch import Question
from model.queries.evaluation import Evaluation
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from model.queries.stability import Stability
from protocols.errors import MissingNoiseError
from tests.unit.model.world import dense, exact_sum, make_batch, make_contract

CONTRACT = make_contract(numeric=2)
BINS = (4, 1, 2, 3)
ENCODING = Encoding(
    tuple(
        tuple(bins * cell // field.cell_count for cell in range(field.cell_count))
        for field, bins in zip(CONTRACT.fields, BINS, strict=True)
    )
)
WEIGHTS = torch.linspace(-2, 1, ENCODING.width, dtype=torch.float64)
EDGES = torch.linspace(-1, 1, 11, dtype=torch.float64)
HISTOGRAM = Histogram(CONTRACT)
GRADIENT = Gradient(ENCODING, WEIGHTS, 0.5)
GRAM = Gram(ENCODING)
# With the contrasts counted by hand. A Gram has, for each field, an entry for every silent
# direction (4 by 11, less 6 that are counted twice) and for every pair of bins: 6 + 0 + 1 + 3.
# With edges between the logits that rows can have, so that every score bin holds some.
UNEVEN = torch.randn(ENCODING.width, dtype=torch.float64, generator=torch.manual_seed(5))
LOGITS = row_logits(make_batch(CONTRACT, rows=3_000).cells, ENCODING, UNEVEN).unique()
STABILITY = Stability(ENCODING, UNEVEN, LOGITS[:: len(LOGITS) // 10][:11] - 1e-6)
QUESTIONS = [(HISTOGRAM, 3), (GRADIENT, 4), (GRAM, 48), (STABILITY, 4)]
by_query = pytest.mark.parametrize(
    ("question", "contrasts"), QUESTIONS, ids=[question.name for question, _ in QUESTIONS]
)


def _squares(question: Question, vector: Tensor) -> float:
    return noise_energy(question, vector, noise=1.0).squares


def _form(question: Question) -> Tensor:
    """Return the symmetric matrix M of the energy x' M x, float64 (width, width)."""
    unit = torch.eye(question.width, dtype=torch.float64)
    alone = torch.tensor([_squares(question, row) for row in unit], dtype=torch.float64)
    form = torch.diag(alone)
    for i in range(question.width):
        for j in range(i):
            both = _squares(question, unit[i] + unit[j])
            form[i, j] = form[j, i] = (both - alone[i] - alone[j]) / 2
    return form


@by_query
def test_contrasts_are_orthonormal_and_as_many_as_counted(
    question: Question, contrasts: int
) -> None:
    form = _form(question)
    assert torch.allclose(form @ form, form, atol=1e-9)
    assert form.trace().item() == pytest.approx(contrasts)
    assert noise_energy(question, form[0], noise=1.0).contrasts == contrasts


@by_query
def test_there_is_no_further_contrast(question: Question, contrasts: int) -> None:
    batch = make_batch(CONTRACT, rows=3_000, seed=4)
    signal = int(torch.linalg.matrix_rank(dense(question, batch)))
    assert signal + contrasts == question.width


@by_query
@pytest.mark.parametrize("rows_each", [1, 3])
def test_contrasts_of_an_exact_sum_are_zero_but_for_truncation(
    question: Question, contrasts: int, rows_each: int
) -> None:
    """Several rows, clipping, missing values and special codes included."""
    borrowers = 400
    batch = make_batch(CONTRACT, rows=borrowers * rows_each, seed=7, rows_each=rows_each)
    vectors = dense(question, batch)
    assert all(
        _squares(question, vector) <= 1e-20 * float(vector @ vector) for vector in vectors[:50]
    )
    # The length of what truncation took: a step in every entry that a borrower's rows touch.
    entries = int((vectors != 0).sum(dim=1).max())
    most = (borrowers * question.clip.step) ** 2 * entries
    opened = exact_sum(question, batch)
    assert _squares(question, opened) <= most <= 1e-5 * float(opened @ opened)


@by_query
def test_energy_counts_variances(question: Question, contrasts: int) -> None:
    noise = torch.arange(question.width, dtype=torch.float64)
    once, halved = (noise_energy(question, noise, noise=level) for level in (1.0, 2.0))
    assert halved.squares == pytest.approx(once.squares / 4)
    assert halved.contrasts == once.contrasts == contrasts


def test_an_evaluation_has_no_contrast_and_never_alarms() -> None:
    evaluation = Evaluation(ENCODING, WEIGHTS, EDGES)
    opened = torch.zeros(evaluation.width, dtype=torch.float64)
    energy = NoiseWatch(sums=1).take(
        noise_energy(evaluation, opened, noise=1.0), of=evaluation.name
    )
    assert energy == NoiseEnergy(0.0, 0)
    assert energy.chance_of_less() == 1.0


def test_chance_is_that_of_chi_square() -> None:
    """Two degrees have a closed form; the large ones are scipy's, far out in the lower tail."""
    assert NoiseEnergy(3.0, 2).chance_of_less() == pytest.approx(1 - math.exp(-1.5))
    assert NoiseEnergy(1e-7, 2).chance_of_less() == pytest.approx(5e-8)
    assert NoiseEnergy(0.0, 7).chance_of_less() == 0.0
    assert NoiseEnergy(800.0, 1_000).chance_of_less() == pytest.approx(8.109381e-07, rel=1e-6)
    assert NoiseEnergy(3_900.0, 4_395).chance_of_less() == pytest.approx(2.068618e-08, rel=1e-6)


def test_energies_of_sums_add_up() -> None:
    watch = NoiseWatch(sums=2)
    noise = torch.arange(GRADIENT.width, dtype=torch.float64)
    first = watch.take(noise_energy(GRADIENT, noise, noise=1.0), of=GRADIENT.name)
    second = watch.take(noise_energy(GRADIENT, 2 * noise, noise=1.0), of=GRADIENT.name)
    assert second.squares == pytest.approx(5 * first.squares)
    assert second.contrasts == 2 * first.contrasts


def _with_energy(squares: float) -> Tensor:
    """Return an answer to ``GRADIENT`` that holds this energy on its four contrasts."""
    vector = torch.arange(GRADIENT.width, dtype=torch.float64)
    return vector * math.sqrt(squares / _squares(GRADIENT, vector))


def _take_many(watch: NoiseWatch, opened: Tensor) -> None:
    for _ in range(90):
        watch.take(noise_energy(GRADIENT, opened, noise=1.0), of=GRADIENT.name)


def _energy_of_chance(chance: float) -> float:
    """Turn round the chance of four degrees, 1 - exp(-h) (1 + h) with h half the energy."""
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        more = NoiseEnergy(middle, 4).chance_of_less() > chance
        low, high = (low, middle) if more else (middle, high)
    return high


def test_the_rate_of_false_alarms_is_divided_over_all_tests_of_a_run() -> None:
    edge = _energy_of_chance(FALSE_ALARM / (2 * 5))
    NoiseWatch(sums=5).take(
        noise_energy(GRADIENT, _with_energy(1.01 * edge), noise=1.0), of=GRADIENT.name
    )
    with pytest.raises(MissingNoiseError, match=r"^gradient: expected noise of energy about 4 in"):
        NoiseWatch(sums=5).take(
            noise_energy(GRADIENT, _with_energy(0.99 * edge), noise=1.0), of=GRADIENT.name
        )


def test_a_share_that_is_always_missing_adds_up_to_an_alarm() -> None:
    watch = NoiseWatch(sums=100)
    quarter = _with_energy(4 * 0.25)
    for _ in range(10):  # no single one is strange
        watch.take(noise_energy(GRADIENT, quarter, noise=1.0), of=GRADIENT.name)
    with pytest.raises(MissingNoiseError):
        _take_many(watch, quarter)


def test_noise_that_goes_missing_late_is_found_in_that_sum() -> None:
    watch = NoiseWatch(sums=100)
    for _ in range(98):
        watch.take(noise_energy(GRADIENT, _with_energy(4.0), noise=1.0), of=GRADIENT.name)
    with pytest.raises(MissingNoiseError):
        watch.take(noise_energy(GRADIENT, _with_energy(1e-6), noise=1.0), of=GRADIENT.name)


def test_what_is_no_number_does_not_pass() -> None:
    broken = torch.full((GRADIENT.width,), math.nan, dtype=torch.float64)
    with pytest.raises(MissingNoiseError):
        NoiseWatch(sums=1).take(noise_energy(GRADIENT, broken, noise=1.0), of=GRADIENT.name)


def test_more_sums_than_planned_are_a_fault_of_the_caller() -> None:
    watch = NoiseWatch(sums=1)
    watch.take(noise_energy(GRADIENT, _with_energy(4.0), noise=1.0), of=GRADIENT.name)
    with pytest.raises(RuntimeError, match=r"^the watch was made for fewer sums$"):
        watch.take(noise_energy(GRADIENT, _with_energy(4.0), noise=1.0), of=GRADIENT.name)
