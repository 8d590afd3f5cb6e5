"""Integer noise: exact samples of the discrete Gaussian, from the operating system's entropy."""

import functools
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian
from opendp.metrics import l2_distance
from opendp.mod import enable_features

from protocols.errors import UnsupportedMechanismError

IntegerVector = npt.NDArray[np.int64]

# 128 deviations below 2^63. A draw that is cut off at the end of the integers hides nothing: the
# sum with it wraps around by exactly what the data add.
LARGEST_SCALE = 2.0**56


class IntegerNoise(Protocol):
    """Draws independent integers of one scale."""

    def draw(self, size: int) -> IntegerVector:
        """Return ``size`` fresh integers, int64 (size,)."""


class DiscreteGaussian:
    """The discrete Gaussian on the integers, exactly sampled by OpenDP.

    Args:
        scale: Standard deviation in grid steps, > 0 and at most ``LARGEST_SCALE``.

    Raises:
        UnsupportedMechanismError: The scale is outside these bounds.

    Privacy: added to an integer sum of L2 sensitivity ``s``, one draw is a release of
        noise multiplier ``scale / s``.
    Source: Canonne, Kamath, Steinke (2020), "The Discrete Gaussian for Differential Privacy".
    """

    def __init__(self, scale: float) -> None:
        if not 0 < scale <= LARGEST_SCALE:
            raise UnsupportedMechanismError("no noise of this scale fits 64-bit integers")
        self._measure = _measurement(scale)

    def draw(self, size: int) -> IntegerVector:
        """Return ``size`` fresh integers, int64 (size,)."""
        return np.array(self._measure([0] * size), dtype=np.int64)


@functools.lru_cache(maxsize=8)
def _measurement(scale: float) -> Callable[[list[int]], list[int]]:
    enable_features("contrib")  # OpenDP's name for what has no machine-checked proof yet
    measure: Any = make_gaussian(  # Any: OpenDP builds its types at run time
        vector_domain(atom_domain(T="i64")), l2_distance(T="f64"), scale=scale
    )
    return lambda zeros: list(measure(zeros))
