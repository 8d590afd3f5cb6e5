"""From a logit to a probability of default: a line in log-odds, found by calibration."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import least_squares
from scipy.special import expit
from torch import Tensor
from torch.nn.functional import logsigmoid

from model.score_table import ScoreTable

# How far calibration is expected to move before anybody looks: standard deviations of the
# intercept, in log-odds, and of the logarithm of the slope; docs/training.md, "Calibration".
INTERCEPT_DEVIATION = 0.3
SLOPE_DEVIATION = 0.2


@dataclass(frozen=True)
class Link:
    """Turns logits into probabilities of default: log-odds are ``intercept + slope * logit``.

    Attributes:
        intercept: In log-odds.
        slope: Above 0, so that the order of borrowers stays.

    Privacy: post-processing of a released model.
    Source: docs/training.md, "Calibration".
    """

    intercept: float = 0.0
    slope: float = 1.0

    def log_odds(self, logits: Tensor) -> Tensor:
        """Return the log-odds of default that each logit stands for, same shape."""
        return self.intercept + self.slope * logits

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the probability of default that each logit stands for, same shape, in [0, 1]."""
        return torch.sigmoid(self.log_odds(logits))


def calibrated(table: ScoreTable, *, loss_clip: float) -> Link:
    """Return the link that agrees best with how many borrowers of each score defaulted.

    Logistic recalibration (Cox, 1958: intercept and slope) with a prior around what training is at
    rest with, so that it moves as far as the counts are worth against their noise and no further.

    Args:
        table: Opened counts of the borrowers of training.
        loss_clip: Clip norm C of the training gradient.

    Privacy: post-processing of a private sum.
    """
    logits, expected = table.logits.numpy(), unclipped_log_odds(table.logits, loss_clip).numpy()
    slope, intercept = _line(logits, expected)
    good, bad = table.good.numpy(), table.bad.numpy()
    p = expit(expected)
    variances = (
        np.maximum(good + bad, 0.0) * p * (1 - p)  # sampling
        + table.noise**2 * (p**2 + (1 - p) ** 2)
        + (table.logit_noise.numpy() * p * (1 - p)) ** 2
    )

    def misfit(moved: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        by, log_factor = moved
        log_odds = intercept + by + slope * math.exp(log_factor) * logits
        said = expit(log_odds)
        prior = [by / INTERCEPT_DEVIATION, log_factor / SLOPE_DEVIATION]
        return np.concatenate([(bad * (1 - said) - good * said) / np.sqrt(variances), prior])

    limits = 5 * np.array([INTERCEPT_DEVIATION, SLOPE_DEVIATION])
    by, log_factor = least_squares(misfit, np.zeros(2), bounds=(-limits, limits)).x.tolist()
    # As many digits as a release states.
    return Link(intercept=round(intercept + by, 6), slope=round(slope * math.exp(log_factor), 6))


def unclipped_log_odds(logits: Tensor, loss_clip: float) -> Tensor:
    """Return the log-odds of default at which training would be at rest, same shape as ``logits``.

    Clipping a borrower's gradient changes the loss that training minimises: rows have norm 1, so
    the gradient of a logistic loss is ``q - y`` long (q the logistic of the logit) and becomes
    ``min(q, C)`` for a good borrower and ``min(1 - q, C)`` for a bad one. At a minimum the two
    balance, ``(1 - p) min(q, C) = p min(1 - q, C)``, which gives p. For C >= 1 it is q itself.
    For C >= 1/2, which a charter demands, p rises strictly with the logit.

    Source: docs/training.md, "What clipping does to probabilities".
    """
    most = math.log(loss_clip)
    good, bad = logsigmoid(logits).clamp_max(most), logsigmoid(-logits).clamp_max(most)
    return good - bad


def logit_of(p_default: float, *, loss_clip: float) -> float:
    """Return the logit at which training rests if all borrowers default with one probability.

    Args:
        p_default: In (0, 1).
        loss_clip: C, at least 1/2.

    Source: docs/training.md, "What clipping does to probabilities".
    """
    rarer = min(p_default, 1 - p_default)
    # Clipped on the rarer side only: (1 - p) q = p C. Never on both, as C is at least 1/2.
    q = rarer if rarer >= 1 - loss_clip else rarer * loss_clip / (1 - rarer)
    logit = math.log(q / (1 - q))
    return logit if p_default < 0.5 else -logit


def _line(
    logits: npt.NDArray[np.float64], log_odds: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Return slope and intercept of the line through points that rise; logits differ."""
    away = logits - logits.mean()
    slope = float(away @ log_odds / (away @ away))
    return slope, float(log_odds.mean() - slope * logits.mean())
