"""Would another way of training, or a neural network, do better at the same budget?

Private Newton, as every run does it; first-order steps on the same scorecard; and first-order
steps on a network with one hidden layer. The gradients of the last two come from Opacus, added
up by borrower before they are clipped. All ask the same partners private sums of the same kind,
at the same epsilon and with the same bins.

    python -m benchmarks.challenger --data FILE --contract FILE --epsilon 1 --seeds 3
"""

import json
import math
import statistics
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

import numpy as np
import torch
from opacus.grad_sample import GradSampleModule
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from benchmarks.quality import quality
from benchmarks.utility import CLIP_NORM, Loans, load, options, split, terms_of
from model.accounting import TrainingPlan
from model.bins import choose_bins
from model.descent import START_RATE, Opened
from model.features import Encoding, row_logits
from model.link import logit_of
from model.network import AdditiveNetwork, design_matrix
from model.private_sum import Clip, Vectors
from model.queries.batch import Batch, Population, Question
from model.queries.histogram import Histogram
from model.simulation import hold, plan_of, simulate
from protocols.contracts.features import FeatureContract
from protocols.ledger.entry import Mechanism, PlannedQuery

_HIDDEN = 16
_ROUNDS = 80
_MOMENTUM = 0.9
_STEPS = {"scorecard": 2.0, "network": 2.0}  # by HELOC, on seeds that are not reported

Make = Callable[[Encoding], nn.Module]


def additive(encoding: Encoding) -> nn.Module:
    """Return the scorecard as a network, at the base rate that training starts from."""
    network, logit = AdditiveNetwork(encoding.width), logit_of(START_RATE, loss_clip=CLIP_NORM)
    with torch.no_grad():
        network.linear.weight[0, 0] = logit / encoding.row_scale
    return network


def hidden_layer(encoding: Encoding) -> nn.Module:
    """Return a network with one hidden layer, with weights that anybody can draw again."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(encoding.width, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1), nn.Flatten(0)
    ).to(torch.float64)
    with torch.no_grad():
        network[2].bias.fill_(logit_of(START_RATE, loss_clip=CLIP_NORM))
    return network


@dataclass(frozen=True)
class NetworkGradient:
    """Gradient of the logistic loss of any network, a borrower's rows added.

    Attributes:
        encoding: Bin of each cell.
        network: At its present weights.
    """

    encoding: Encoding
    network: nn.Module
    name: str = "gradient"
    population: Population = "training"

    @property
    def width(self) -> int:
        """One entry per weight."""
        return sum(part.numel() for part in self.network.parameters())

    @property
    def clip(self) -> Clip:
        """The same clip norm as the scorecard's."""
        return Clip(norm=CLIP_NORM)

    def vectors(self, batch: Batch) -> Vectors:
        """Return gradients of all weights."""
        module = GradSampleModule(self.network, loss_reduction="sum")
        rows = design_matrix(batch.cells, self.encoding).requires_grad_()
        outcomes = torch.from_numpy(batch.outcomes)
        binary_cross_entropy_with_logits(module(rows), outcomes, reduction="sum").backward()
        parts = [part.grad_sample.flatten(1) for part in module.parameters()]
        gradients = torch.cat(parts, dim=1).numpy()
        module.remove_hooks()
        places = np.broadcast_to(np.arange(self.width), gradients.shape)
        return batch.add_by_borrower(Vectors(places, gradients), width=self.width)


def first_order(
    contract: FeatureContract, plan: TrainingPlan, make: Make, *, step: float
) -> Generator[Question, Opened, tuple[Encoding, nn.Module]]:
    """Descend with momentum, and end at the mean of the last half of the steps."""
    counted = yield Histogram(contract)
    encoding = choose_bins(
        counted.values, noise=counted.noise, contract=contract, target_bins=plan.target_bins
    )
    borrowers = max(1.0, counted.values.sum().item() / len(contract.fields))
    network = make(encoding)
    weights = parameters_to_vector(network.parameters()).detach()
    velocity, kept = torch.zeros_like(weights), []
    for number in range(plan.rounds("gradient")):
        answer = yield NetworkGradient(encoding, network)
        velocity = _MOMENTUM * velocity - step * answer.values / borrowers
        weights = weights + velocity
        vector_to_parameters(weights, network.parameters())
        if number >= plan.rounds("gradient") // 2:
            kept.append(weights)
    vector_to_parameters(torch.stack(kept).mean(dim=0), network.parameters())
    return encoding, network


def in_rounds(plan: TrainingPlan, rounds: int) -> TrainingPlan:
    """Return the plan with as much budget for gradients, in another number of rounds."""
    wider = math.sqrt(rounds / plan.rounds("gradient"))
    noise = math.ceil(wider * float(plan.noise_multiplier("gradient")))
    gradients = PlannedQuery(Mechanism("gradient", str(noise)), rounds)
    others = (item for item in plan.queries if item.mechanism.query != "gradient")
    return replace(plan, queries=(gradients, *others))


def one_seed(loans: Loans, *, partners: int, epsilon: float, seed: int) -> dict[str, float]:
    """Return each method's AUC on one split."""
    _, parts, everybody = split(loans, partners=partners, seed=seed)
    test = everybody.holdout
    terms = terms_of(loans, partners=partners, epsilon=epsilon)
    newton = simulate(parts, loans.contract, terms)
    logits = row_logits(test.cells, newton.encoding, newton.weights)
    found = {"scorecard, private Newton": _auc(test, logits)}
    plan = in_rounds(plan_of(parts, loans.contract, terms), _ROUNDS)
    for name, make, step in (
        ("scorecard, first order", additive, _STEPS["scorecard"]),
        (f"hidden layer of {_HIDDEN}, first order", hidden_layer, _STEPS["network"]),
    ):
        conversation = first_order(loans.contract, plan, make, step=step)
        encoding, network = hold(conversation, parts, plan, terms)
        with torch.no_grad():
            logits = network(design_matrix(test.cells, encoding))
        found[name] = _auc(test, logits)
    return found


def _auc(test: Batch, logits: Tensor) -> float:
    return quality(test.outcomes, torch.sigmoid(logits).numpy())["auc"]


def main() -> None:
    """Run the seeds and print JSON lines: each method's mean AUC, and private Newton's above it."""
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    loans = load(asked.data, asked.contract, split_by=None, test_from=None)
    results = []
    for seed in range(asked.seeds):
        print(f"seed {seed + 1} of {asked.seeds} ...", file=sys.stderr)
        results.append(one_seed(loans, partners=asked.partners, epsilon=asked.epsilon, seed=seed))
    setting = {"data": asked.data.stem, "partners": asked.partners, "epsilon": asked.epsilon}
    first = next(iter(results[0]))
    for method in results[0]:
        lines = [result[method] for result in results]
        above = [result[first] - result[method] for result in results]
        line = {
            "name": method,
            "auc": round(statistics.fmean(lines), 4),
            "newton_above_this": round(statistics.fmean(above), 4),
            "n": len(results),
            "setting": setting,
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
