"""Logits to probabilities and points in NumPy and plain Python: ``model.link`` without torch."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # torch stays out of processes that only answer
    from model.scorecard import Scorecard

Floats = npt.NDArray[np.float64]
_Number = TypeVar("_Number", float, Floats)


@dataclass(frozen=True)
class NumericLink:
    """What ``Link`` and ``Scaling`` say, as numbers.

    Points are computed by the very operations of ``Scorecard.exact_points`` and are equal bit for
    bit; probabilities agree to the last few bits.

    Attributes:
        intercept, slope: Of the link.
        base_points, base_log_odds, points_per_log_odds: Of the scaling.
    """

    intercept: float
    slope: float
    base_points: int
    base_log_odds: float
    points_per_log_odds: float

    @classmethod
    def of(cls, scorecard: "Scorecard") -> "NumericLink":
        """Return a scorecard's link and scaling."""
        link, scaling = scorecard.link, scorecard.scaling
        return cls(
            intercept=link.intercept,
            slope=link.slope,
            base_points=scaling.base_points,
            base_log_odds=math.log(scaling.base_odds),
            points_per_log_odds=scaling.points_to_double / math.log(2),
        )

    def probability(self, logit: float) -> float:
        """Return the probability of default of one logit.

        It is one of many, computed as they are: NumPy and Python differ in the last bit of an
        exponential, and a limit must not turn on how many were asked about together.
        """
        return float(self.probabilities(np.array([logit]))[0])

    def probabilities(self, logits: Floats) -> Floats:
        """Return the probability of default of each logit, float64 (n,)."""
        with np.errstate(over="ignore"):  # exp is infinite where the probability is 0
            probabilities: Floats = 1 / (1 + np.exp(-self._log_odds(logits)))
        return probabilities

    def points(self, logit: float) -> int:
        """Return the points of one logit."""
        return round(self._exact(logit))

    def all_points(self, logits: Floats) -> npt.NDArray[np.int64]:
        """Return the points of each logit, int64 (n,)."""
        return np.rint(self._exact(logits)).astype(np.int64)  # ties to even, as Python rounds

    def _exact(self, logits: _Number) -> _Number:
        beyond_base = -self._log_odds(logits) - self.base_log_odds
        return self.base_points + self.points_per_log_odds * beyond_base

    def _log_odds(self, logits: _Number) -> _Number:
        return self.intercept + self.slope * logits
