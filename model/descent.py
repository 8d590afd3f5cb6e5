"""Training as a conversation: ask one private sum after another, and end with a scorecard.

``train`` knows nothing of networks, partners or ledgers. It yields a ``Question`` and is sent the
opened sum; whoever drives it (a federation, a simulation, a test) decides how sums come about.
What it does with them is deterministic, so a run can be replayed from its sums.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from model.accounting import RunPlan
from model.bins import choose_bins
from model.features import Encoding
from model.metrics import Quality, score_edges, separation
from model.queries.batch import Question
from model.queries.evaluation import Evaluation
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from protocols.contracts.features import FeatureContract

CURVATURE = 0.15  # stands for p (1 - p) of the logistic loss in the fixed preconditioner
RIDGE_PER_NOISE = 6.0  # ridge of the preconditioner, in noise of one entry of the mean gradient


@dataclass(frozen=True)
class Trained:
    """What training ends with.

    Attributes:
        encoding: Bin of each cell.
        weights: Average of the last half of the iterates, float64 (width,).
        bin_shares: Noised share of borrowers in each bin, float64 (width,).
        quality: What the hold-out says of it.
    """

    encoding: Encoding
    weights: Tensor
    bin_shares: Tensor
    quality: Quality


@dataclass(frozen=True)
class Scale:
    """Public facts that turn noised sums into means.

    Attributes:
        plan: Noise and number of rounds.
        partners: Partners, each of which adds the whole noise to every sum.
        clip_norm: Gradient clip norm C.
    """

    plan: RunPlan
    partners: int
    clip_norm: float

    def noise(self, question: Question) -> float:
        """Return the standard deviation of each entry of an opened sum, in its units."""
        sigma = float(self.plan.noise_multiplier(question.name))
        return sigma * question.clip.norm * math.sqrt(self.partners)


Conversation = Generator[Question, Tensor, Trained]


def train(contract: FeatureContract, scale: Scale) -> Conversation:
    """Train by private Newton: bins, one Gram matrix, then a few preconditioned gradients.

    Yields:
        Questions. Each is answered by the opened sum in the question's units, float64 (width,).

    Returns:
        The trained model.

    Privacy: post-processing of the sums it is sent.
    Source: docs/training.md.
    """
    histogram = Histogram(contract)
    counts = yield histogram
    encoding = choose_bins(
        counts,
        noise=scale.noise(histogram),
        contract=contract,
        target_bins=scale.plan.target_bins,
    )
    borrowers = max(1.0, counts.sum().item() / len(contract.fields))
    gram = Gram(encoding)
    mean_gram = _positive_part(gram.matrix((yield gram)) / borrowers)
    weights = yield from _descend(encoding, scale, mean_gram, borrowers)
    edges = score_edges(weights, mean_gram=mean_gram, row_scale=encoding.row_scale)
    evaluation = Evaluation(encoding=encoding, weights=weights, score_edges=edges)
    answer = yield evaluation
    return Trained(
        encoding=encoding,
        weights=weights,
        bin_shares=_bin_shares(counts, contract, encoding),
        quality=separation(answer, noise=scale.noise(evaluation)),
    )


def _descend(
    encoding: Encoding, scale: Scale, mean_gram: Tensor, borrowers: float
) -> Generator[Question, Tensor, Tensor]:
    """Take the planned number of steps and return the average of the last half."""
    weights = torch.zeros(encoding.width, dtype=torch.float64)
    first = Gradient(encoding, weights, scale.clip_norm)
    ridge = RIDGE_PER_NOISE * scale.noise(first) / borrowers
    identity = torch.eye(encoding.width, dtype=torch.float64)
    preconditioner = torch.linalg.inv(CURVATURE * mean_gram + ridge * identity)
    iterates = []
    for _ in range(scale.plan.rounds("gradient")):
        mean_gradient = (yield Gradient(encoding, weights, scale.clip_norm)) / borrowers
        weights = weights - preconditioner @ mean_gradient
        iterates.append(weights)
    return torch.stack(iterates[len(iterates) // 2 :]).mean(dim=0)


def _positive_part(matrix: Tensor) -> Tensor:
    """Cut a symmetric matrix to its positive part: noise alone can make it negative."""
    values, vectors = torch.linalg.eigh(matrix)
    positive: Tensor = (vectors * values.clamp_min(0.0)) @ vectors.T
    return positive


def _bin_shares(counts: Tensor, contract: FeatureContract, encoding: Encoding) -> Tensor:
    shares = [torch.ones(1, dtype=torch.float64)]
    parts = torch.split(counts, [field.cell_count for field in contract.fields])
    for part, table, width in zip(parts, encoding.bins, encoding.bin_counts, strict=True):
        mass = torch.zeros(width, dtype=torch.float64)
        mass = mass.index_add_(0, torch.tensor(table), part).clamp_min(0.0) + 1e-9
        shares.append(mass / mass.sum())
    return torch.cat(shares)
