"""Noise for a budget: how many rounds a run has, and how much noise each query adds.

Everything here is a public function of public numbers, known before anybody looks at data.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from protocols.contracts.privacy import BudgetProfile
from protocols.errors import BudgetExhaustedError
from protocols.ledger.entry import Mechanism, PlannedQuery
from protocols.ledger.price import largest_mu_squared, parse_decimal
from protocols.ledger.sharing import Sharing

_DECIMALS = 10**6


@dataclass(frozen=True)
class Setting:
    """What is publicly known of a run before it starts.

    Attributes:
        fields: Number of fields of the feature contract.
        segments: How many of them are reported on, level by level.
        partners: Partners that add noise of their own to each sum.
        sharing: How much each of them adds.
        capacity: Most borrowers of all of them together.
        clip_norm: Gradient clip norm C.
    """

    fields: int
    segments: int
    partners: int
    sharing: Sharing
    capacity: int
    clip_norm: float


@dataclass(frozen=True)
class RunPlan:
    """What a run will ask, in order, and the most it can cost.

    Attributes:
        queries: Each with its rounds and noise.
        spare_attempts: Attempts beyond these, of any query.
    """

    queries: tuple[PlannedQuery, ...]
    spare_attempts: int

    def noise_multiplier(self, query: str) -> Fraction:
        """Return a query's noise multiplier."""
        return next(
            parse_decimal(planned.mechanism.noise_multiplier)
            for planned in self.queries
            if planned.mechanism.query == query
        )

    def rounds(self, query: str) -> int:
        """Return how often a query is asked."""
        return next(item.rounds for item in self.queries if item.mechanism.query == query)


@dataclass(frozen=True)
class TrainingPlan(RunPlan):
    """A run that trains: histogram, gradients, calibration, evaluation, and that of segments.

    Attributes:
        target_bins: Bins that a numeric field is cut into at most.
    """

    target_bins: int


def plan_training(
    epsilon_micro: int,
    *,
    delta: Fraction,
    spare_attempts: int,
    setting: Setting,
    profile: BudgetProfile,
) -> TrainingPlan:
    """Plan a run that costs a person at most ``epsilon_micro`` towards a user of the model.

    A person is taken to have as many lenders as the charter allows.

    Rounds are few when noise is high: each gets a share of a fixed budget, and what more rounds
    gain by optimising they lose by noise.

    Raises:
        BudgetExhaustedError: There is no budget to plan with.

    Source: docs/training.md, "Rounds, bins and steps follow the noise".
    """
    mu2 = _squared_budget(epsilon_micro, delta=delta, sharing=setting.sharing)
    asked = {"histogram": 1, "gradient": 1, "calibration": 1, "evaluation": 1}
    if setting.segments:
        asked["segments"] = setting.segments
    noisiness = _noisiness(mu2 * profile.shares(asked)["gradient"], setting=setting)
    asked["gradient"] = _between(6, 20, 1.05 / math.sqrt(noisiness))
    shares = profile.shares(asked)
    each = mu2 / (1 + spare_attempts * max(shares.values()))
    return TrainingPlan(
        queries=tuple(
            _planned(query, times, each * shares[query]) for query, times in asked.items()
        ),
        spare_attempts=spare_attempts,
        target_bins=_between(4, 12, 0.5 / math.sqrt(noisiness)),
    )


def plan_single(
    query: str, epsilon_micro: int, *, delta: Fraction, spare_attempts: int, sharing: Sharing
) -> RunPlan:
    """Plan a run that asks one query once, and costs at most ``epsilon_micro`` as above.

    Raises:
        BudgetExhaustedError: There is no budget to plan with.
    """
    mu2 = _squared_budget(epsilon_micro, delta=delta, sharing=sharing)
    return RunPlan((_planned(query, 1, mu2 / (1 + spare_attempts)),), spare_attempts)


def _squared_budget(epsilon_micro: int, *, delta: Fraction, sharing: Sharing) -> Fraction:
    if epsilon_micro <= 0:
        raise BudgetExhaustedError("no budget is left for another run; ask for a new charter")
    mu2 = largest_mu_squared(epsilon_micro, delta=delta)
    # Where noises are each partner's own: see ``epsilons_of``.
    return mu2 if sharing.is_shared else mu2 * sharing.most_lenders


def _noisiness(mu2: Fraction, *, setting: Setting) -> float:
    """Length of the noise on the mean of all gradients together, if bins are about five."""
    sharing = setting.sharing
    deviation = sharing.most_lenders * math.sqrt(setting.partners / sharing.shares / mu2)
    per_weight = setting.clip_norm * deviation / setting.capacity
    return per_weight * math.sqrt(5 * setting.fields)


def _planned(query: str, rounds: int, mu2: Fraction) -> PlannedQuery:
    sigma = 1 / math.sqrt(mu2)
    # Rounded up, so that the printed noise costs no more than was planned.
    whole, part = divmod(math.ceil(sigma * _DECIMALS) + 1, _DECIMALS)
    text = f"{whole}.{part:06d}".rstrip("0").rstrip(".")
    return PlannedQuery(mechanism=Mechanism(query=query, noise_multiplier=text), rounds=rounds)


def _between(low: int, high: int, value: float) -> int:
    return max(low, min(high, round(value)))
