"""The closed form of the gradient is what Opacus computes, to the last bits of float64."""

import torch
from opacus.grad_sample import GradSampleModule
from torch.nn.functional import binary_cross_entropy_with_logits

from model.network import AdditiveNetwork, design_matrix
from model.queries.gradient import Gradient
from tests.unit.model.world import dense, make_batch, make_contract, make_encoding

CONTRACT = make_contract(numeric=3)
ENCODING = make_encoding(CONTRACT)
BATCH = make_batch(CONTRACT, rows=200)
ROWS = design_matrix(BATCH.cells, ENCODING)
OUTCOMES = torch.from_numpy(BATCH.outcomes)
WEIGHTS = 5 * torch.randn(ENCODING.width, dtype=torch.float64, generator=torch.manual_seed(3))


def _network() -> AdditiveNetwork:
    network = AdditiveNetwork(ENCODING.width)
    with torch.no_grad():
        network.linear.weight.copy_(WEIGHTS.unsqueeze(0))
    return network


def test_closed_form_gradients_equal_opacus_per_sample_gradients() -> None:
    module = GradSampleModule(_network(), loss_reduction="sum")
    loss = binary_cross_entropy_with_logits(
        module(ROWS.clone().requires_grad_()), OUTCOMES, reduction="sum"
    )
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    sampled = module.linear.weight.grad_sample.squeeze(1)  # (n, width)
    assert sampled.dtype == torch.float64
    closed = dense(Gradient(ENCODING, WEIGHTS, 0.5), BATCH)
    torch.testing.assert_close(closed, sampled, rtol=1e-13, atol=1e-15)


def test_a_gradient_is_never_longer_than_one() -> None:
    for factor in (0.0, 1.0, 1e6):
        gradients = dense(Gradient(ENCODING, factor * WEIGHTS, 0.5), BATCH)
        assert gradients.norm(dim=1).max().item() <= 1 + 1e-12


def test_the_network_starts_at_nothing_and_adds_up_its_weights() -> None:
    assert AdditiveNetwork(ENCODING.width)(ROWS).abs().max().item() == 0.0
    with torch.no_grad():
        torch.testing.assert_close(_network()(ROWS), ROWS @ WEIGHTS)
