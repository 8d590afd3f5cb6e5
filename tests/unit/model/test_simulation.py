"""A simulation asks the same private sums as a federation."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from clients.partner import node as node_module
from model import simulation
from model.noise import IntegerVector
from model.queries.batch import Question
from model.simulation import SimulationTerms, simulate, split_unevenly
from protocols.ledger.policy import load_charter
from protocols.ledger.sharing import Sharing
from server.registry import Registry
from tests.simulator import World, found_world


class _SameNoise:
    """Draws the same noise in the same order, so that two trainings can be compared bit by bit."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(11)
        self._scale = 0

    def __call__(
        self, question: Question, *, noise_multiplier: Fraction, sharing: Sharing
    ) -> "_SameNoise":
        self._scale = sharing.share_scale(noise_multiplier, clip_steps=question.clip.steps)
        return self

    def draw(self, size: int) -> IntegerVector:
        return np.rint(self._random.normal(0, self._scale, size)).astype(np.int64)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("simulation"))


def test_with_the_same_noise_a_simulation_trains_the_federations_model(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (node_module, simulation):
        monkeypatch.setattr(module, "noise_for", _SameNoise())
    world.train()
    nodes = list(world.nodes.values())
    partners = [node.borrowers.reveal() for node in nodes]
    trained = simulate(partners, nodes[0].contract, SimulationTerms(epsilon_micro=2_000_000))
    _, terms = load_charter(world.server / "charter.toml")
    scorecard = Registry(world.server / "releases", terms).open().scorecard
    assert scorecard.encoding == trained.encoding
    assert torch.equal(scorecard.weights, trained.weights)
    assert torch.equal(scorecard.bin_shares, trained.bin_shares)


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_parts_of_one_table_hold_everybody_once(parts: int, world: World) -> None:
    whole = world.nodes["p0"].borrowers.reveal()
    cut = split_unevenly(whole, parts=parts)
    assert sum(part.count for part in cut) == whole.count
    assert len(cut) == parts
    sizes = [part.count for part in cut]
    assert sizes == sorted(sizes)
    for name in ("training", "holdout"):
        cells = np.concatenate([part.of(name).cells for part in cut])  # type: ignore[arg-type]
        assert np.array_equal(cells, whole.of(name).cells)  # type: ignore[arg-type]
    assert all(part.training.borrower.min() == 0 for part in cut)
