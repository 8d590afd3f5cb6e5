"""A simulation asks the same private sums as a federation."""

import numpy as np
import pytest
import torch

from clients.partner import node as node_module
from model.noise import IntegerVector
from protocols.ledger.policy import load_charter
from server import simulation
from server.registry import Registry
from server.simulation import SimulationTerms, simulate, split_unevenly
from tests.simulator import World, found_world


class _NoNoise:
    """Stands in for noise, so that two trainings can be compared bit by bit."""

    def draw(self, size: int) -> IntegerVector:
        return np.zeros(size, dtype=np.int64)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("simulation"))


def test_without_noise_a_simulation_trains_the_federations_model(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (node_module, simulation):
        monkeypatch.setattr(module, "noise_for", lambda *_, **__: _NoNoise())
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
