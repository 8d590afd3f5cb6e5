"""An opened sum in the question's units, with the noise that is known to be in it."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from model.noise import IntegerVector
from model.opening import Reading, reading_of
from model.queries.histogram import Histogram
from protocols.contracts.privacy import GRID_STEPS
from protocols.ledger.sharing import DISTRIBUTED, LOCAL, Sharing
from tests.unit.model.world import make_contract

QUESTION = Histogram(make_contract(numeric=2))
SIGMA = Fraction("12.5")
LOCALLY = Sharing(LOCAL, shares=1, most_lenders=1)
READING = Reading(QUESTION, share=1_000, partners=4, capacity=70, present=Fraction(1))


def _sum(*entries: int) -> IntegerVector:
    total = np.zeros(QUESTION.width, dtype=np.int64)
    total[: len(entries)] = entries
    return total


def _reading(sharing: Sharing, *capacities: int) -> Reading:
    return reading_of(QUESTION, noise_multiplier=SIGMA, sharing=sharing, capacities=capacities)


def test_alone_every_partner_adds_the_whole_noise() -> None:
    reading = _reading(LOCALLY, 30, 20, 20)
    assert (reading.partners, reading.capacity, reading.present) == (3, 70, 1)
    assert reading.deviation == pytest.approx(12.5 * GRID_STEPS * math.sqrt(3))


def test_shares_of_more_partners_than_are_counted_on_are_more_than_the_whole() -> None:
    whole = 12.5 * GRID_STEPS
    shared = Sharing(DISTRIBUTED, shares=2, most_lenders=1)
    assert _reading(shared, 1, 1).deviation == pytest.approx(whole)
    assert _reading(shared, 1, 1, 1, 1).deviation == pytest.approx(whole * math.sqrt(2))


def test_a_sum_and_its_noise_are_in_the_questions_units() -> None:
    opened = READING.opened(_sum(GRID_STEPS, -2 * GRID_STEPS))
    assert opened.values[:3].tolist() == [QUESTION.clip.norm, -2 * QUESTION.clip.norm, 0]
    assert opened.values.dtype == torch.float64
    assert opened.noise == pytest.approx(2_000 * QUESTION.clip.step)


def test_those_who_left_are_taken_to_be_like_those_who_are_there() -> None:
    total = _sum(70, 140)
    whole = READING.opened(total)
    part = replace(READING, present=Fraction(70, 140)).opened(total)
    assert torch.allclose(part.values, 2 * whole.values)
    assert part.noise == pytest.approx(2 * whole.noise)


def test_energy_is_that_of_the_sum_as_it_was_opened() -> None:
    draw = np.random.default_rng(5).normal(0, READING.deviation, QUESTION.width)
    total = np.rint(draw).astype(np.int64)
    there, part = READING.energy(total), replace(READING, present=Fraction(1, 3)).energy(total)
    assert there == part
    assert there.contrasts == len(QUESTION.contract.fields) - 1
    assert replace(READING, share=2_000).energy(total).squares == pytest.approx(there.squares / 4)


def test_a_sum_is_gross_from_where_data_and_noise_cannot_reach() -> None:
    noise = 2_000 * (math.sqrt(QUESTION.width) + 40)
    bound = math.floor(70 * GRID_STEPS + noise)
    for sign in (1, -1):
        assert not READING.is_gross(_sum(sign * bound))
        assert READING.is_gross(_sum(sign * (bound + 1)))


def test_it_is_the_length_of_a_sum_that_is_gross_and_no_entry_of_it() -> None:
    each = 60 * GRID_STEPS
    assert not READING.is_gross(_sum(each))
    assert READING.is_gross(_sum(each, each))


@pytest.mark.parametrize("word", [2**63 - 1, -(2**63)])
def test_the_largest_words_are_gross(word: int) -> None:
    assert READING.is_gross(np.full(QUESTION.width, word, dtype=np.int64))
