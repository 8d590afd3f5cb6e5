"""Opened integer sums as training reads them: in the question's units, with their known noise."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from model.contrasts import NoiseEnergy, noise_energy
from model.descent import Opened
from model.noise import IntegerVector
from model.queries.batch import Question
from protocols.contracts.privacy import TAIL_DEVIATIONS
from protocols.ledger.sharing import Sharing


@dataclass(frozen=True)
class Reading:
    """How to read the sum of one question over one cohort.

    Attributes:
        question: What was asked.
        share: Standard deviation of each partner's noise, in grid steps.
        partners: How many partners added theirs.
        capacity: Most borrowers that they may bring.
        present: ``capacity`` over that of all partners that began the run. What those that left
            would have brought is taken to be like what the others bring.
    """

    question: Question
    share: int
    partners: int
    capacity: int
    present: Fraction

    @property
    def deviation(self) -> float:
        """Standard deviation of the noise in each entry of the sum, in grid steps."""
        return self.share * math.sqrt(self.partners)

    def opened(self, total: IntegerVector) -> Opened:
        """Return a sum of grid steps, int64 (question.width,), in the question's units."""
        unit = self.question.clip.step / float(self.present)
        values = torch.from_numpy(total.astype(np.float64)) * unit
        return Opened(values=values, noise=self.deviation * unit)

    def energy(self, total: IntegerVector) -> NoiseEnergy:
        """Return what the sum's contrasts hold: noise only."""
        sums = torch.from_numpy(total.astype(np.float64))
        return noise_energy(self.question, sums, noise=self.deviation)

    def is_gross(self, total: IntegerVector) -> bool:
        """Return whether a sum is longer than data and noise together can make it.

        Finds gross errors only: a partner may still send whatever its capacity allows.
        """
        data = self.capacity * self.question.clip.steps
        noise = self.deviation * (math.sqrt(self.question.width) + TAIL_DEVIATIONS)
        return float(np.linalg.norm(total.astype(np.float64))) > data + noise


def reading_of(
    question: Question,
    *,
    noise_multiplier: Fraction,
    sharing: Sharing,
    capacities: tuple[int, ...],
    present: Fraction = Fraction(1),
) -> Reading:
    """Return how to read a sum over partners with these capacities."""
    return Reading(
        question=question,
        share=sharing.share_scale(noise_multiplier, clip_steps=question.clip.steps),
        partners=len(capacities),
        capacity=sum(capacities),
        present=present,
    )
