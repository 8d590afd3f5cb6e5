"""An answer is one private sum: the same however it is cut into chunks, with noise drawn once."""

from fractions import Fraction

import numpy as np
import pytest

from model.noise import DiscreteGaussian, IntegerVector
from model.queries import answer
from model.queries.answer import answer_question, noise_for
from model.queries.histogram import Histogram
from protocols.contracts.privacy import GRID_STEPS
from protocols.ledger.sharing import DISTRIBUTED, LOCAL, Sharing
from tests.unit.model.world import exact_sum, make_batch, make_contract

CONTRACT = make_contract()
LOCALLY = Sharing(LOCAL, shares=1, most_lenders=1)
QUESTION = Histogram(CONTRACT)
BATCH = make_batch(CONTRACT, rows=60, rows_each=3)


class Counted:
    """No noise, and how often it was drawn."""

    drawn = 0

    def draw(self, size: int) -> IntegerVector:
        """Return zeros."""
        self.drawn += 1
        return np.zeros(size, dtype=np.int64)


@pytest.mark.parametrize("most_entries", [1, 200, 1_000, 1_000_000])
def test_chunks_change_nothing(most_entries: int) -> None:
    noise = Counted()
    total = answer_question(QUESTION, BATCH, noise=noise, most_entries=most_entries)
    units = total * QUESTION.clip.step
    assert np.array_equal(units, exact_sum(QUESTION, BATCH).numpy())
    assert noise.drawn == 1


def test_nobody_is_answered_by_noise() -> None:
    noise = Counted()
    total = answer_question(QUESTION, make_batch(CONTRACT, rows=0), noise=noise)
    assert total.shape == (QUESTION.width,)
    assert noise.drawn == 1


def test_the_scale_of_noise_is_the_multiplier_times_the_clip_in_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scales: list[float] = []
    monkeypatch.setattr(answer, "DiscreteGaussian", scales.append)
    noise_for(QUESTION, noise_multiplier=Fraction("12.5"), sharing=LOCALLY)
    assert scales == [12.5 * GRID_STEPS]


def test_where_noise_is_shared_a_partner_draws_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    scales: list[float] = []
    monkeypatch.setattr(answer, "DiscreteGaussian", scales.append)
    shared = Sharing(DISTRIBUTED, shares=4, most_lenders=3)
    noise_for(QUESTION, noise_multiplier=Fraction("12.5"), sharing=shared)
    assert scales == [12.5 * 3 * GRID_STEPS / 2]


def test_noise_is_the_discrete_gaussian() -> None:
    assert isinstance(
        noise_for(QUESTION, noise_multiplier=Fraction(3), sharing=LOCALLY), DiscreteGaussian
    )
