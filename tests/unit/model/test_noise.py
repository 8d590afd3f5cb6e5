"""Which scales of noise there are; that draws are the discrete Gaussian: tests/privacy."""

import math

import numpy as np
import pytest

from model.noise import LARGEST_SCALE, DiscreteGaussian
from protocols.errors import UnsupportedMechanismError


def test_a_draw_is_64_bit_integers_of_the_size_asked_for() -> None:
    draw = DiscreteGaussian(100.0).draw(7)
    assert draw.shape == (7,)
    assert draw.dtype == np.int64
    assert DiscreteGaussian(100.0).draw(0).shape == (0,)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf, 2 * LARGEST_SCALE])
def test_a_scale_that_hides_nothing_or_does_not_fit_is_refused(scale: float) -> None:
    with pytest.raises(UnsupportedMechanismError):
        DiscreteGaussian(scale)


def test_the_largest_scale_is_drawn() -> None:
    assert np.abs(DiscreteGaussian(LARGEST_SCALE).draw(20)).max() > 0
