"""Numbers of the mechanism that both sides fix, and how a run's budget is split among queries."""

from dataclasses import dataclass
from fractions import Fraction

GRID_STEPS = 2**20  # a vector of the full clip norm is this long on the integer grid
LARGEST_SCALE = 2**44  # of one partner's noise, in grid steps; more hides nothing more
TAIL_DEVIATIONS = 40  # no noise is further out: the chance is below 1e-347


@dataclass(frozen=True)
class BudgetProfile:
    """Shares of a run's mu^2, in percent; together 100.

    Attributes:
        name: What orders and documents call it.
        histogram, calibration, evaluation: Each asked once.
        gradient: Split evenly among the rounds.
        source: Where the shares come from.
    """

    name: str
    histogram: int
    calibration: int
    evaluation: int
    gradient: int
    source: str

    def share(self, query: str, *, rounds: int) -> Fraction:
        """Return the share of mu^2 that one of ``rounds`` askings of a query gets."""
        percent = {
            "histogram": self.histogram,
            "calibration": self.calibration,
            "evaluation": self.evaluation,
            "gradient": self.gradient,
        }[query]
        return Fraction(percent, 100 * rounds)


PRIVATE_NEWTON = BudgetProfile(
    name="private-newton-3",
    histogram=5,
    calibration=3,
    evaluation=5,
    gradient=87,
    source="docs/training.md, 'How the budget is split': fixed in advance on public data sets "
    "other than the demo's; never tuned on a federation's own data",
)
