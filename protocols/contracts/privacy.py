"""Numbers of the mechanism that both sides fix, and how a run's budget is split among queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

GRID_STEPS = 2**20  # a vector of the full clip norm is this long on the integer grid
LARGEST_SCALE = 2**44  # of one partner's noise, in grid steps; more hides nothing more
TAIL_DEVIATIONS = 40  # no noise is further out: the chance is below 1e-347


@dataclass(frozen=True)
class BudgetProfile:
    """Parts of a run's mu^2. What a run asks gets it all, in this proportion.

    Attributes:
        name: What orders and documents call it.
        histogram, calibration, evaluation: Each asked once.
        segments: Split evenly among the fields that are reported on, if there are any.
        gradient: Split evenly among the rounds.
        source: Where the shares come from.
    """

    name: str
    histogram: int
    calibration: int
    evaluation: int
    segments: int
    gradient: int
    source: str

    def shares(self, asked: Mapping[str, int]) -> dict[str, Fraction]:
        """Return the share of mu^2 that one asking of each query gets.

        Args:
            asked: How often each query is asked, at least once.
        """
        parts = {
            "histogram": self.histogram,
            "calibration": self.calibration,
            "evaluation": self.evaluation,
            "segments": self.segments,
            "gradient": self.gradient,
        }
        whole = sum(parts[query] for query in asked)
        return {query: Fraction(parts[query], whole * times) for query, times in asked.items()}


PRIVATE_NEWTON = BudgetProfile(
    name="private-newton-3",
    histogram=5,
    calibration=3,
    evaluation=5,
    segments=3,
    gradient=87,
    source="docs/training.md, 'How the budget is split': fixed in advance on public data sets "
    "other than the demo's; never tuned on a federation's own data",
)
