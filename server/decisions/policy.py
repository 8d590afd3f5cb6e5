"""The limit policy: read it, and turn a probability of default into a limit."""

from dataclasses import dataclass

from pydantic import ValidationError

from protocols.contracts.decisions import Outcome, PolicyReason, outcome_of
from protocols.contracts.features import describe
from protocols.contracts.limit_policy import LimitPolicy
from protocols.errors import ContractError

RISK_DECLINED = PolicyReason(
    code="POLICY.RISK_DECLINED",
    sentence="The estimated risk of default is above what the policy accepts.",
)
RISK_BAND_LIMIT = PolicyReason(
    code="POLICY.RISK_BAND_LIMIT",
    sentence="The policy allows no higher limit at the estimated risk of default.",
)
BELOW_MINIMUM = PolicyReason(
    code="POLICY.BELOW_MINIMUM",
    sentence="The requested amount is below the smallest that the product offers.",
)
PRODUCT_MAXIMUM = PolicyReason(
    code="POLICY.PRODUCT_MAXIMUM",
    sentence="The requested amount is above the largest that the product offers.",
)
WHOLE_STEPS = PolicyReason(
    code="POLICY.WHOLE_STEPS",
    sentence="Limits are whole steps of the product; the amount was rounded down to one.",
)


@dataclass(frozen=True)
class Limit:
    """What a policy gives for one request.

    Attributes:
        limit_minor: Never above the request; 0 declines.
        outcome: All, some or nothing of the request.
        policy_reasons: Which rules kept the limit below the request; empty on approvals.
    """

    limit_minor: int
    outcome: Outcome
    policy_reasons: tuple[PolicyReason, ...]


def policy_from_table(table: dict[str, object], *, where: str) -> LimitPolicy:
    """Return the policy that a parsed TOML table holds; ``where`` names it in errors.

    Raises:
        ContractError: It breaks a rule, such as that a safer applicant never gets less.
    """
    try:
        return LimitPolicy.model_validate(table)
    except ValidationError as err:
        raise ContractError(f"{where}: {describe(err)}") from err


def decide_limit(p_default: float, requested_minor: int, *, policy: LimitPolicy) -> Limit:
    """Turn a default probability into a credit limit.

    For a fixed request the limit never rises with ``p_default``, and for a fixed probability it
    never falls with the request.

    Args:
        p_default: Calibrated probability of default within the contract's window, in [0, 1].
        requested_minor: Requested limit in minor currency units, >= 0.
        policy: Risk bands from safest to riskiest; the last one declines.

    Returns:
        The smallest of request, band and product maximum, floored to the step; 0 where that is
        below the product's minimum. With it, the rules that bound it.

    Raises:
        ContractError: ``p_default`` is outside [0, 1] or not finite, or the request negative.

    Privacy: post-processing of a released model; spends no budget.
    Source: docs/limits.md, "How a limit is decided".
    """
    if not 0.0 <= p_default <= 1.0:  # NaN is not either
        raise ContractError("p_default must be a number in [0, 1]")
    if requested_minor < 0:
        raise ContractError("the requested amount must not be negative")
    band_minor = _band_limit(p_default, policy)
    product = policy.product
    smallest = min(requested_minor, band_minor, product.maximum_minor)
    floored = smallest - smallest % product.step_minor
    limit_minor = floored if floored >= product.minimum_minor else 0
    return Limit(
        limit_minor=limit_minor,
        outcome=outcome_of(limit_minor, requested_minor),
        policy_reasons=_bound_by(requested_minor, band_minor, policy),
    )


def _band_limit(p_default: float, policy: LimitPolicy) -> int:
    # The last band ends at 1, so one always holds p_default.
    return next(
        band.limit_minor for band in policy.bands if p_default <= float(band.p_default_up_to)
    )


def _bound_by(
    requested_minor: int, band_minor: int, policy: LimitPolicy
) -> tuple[PolicyReason, ...]:
    product = policy.product
    if band_minor == 0:
        return (RISK_DECLINED,)
    if requested_minor < product.minimum_minor:
        return (BELOW_MINIMUM,)
    smallest = min(requested_minor, band_minor, product.maximum_minor)
    if smallest == requested_minor:
        return (WHOLE_STEPS,) if smallest % product.step_minor else ()
    caps = ((RISK_BAND_LIMIT, band_minor), (PRODUCT_MAXIMUM, product.maximum_minor))
    return tuple(reason for reason, cap in caps if cap == smallest)
