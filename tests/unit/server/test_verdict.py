"""A sum is used only if everybody is in it, it is no longer than it can be, and it is noised."""

from fractions import Fraction

import numpy as np
import pytest

from model.contrasts import NoiseWatch
from model.noise import IntegerVector
from model.opening import reading_of
from model.queries.histogram import Histogram
from protocols.errors import IncompleteCohortError
from protocols.ledger.entry import GROSS_ERROR, MISSING_NOISE, NO_FAULT
from protocols.ledger.sharing import LOCAL, Sharing
from server.cohort import Gathered
from server.verdict import judge
from tests.unit.model.world import make_contract

NAMES = ("p0", "p1", "p2")
QUESTION = Histogram(make_contract(numeric=4))
READING = reading_of(
    QUESTION,
    noise_multiplier=Fraction(10),
    sharing=Sharing(LOCAL, shares=1, most_lenders=1),
    capacities=(30, 20, 20),
)


def _noise(seed: int) -> IntegerVector:
    draw = np.random.default_rng(seed).normal(0, READING.share, QUESTION.width)
    return np.rint(draw).astype(np.int64)


def _gathered(*vectors: IntegerVector) -> Gathered:
    there = dict(zip(NAMES, vectors, strict=False))
    return Gathered(
        cohort=NAMES,
        vectors={name: vector.astype("<i8").tobytes() for name, vector in there.items()},
        spends=dict.fromkeys(there, "ab" * 32),
        missing=dict.fromkeys(set(NAMES) - set(there), "no-reply"),
    )


def test_a_noised_sum_of_everybody_is_used() -> None:
    vectors = [_noise(seed) for seed in range(3)]
    verdict = judge(_gathered(*vectors), READING, NoiseWatch(sums=1))
    assert verdict.total is not None
    assert np.array_equal(verdict.total, sum(vectors))
    assert verdict.fault == NO_FAULT
    assert verdict.energy == READING.energy(sum(vectors))
    assert verdict.energy.contrasts > 0


def test_without_somebody_there_is_no_sum_and_no_fault() -> None:
    gathered = _gathered(_noise(0), _noise(1))
    verdict = judge(gathered, READING, NoiseWatch(sums=1))
    assert (verdict.total, verdict.fault, verdict.energy.contrasts) == (None, NO_FAULT, 0)
    with pytest.raises(IncompleteCohortError):
        gathered.total()


def test_a_sum_without_noise_is_a_fault_and_is_kept_as_evidence() -> None:
    nothing = np.zeros(QUESTION.width, dtype=np.int64)
    verdict = judge(_gathered(nothing, nothing, nothing), READING, NoiseWatch(sums=1))
    assert verdict.fault == MISSING_NOISE
    assert verdict.total is not None
    assert verdict.energy.squares == 0


def test_a_sum_that_is_too_long_is_a_fault_and_no_news_of_the_noise() -> None:
    watch = NoiseWatch(sums=1)
    wild = _gathered(np.full(QUESTION.width, 2**60, dtype=np.int64), _noise(1), _noise(2))
    assert judge(wild, READING, watch).fault == GROSS_ERROR
    # The watch was made for one sum: it has not taken this one.
    honest = _gathered(_noise(0), _noise(1), _noise(2))
    assert judge(honest, READING, watch).fault == NO_FAULT
