"""What a set of scores is worth on public data: ranking, probabilities, and both at once."""

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
_CALIBRATION_BINS = 10
_CHANCES = 50


def quality(outcomes: Vector, p_default: Vector) -> dict[str, float]:
    """Return what is measured of one model.

    Args:
        outcomes: 1.0 for bad, 0.0 for good, float64 (n,).
        p_default: Its probabilities of default, float64 (n,).

    Returns:
        ``auc``; ``ks``, the largest distance between the classes' distributions; ``brier``, the
        mean squared error; ``ece``, the expected calibration error over ten bins of equal mass;
        ``ece_by_chance``, what it would be on so many borrowers if the probabilities were true.
    """
    bad, good = np.sort(p_default[outcomes == 1]), np.sort(p_default[outcomes == 0])
    below = np.searchsorted(good, bad, side="left") + np.searchsorted(good, bad, side="right")
    grid = np.unique(p_default)
    draws = np.random.default_rng(0).random((_CHANCES, len(p_default)))
    chance = (draws < p_default).astype(np.float64)
    bad_below = np.searchsorted(bad, grid, side="right") / len(bad)
    good_below = np.searchsorted(good, grid, side="right") / len(good)
    return {
        "auc": float(below.sum() / 2 / (len(bad) * len(good))),
        "ks": float(np.abs(good_below - bad_below).max()),
        "brier": float(np.mean((p_default - outcomes) ** 2)),
        "ece": _calibration_error(outcomes, p_default),
        "ece_by_chance": float(np.mean([_calibration_error(drawn, p_default) for drawn in chance])),
    }


def _calibration_error(outcomes: Vector, p_default: Vector) -> float:
    order = np.argsort(p_default, kind="stable")
    bins = np.array_split(order, _CALIBRATION_BINS)
    gaps = [len(bin_) * abs(outcomes[bin_].mean() - p_default[bin_].mean()) for bin_ in bins]
    return float(sum(gaps) / len(outcomes))
