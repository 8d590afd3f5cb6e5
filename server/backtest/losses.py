"""What a limit is expected to lose: PD x LGD x EAD, by a policy's own terms, or by which else."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from protocols.contracts.limit_policy import LimitPolicy
from protocols.contracts.regulation import Segment
from server.backtest.compare import MILLION

Origin = Literal["OWN", "OTHER", "ALL_IS_LOST"]


@dataclass(frozen=True)
class LossTerms:
    """How much of a limit is lost when its borrower defaults.

    Attributes:
        loss_given_default: Share of what is owed at default that is lost.
        credit_conversion: Share of the limit that is owed by then: nothing is drawn before.
        origin: The policy's own terms; the other policy's, where it has none; or, where neither
            has any, that all of the limit is drawn and all of it lost.
    """

    loss_given_default: Decimal
    credit_conversion: Decimal
    origin: Origin

    def loss_micro(self, p_default: float, limit_minor: int) -> int:
        """Return the expected loss of a limit, in millionths of a minor unit."""
        share = Decimal(repr(p_default)) * self.loss_given_default * self.credit_conversion
        return int((share * limit_minor * MILLION).to_integral_value(ROUND_HALF_EVEN))


def loss_terms(policy: LimitPolicy, other: LimitPolicy) -> Mapping[Segment, LossTerms]:
    """Return the terms of each of a policy's segments."""
    return {segment: _terms(segment, policy, other) for segment in policy.segments}


def _terms(segment: Segment, policy: LimitPolicy, other: LimitPolicy) -> LossTerms:
    origins: tuple[tuple[Origin, LimitPolicy], ...] = (("OWN", policy), ("OTHER", other))
    for origin, of in origins:
        found = of.segments.get(segment)
        terms = found.expected_loss if found else None
        if terms is not None:
            lost, drawn = Decimal(terms.loss_given_default), Decimal(terms.credit_conversion)
            return LossTerms(lost, drawn, origin)
    return LossTerms(Decimal(1), Decimal(1), "ALL_IS_LOST")
