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
        most: Logarithm of the clip norm: no log-probability counts as more.
        intercept, slope: Of the calibration.
        base_points, base_log_odds, points_per_log_odds: Of the scaling.
    """

    most: float
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
            most=math.log(link.loss_clip),
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
        log_odds = self.intercept + self.slope * self._unclipped(logits)
        with np.errstate(over="ignore"):  # exp is infinite where the probability is 0
            probabilities: Floats = 1 / (1 + np.exp(-log_odds))
        return probabilities

    def points(self, logit: float) -> int:
        """Return the points of one logit."""
        return round(self._exact(logit))

    def all_points(self, logits: Floats) -> npt.NDArray[np.int64]:
        """Return the points of each logit, int64 (n,)."""
        return np.rint(self._exact(logits)).astype(np.int64)  # ties to even, as Python rounds

    def _exact(self, logits: _Number) -> _Number:
        safe = self.intercept + self.slope * (logits - min(0.0, self.most))
        return self.base_points + self.points_per_log_odds * (-safe - self.base_log_odds)

    def _unclipped(self, logits: Floats) -> Floats:
        """Return log-odds before calibration: odd in the logit, so worked out for its size."""
        if self.most >= 0:
            return logits
        size = np.abs(logits)
        excess = np.log1p(np.exp(-size))
        shrunk = np.minimum(-excess, self.most) - np.minimum(-size - excess, self.most)
        log_odds: Floats = np.copysign(shrunk, logits)
        return log_odds
