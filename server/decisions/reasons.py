"""Reasons: the fields that cost an applicant points, exactly as the scorecard counts them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MOST_REASONS = 4  # more blur what mattered: 12 CFR 1002 supplement I, 9(b)(2)-1
ROUNDING = 1e-6  # points; a field whose bins all weigh the same differs from its average by less


class Loss(NamedTuple):
    """What one field cost an applicant.

    Attributes:
        place: The field's, in the contract.
        points: Exact points below what the average borrower gets for the field; above 0.
        is_missing: Whether there was no usable value for it.
    """

    place: int
    points: float
    is_missing: bool


def most_lost(
    points_lost: npt.NDArray[np.float64], is_missing: npt.NDArray[np.bool_]
) -> list[list[Loss]]:
    """Return what cost each of n applicants points, most points first.

    The model is a sum, so a reason's points are its exact contribution: had the applicant the
    average borrower's points for that field, the score would be higher by just so much.

    Args:
        points_lost: For each field of the contract, in its order, points below the average
            borrower's; negative where the applicant does better. (n, fields)
        is_missing: Whether there was no usable value for a field. (n, fields)

    Returns:
        Of each at most four, equals in the contract's order; none where no field cost a point.
        Given on approvals too.

    Source: docs/limits.md, "Reasons".
    """
    places = np.argsort(-points_lost, axis=1, kind="stable")[:, :MOST_REASONS]
    rows = np.arange(len(places))[:, None]
    lost, missing = points_lost[rows, places], is_missing[rows, places]
    ranked = zip(places.tolist(), lost.tolist(), missing.tolist(), strict=True)
    return [
        [Loss(*one) for one in zip(*columns, strict=True) if one[1] > ROUNDING]
        for columns in ranked
    ]
