"""The prior says nothing about anybody, and the posterior moves as far as noise allows."""

import itertools

import numpy as np
import pytest
import torch

from model.network import design_matrix
from model.posterior import (
    FIELD_VARIANCE,
    INTERCEPT_VARIANCE,
    BaseRate,
    mean_outer_product,
    posterior_mean,
    prior_covariance,
)
from model.queries.gradient import Gradient
from tests.unit.model.world import dense, make_batch, make_contract, make_encoding

CONTRACT = make_contract()
ENCODING = make_encoding(CONTRACT)
SHARES = torch.tensor(
    [1.0, 0.5, 0.3, 0.2, 0.1, 0.1, 0.8, 0.25, 0.35, 0.4], dtype=torch.float64
)  # intercept, then three bins in each of three fields
FIELDS = [slice(place, place + 3) for place in ENCODING.offsets]
PRIOR = prior_covariance(CONTRACT, ENCODING, SHARES)


@pytest.mark.parametrize("clip", [0.5, 0.7, 1.0])
@pytest.mark.parametrize("p_default", [0.02, 0.2, 0.4, 0.6, 0.9])
def test_around_the_base_rate_the_gradient_needs_only_mean_rows(
    p_default: float, clip: float
) -> None:
    base = BaseRate(p_default, clip)
    batch = make_batch(CONTRACT, rows=400, seed=1)
    rows, outcomes = design_matrix(batch.cells, ENCODING), torch.from_numpy(batch.outcomes)
    weights = torch.zeros(ENCODING.width, dtype=torch.float64)
    weights[0] = base.logit / ENCODING.row_scale
    gradients = dense(Gradient(ENCODING, weights, clip), batch)
    norms = gradients.norm(dim=1, keepdim=True)
    expected = (gradients * (clip / norms.clamp_min(clip))).mean(dim=0)
    bad_rows = (rows * outcomes.unsqueeze(1)).mean(dim=0)
    torch.testing.assert_close(base.gradient(rows=rows.mean(dim=0), bad_rows=bad_rows), expected)
    torch.testing.assert_close(base.bad_rows(expected, rows=rows.mean(dim=0)), bad_rows)


@pytest.mark.parametrize("clip", [0.5, 0.7, 1.0])
@pytest.mark.parametrize("p_default", [0.02, 0.2, 0.45, 0.5, 0.6, 0.9])
def test_at_the_base_rate_training_rests_and_curvature_is_its_slope(
    p_default: float, clip: float
) -> None:
    base = BaseRate(p_default, clip)

    def mean_residual(logit: float) -> float:
        q = 1 / (1 + np.exp(-logit))
        return float((1 - p_default) * min(q, clip) - p_default * min(1 - q, clip))

    assert mean_residual(base.logit) == pytest.approx(0.0, abs=1e-12)
    if (p_default, clip) == (0.5, 0.5):  # a corner: each class moves on its own side only
        assert base.curvature == pytest.approx(0.25)
        return
    slope = (mean_residual(base.logit + 1e-5) - mean_residual(base.logit - 1e-5)) / 2e-5
    assert base.curvature == pytest.approx(slope, rel=1e-4)
    assert base.curvature > 0


def test_the_mean_outer_product_is_exact_where_fields_are_independent() -> None:
    counts = [[2, 1, 1], [1, 1, 2], [1, 2, 1]]  # in quarters
    first = [[table.index(number) for number in range(3)] for table in ENCODING.bins]
    columns = [np.repeat(cells, count) for cells, count in zip(first, counts, strict=True)]
    rows = design_matrix(np.array(list(itertools.product(*columns)), dtype=np.uint16), ENCODING)
    shares = torch.tensor([4, *itertools.chain(*counts)], dtype=torch.float64) / 4
    torch.testing.assert_close(mean_outer_product(shares, ENCODING), rows.T @ rows / len(rows))


def test_a_fields_weights_average_to_zero_over_borrowers_with_the_variance_named() -> None:
    scaled = PRIOR * ENCODING.row_scale**2  # of logits
    assert scaled[0, 0].item() == pytest.approx(INTERCEPT_VARIANCE)
    for block in FIELDS:
        field, shares = scaled[block, block], SHARES[block]
        torch.testing.assert_close(field @ shares, torch.zeros(3, dtype=torch.float64))
        assert (shares @ field.diag()).item() == pytest.approx(FIELD_VARIANCE)
    assert scaled[FIELDS[0], FIELDS[1]].abs().max().item() == 0.0
    assert torch.linalg.eigvalsh(PRIOR).min().item() >= -1e-9


def test_along_an_ordered_field_the_far_end_is_less_alike_than_the_neighbour() -> None:
    even = torch.full((10,), 1 / 3, dtype=torch.float64)
    even[0] = 1.0
    prior = prior_covariance(CONTRACT, ENCODING, even)
    amount, home = (prior[block, block] for block in FIELDS[1:])
    assert amount[0, 1] > amount[0, 2]
    torch.testing.assert_close(home[0, 1], home[0, 2])  # levels have no order


def test_a_field_of_one_bin_gets_no_weight() -> None:
    encoding = type(ENCODING)((*ENCODING.bins[:2], (0, 0, 0, 0)))
    shares = torch.cat([SHARES[:7], torch.ones(1, dtype=torch.float64)])
    assert prior_covariance(CONTRACT, encoding, shares)[7].abs().max().item() == 0.0


def test_the_posterior_is_that_of_bayes_rule() -> None:
    random = torch.manual_seed(0)
    root = torch.randn(4, 4, dtype=torch.float64, generator=random)
    response, prior = root @ root.T, torch.diag(torch.tensor([1.0, 2.0, 3.0, 4.0]).double())
    observed = torch.randn(4, dtype=torch.float64, generator=random)
    error = 0.3**2 * torch.eye(4, dtype=torch.float64) + response / 50
    precision = torch.linalg.inv(prior) + response @ torch.linalg.inv(error) @ response
    expected = torch.linalg.solve(precision, response @ torch.linalg.solve(error, observed))
    mean = posterior_mean(observed, response=response, noise=0.3, borrowers=50.0, prior=prior)
    torch.testing.assert_close(mean, expected)


def test_more_noise_moves_the_weights_less_and_drowning_noise_not_at_all() -> None:
    response = 0.1 * mean_outer_product(SHARES, ENCODING)
    observed = response @ torch.linspace(-1, 1, 10, dtype=torch.float64)
    lengths = [
        posterior_mean(observed, response=response, noise=noise, borrowers=1e4, prior=PRIOR)
        .norm()
        .item()
        for noise in (1e-6, 1e-4, 1e-2, 1e3)
    ]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] < 1e-6
