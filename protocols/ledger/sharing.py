"""Who adds how much of the noise, and how many lenders one borrower may have.

In mode "local" every partner adds the whole noise itself. In mode "distributed" the noise of a sum
is cut into shares, so that the shares of any ``shares`` honest partners make up the whole of it.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

LOCAL, DISTRIBUTED = "local", "distributed"
LEAST_MASKED = 3  # of two partners, each knows the other's contribution from the sum


@dataclass(frozen=True)
class Sharing:
    """A charter's noise mode.

    Attributes:
        mode: ``LOCAL`` or ``DISTRIBUTED``.
        shares: Honest partners whose noise together is the whole noise (t); 1 in mode local.
        most_lenders: Lenders that one borrower may have (m). Each partner clips to C/m and the
            noise stays sigma C, where C is m times a query's clip norm.
    """

    mode: str
    shares: int
    most_lenders: int

    @property
    def is_shared(self) -> bool:
        """Whether partners' noise adds up, so that contributions travel masked."""
        return self.mode == DISTRIBUTED

    def share_scale(self, noise_multiplier: Fraction, *, clip_steps: int) -> int:
        """Return the standard deviation that one partner draws, in grid steps, rounded up.

        Args:
            noise_multiplier: sigma, relative to C.
            clip_steps: The query's clip norm, which is C/m, in grid steps.

        Privacy: ``shares`` draws add up to at least sigma C.
        Source: docs/privacy.md, "Noise shares".
        """
        whole = noise_multiplier * self.most_lenders * clip_steps
        least = whole**2 / self.shares  # of its square
        rounded_down = isqrt(int(least))
        return rounded_down + (rounded_down**2 < least)


def usual_sharing(partners: int) -> Sharing:
    """Return the mode that a federation has unless its founders choose another.

    One partner may drop out of a run and one may collude; fewer than three cannot hide one another.
    """
    if partners < LEAST_MASKED:
        return Sharing(mode=LOCAL, shares=1, most_lenders=1)
    return Sharing(mode=DISTRIBUTED, shares=max(LEAST_MASKED, partners - 1) - 1, most_lenders=1)
