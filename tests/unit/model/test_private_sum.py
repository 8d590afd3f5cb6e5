"""The one way out, on cases small enough to check by hand; for every input see tests/property."""

import numpy as np
import pytest

from model.noise import IntegerVector
from model.private_sum import Clip, Vectors, clipped_integers, private_sum
from protocols.contracts.privacy import GRID_STEPS
from tests.unit.model.world import whole


class Fixed:
    """Noise that is known: 1, 2, 3, ..."""

    drawn = 0

    def draw(self, size: int) -> IntegerVector:
        """Return 1 to ``size``."""
        self.drawn += 1
        return np.arange(1, size + 1, dtype=np.int64)


def test_a_short_row_counts_as_it_is() -> None:
    integers = clipped_integers(whole([[0.25, -0.5]]), clip=Clip(norm=1.0, steps=8))
    assert integers.tolist() == [[2, -4]]


def test_a_long_row_is_shortened_to_the_clip_norm_in_its_direction() -> None:
    integers = clipped_integers(whole([[30.0, -40.0]]), clip=Clip(norm=5.0, steps=100))
    assert integers.tolist() == [[60, -80]]


def test_the_longest_row_a_float_can_hold_is_shortened_in_its_direction_too() -> None:
    integers = clipped_integers(whole([[0.6e308, -0.8e308]]), clip=Clip(norm=5.0, steps=1000))
    np.testing.assert_allclose(integers, [[600, -800]], atol=1)


def test_entries_are_cut_towards_zero() -> None:
    integers = clipped_integers(whole([[0.19, -0.19]]), clip=Clip(norm=1.0, steps=10))
    assert integers.tolist() == [[1, -1]]


def test_a_row_with_a_number_that_is_not_finite_counts_as_zero_and_no_other_row_does() -> None:
    bad = float("nan"), float("inf"), float("-inf")
    rows = whole([*([value, 0.5] for value in bad), [0.5, 0.5]])
    integers = clipped_integers(rows, clip=Clip(norm=1.0, steps=10))
    assert integers.tolist() == [[0, 0], [0, 0], [0, 0], [5, 5]]


def test_a_row_that_floating_point_left_too_long_counts_as_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(np, "sqrt", lambda squares: squares**0.5 * 0.9)
    integers = clipped_integers(whole([[3.0, 4.0], [0.3, 0.4]]), clip=Clip(norm=1.0, steps=100))
    assert integers.tolist() == [[0, 0], [30, 40]]
    once = Vectors(np.array([[0, 1, 2, 3], [0, 1, 2, 3]]), np.array([[5.0], [0.3]]))
    assert clipped_integers(once, clip=Clip(norm=1.0, steps=100)).tolist() == [[0], [30]]


def test_one_number_in_several_places_is_as_long_as_if_it_were_written_out() -> None:
    places = np.array([[0, 2, 3, 5], [1, 2, 4, 5]])
    once = Vectors(places, np.array([[0.5], [-3.0]]))
    clip = Clip(norm=1.5, steps=30)
    assert clipped_integers(once, clip=clip).tolist() == [[10], [-15]]
    total = private_sum([once], width=6, clip=clip, noise=Fixed())
    assert (total - Fixed().draw(6)).tolist() == [10, -15, -5, 10, -15, -5]


def test_chunks_are_added_and_noise_is_drawn_once() -> None:
    noise = Fixed()
    total = private_sum(
        [whole([[0.5, 0.0]]), whole([[0.5, 0.0], [0.0, -1.0]])],
        width=2,
        clip=Clip(norm=1.0, steps=10),
        noise=noise,
    )
    assert total.tolist() == [5 + 5 + 1, -10 + 2]
    assert total.dtype == np.int64
    assert noise.drawn == 1


def test_without_a_borrower_noise_is_drawn_all_the_same() -> None:
    noise = Fixed()
    assert private_sum([], width=3, clip=Clip(norm=1.0), noise=noise).tolist() == [1, 2, 3]
    assert noise.drawn == 1


def test_a_step_is_the_norm_over_the_steps() -> None:
    assert Clip(norm=0.5).step == 0.5 / GRID_STEPS
