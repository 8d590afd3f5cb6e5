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

from model.accounting import TrainingPlan
from model.bins import bin_shares, choose_bins
from model.drift import Reference, reference_of
from model.features import Encoding
from model.link import Link, calibrated
from model.metrics import Quality, measured
from model.posterior import BaseRate, mean_outer_product, posterior_mean, prior_covariance
from model.queries.batch import Question
from model.queries.calibration import Calibration
from model.queries.evaluation import Evaluation
from model.queries.gradient import Gradient
from model.queries.histogram import Histogram
from model.queries.segments import Segments
from model.score_table import even_edges, guessed_edges, score_table
from model.segments import Segment, segments_of
from model.shape import in_declared_order
from protocols.contracts.features import FeatureContract

START_RATE = 0.1  # training starts as if one borrower in ten were bad
RAREST = 0.005  # a share of bad, or of good, below it is taken for noise


@dataclass(frozen=True)
class Trained:
    """What training ends with.

    Attributes:
        encoding: Bin of each cell.
        weights: Posterior mean after the last round, float64 (width,).
        bin_shares: Noised share of borrowers in each bin, float64 (width,).
        link: Turns logits into probabilities of default.
        score_edges: Bounds of the score bins of ``quality``, logits, ascending (bins + 1,).
        quality: What the hold-out says of it.
        segments: The same of every level of the fields that the contract reports on.
        reference: Where the borrowers of training lay.
    """

    encoding: Encoding
    weights: Tensor
    bin_shares: Tensor
    link: Link
    score_edges: Tensor
    quality: Quality
    segments: tuple[Segment, ...]
    reference: Reference


@dataclass(frozen=True)
class Opened:
    """A question's answer.

    Attributes:
        values: The opened sum in the question's units, float64 (question.width,).
        noise: Standard deviation of the noise in each entry, in the same units.
    """

    values: Tensor
    noise: float


Conversation = Generator[Question, Opened, Trained]


def train(contract: FeatureContract, plan: TrainingPlan, *, clip_norm: float) -> Conversation:
    """Train by private Newton: bins from a histogram, then a few gradients read with a prior.

    Args:
        contract: The public grid.
        plan: Number of rounds and of bins.
        clip_norm: Gradient clip norm at each partner.

    Yields:
        Questions; each is to be answered.

    Returns:
        The trained model.

    Privacy: post-processing of the sums it is sent.
    Source: docs/training.md.
    """
    counted = yield Histogram(contract)
    counts = counted.values
    encoding = choose_bins(
        counts, noise=counted.noise, contract=contract, target_bins=plan.target_bins
    )
    shares = bin_shares(counts, encoding)
    known = Known(
        encoding=encoding,
        borrowers=max(1.0, counts.sum().item() / len(contract.fields)),
        shares=shares,
        rows=shares * encoding.row_scale,
        outer=mean_outer_product(shares, encoding),
        prior=prior_covariance(contract, encoding, shares),
    )
    weights = yield from _descend(
        known, contract=contract, rounds=plan.rounds("gradient"), clip_norm=clip_norm
    )
    guessed = guessed_edges(weights, mean_outer=known.outer, row_scale=encoding.row_scale)
    seen = yield Calibration(encoding, weights, guessed)
    table = score_table(seen.values, noise=seen.noise, edges=guessed)
    link = calibrated(table, loss_clip=clip_norm)
    edges = even_edges(table, guessed)
    evaluated = yield Evaluation(encoding, weights, edges)
    segments: list[Segment] = []
    for place in contract.segment_places:
        parted = yield Segments(encoding, weights, edges, place=place)
        segments += segments_of(
            contract.fields[place], parted.values, noise=parted.noise, edges=edges, link=link
        )
    return Trained(
        encoding=encoding,
        weights=weights,
        bin_shares=shares,
        link=link,
        score_edges=edges,
        quality=measured(score_table(evaluated.values, noise=evaluated.noise, edges=edges), link),
        segments=tuple(segments),
        reference=reference_of(
            encoding,
            bin_shares=shares,
            count_noise=counted.noise,
            borrowers=known.borrowers,
            table=table,
            edges=guessed,
        ),
    )


@dataclass(frozen=True)
class Known:
    """What the histogram told, before the first gradient.

    Attributes:
        encoding: Bin of each cell.
        borrowers: Noised number of borrowers, at least 1.
        shares: Share of borrowers in each bin, float64 (width,).
        rows: Mean row, float64 (width,).
        outer: Mean outer product of a row, fields taken as independent, float64 (width, width).
        prior: Prior covariance of the weights, float64 (width, width).
    """

    encoding: Encoding
    borrowers: float
    shares: Tensor
    rows: Tensor
    outer: Tensor
    prior: Tensor

    def constant(self, logit: float) -> Tensor:
        """Return the weights that give every borrower the same logit."""
        weights = torch.zeros(self.encoding.width, dtype=torch.float64)
        weights[0] = logit / self.encoding.row_scale
        return weights


def _descend(
    known: Known, *, contract: FeatureContract, rounds: int, clip_norm: float
) -> Generator[Question, Opened, Tensor]:
    """Ask the planned number of gradients; after each, move to the mean of what they all say.

    Every point that is moved to holds the contract's directions.

    Around the base rate, a gradient at weights ``w`` is ``response @ (w - answer)`` and noise, so
    each tells ``response @ answer`` once, and their mean tells it best.
    """
    start = BaseRate(START_RATE, clip_norm)
    first = yield Gradient(known.encoding, known.constant(start.logit), clip_norm)
    bad_rows = start.bad_rows(first.values / known.borrowers, rows=known.rows)
    bad_rate = bad_rows[0].item() / known.encoding.row_scale
    base = BaseRate(min(max(bad_rate, RAREST), 1 - RAREST), clip_norm)
    response = base.curvature * known.outer
    told = [-base.gradient(rows=known.rows, bad_rows=bad_rows)]
    noises = [first.noise / known.borrowers]
    centre = known.constant(base.logit)
    while True:
        moved = posterior_mean(
            torch.stack(told).mean(dim=0),
            response=response,
            noise=math.hypot(*noises) / len(noises),
            borrowers=known.borrowers,
            prior=known.prior,
        )
        moved = in_declared_order(
            moved, contract=contract, encoding=known.encoding, shares=known.shares
        )
        if len(told) == rounds:
            return centre + moved
        answer = yield Gradient(known.encoding, centre + moved, clip_norm)
        told.append(response @ moved - answer.values / known.borrowers)
        noises.append(answer.noise / known.borrowers)
