"""The same training in one process: no network, no keys, no ledger; the same private sums.

For a lender's own file, before a federation exists, and for benchmarks. The partners here are
parts of one table; noise, clipping, bins and steps are the federation's own code.
"""

import itertools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.accounting import RunPlan, Setting, TrainingPlan, plan_training
from model.descent import Opened, Trained, train
from model.features import Encoding, row_logits
from model.metrics import Estimate, auc_with_interval
from model.opening import reading_of
from model.population import Borrowers
from model.queries.answer import answer_question, noise_for
from model.queries.batch import Batch, Question
from protocols.contracts.features import FeatureContract
from protocols.contracts.privacy import PRIVATE_NEWTON
from protocols.ledger.price import parse_decimal
from protocols.ledger.sharing import Sharing, usual_sharing

T = TypeVar("T")


@dataclass(frozen=True)
class SimulationTerms:
    """The privacy terms of a simulated charter.

    Attributes:
        epsilon_micro: Budget of each partner's borrowers.
        delta: Of that epsilon, a decimal.
        clip_norm: Gradient clip norm.
        spare_attempts: Budgeted as in a federation, though nothing is lost here.
        sharing: Who adds how much noise; as in a federation of so many partners if left out.
    """

    epsilon_micro: int
    delta: str = "0.00001"
    clip_norm: float = 0.5
    spare_attempts: int = 2
    sharing: Sharing | None = None


def simulate(
    partners: Sequence[Borrowers], contract: FeatureContract, terms: SimulationTerms
) -> Trained:
    """Train on partners' borrowers as a federation would.

    Args:
        partners: One part of the table each.
        contract: The public feature contract.
        terms: Budget and clip norm.

    Privacy: every sum is noised as the terms say; the caller holds all the raw data anyway.
    """
    plan = plan_of(partners, contract, terms)
    return hold(train(contract, plan, clip_norm=terms.clip_norm), partners, plan, terms)


def plan_of(
    partners: Sequence[Borrowers], contract: FeatureContract, terms: SimulationTerms
) -> TrainingPlan:
    """Return what a federation of such partners would ask."""
    return plan_training(
        terms.epsilon_micro,
        delta=parse_decimal(terms.delta),
        spare_attempts=terms.spare_attempts,
        setting=Setting(
            fields=len(contract.fields),
            segments=len(contract.segments),
            partners=len(partners),
            sharing=_sharing(partners, terms),
            capacity=sum(partner.count for partner in partners),
            clip_norm=terms.clip_norm,
        ),
        profile=PRIVATE_NEWTON,
    )


def hold(
    conversation: Generator[Question, Opened, T],
    partners: Sequence[Borrowers],
    plan: RunPlan,
    terms: SimulationTerms,
) -> T:
    """Hold a conversation with partners, and return its result."""
    sharing = _sharing(partners, terms)
    question = next(conversation)
    while True:
        try:
            question = conversation.send(_ask(question, partners, plan, sharing))
        except StopIteration as finished:
            result: T = finished.value
            return result


class Additive(Protocol):
    """What scores: a trained model, or a release's scorecard."""

    @property
    def encoding(self) -> Encoding: ...

    @property
    def weights(self) -> Tensor: ...


def holdout_auc(model: Additive, partners: Sequence[Borrowers]) -> Estimate:
    """Return the exact AUC on all hold-outs together. No party of a federation sees this."""
    batches = [partner.holdout for partner in partners]
    logits = torch.cat(
        [row_logits(batch.cells, model.encoding, model.weights) for batch in batches]
    )
    outcomes = torch.tensor(np.concatenate([batch.outcomes for batch in batches]))
    return auc_with_interval(outcomes, logits)


def split_unevenly(borrowers: Borrowers, *, parts: int) -> list[Borrowers]:
    """Cut borrowers into parts of sizes 1 : 2 : ... : parts, in their order."""
    shares = np.arange(1, parts + 1) / (parts * (parts + 1) / 2)
    training = list(_cut(borrowers.training, shares))
    holdout = list(_cut(borrowers.holdout, shares))
    nobody = next(_cut(borrowers.recent, shares))
    return [Borrowers(*pair, recent=nobody) for pair in zip(training, holdout, strict=True)]


def _sharing(partners: Sequence[Borrowers], terms: SimulationTerms) -> Sharing:
    return terms.sharing or usual_sharing(len(partners))


def _ask(
    question: Question, partners: Sequence[Borrowers], plan: RunPlan, sharing: Sharing
) -> Opened:
    sigma = plan.noise_multiplier(question.name)
    total = np.zeros(question.width, dtype=np.int64)
    for partner in partners:
        noise = noise_for(question, noise_multiplier=sigma, sharing=sharing)
        total += answer_question(question, partner.of(question.population), noise=noise)
    reading = reading_of(
        question,
        noise_multiplier=sigma,
        sharing=sharing,
        capacities=tuple(partner.count for partner in partners),
    )
    return reading.opened(total)


def _cut(batch: Batch, shares: npt.NDArray[np.float64]) -> Iterator[Batch]:
    edges = np.round(np.concatenate([[0.0], np.cumsum(shares)]) * batch.count).astype(int)
    for first, last in itertools.pairwise(edges.tolist()):
        begin, end = np.searchsorted(batch.borrower, [first, last])
        yield Batch(
            cells=batch.cells[begin:end],
            outcomes=batch.outcomes[begin:end],
            borrower=batch.borrower[begin:end] - first,
        )
