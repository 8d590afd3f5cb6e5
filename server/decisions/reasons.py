"""Reasons: the fields that cost an applicant points, exactly as the scorecard counts them."""

from collections.abc import Callable, Sequence

from protocols.contracts.decisions import Reason
from protocols.contracts.features import FeatureContract

MOST_REASONS = 4  # more blur what mattered: 12 CFR 1002 supplement I, 9(b)(2)-1
ROUNDING = 1e-6  # points; a field whose bins all weigh the same differs from its average by less


def field_reasons(
    points_lost: Sequence[float], is_missing: Callable[[int], bool], *, contract: FeatureContract
) -> tuple[Reason, ...]:
    """Return what cost an applicant points, most points first.

    The model is a sum, so a reason's points are its exact contribution: had the applicant the
    average borrower's points for that field, the score would be higher by just so much.

    Args:
        points_lost: For each field of the contract, in its order, points below the average
            borrower's; negative where the applicant does better.
        is_missing: Tells of a field, by its place, whether it had no usable value.
        contract: Gives codes and sentences, and decides between equals by its order.

    Returns:
        At most four reasons; none where no field cost a point. Given on approvals too.

    Source: docs/limits.md, "Reasons".
    """
    costly = [(lost, place) for place, lost in enumerate(points_lost) if lost > ROUNDING]
    costly.sort(key=lambda item: -item[0])  # stable: equals stay in contract order
    fields = contract.fields
    return tuple(
        Reason(
            code=fields[place].reason_code,
            sentence=fields[place].reason,
            field=fields[place].name,
            points_lost=lost,
            is_missing=is_missing(place),
        )
        for lost, place in costly[:MOST_REASONS]
    )
