"""Score bins: what a table of them says, and edges that split borrowers evenly."""

import numpy as np
import pytest
import torch

from model.features import row_logits
from model.queries.evaluation import SCORE_BINS, Evaluation
from model.score_table import ScoreTable, even_edges, guessed_edges, score_table
from tests.unit.model.world import exact_sum, make_batch, make_contract, make_encoding

CONTRACT = make_contract(numeric=4)
ENCODING = make_encoding(CONTRACT)


def _rows() -> tuple[np.ndarray, torch.Tensor]:
    random = np.random.default_rng(1)
    rows = np.concatenate([np.full((20_000, 1), 0.5), random.normal(0.3, 1, (20_000, 4))], axis=1)
    return rows, torch.tensor([-4.0, 1.0, -0.5, 0.25, 2.0], dtype=torch.float64)


def test_guessed_edges_split_a_normal_logit_into_even_bins() -> None:
    rows, weights = _rows()
    gram = torch.from_numpy(rows.T @ rows / len(rows))
    edges = guessed_edges(weights, mean_outer=gram, row_scale=0.5)
    assert len(edges) == SCORE_BINS + 1
    assert bool((edges.diff() > 0).all())
    bins = np.bincount(np.searchsorted(edges[1:-1].numpy(), rows @ weights.numpy()))
    assert bins.min() > 1_800
    assert bins.max() < 2_200


def test_edges_ascend_even_where_there_is_no_spread() -> None:
    gram = torch.eye(3, dtype=torch.float64)
    edges = guessed_edges(torch.zeros(3, dtype=torch.float64), mean_outer=gram, row_scale=0.5)
    assert bool((edges.diff() > 0).all())


def test_a_table_says_how_many_there_are_and_where_their_logits_lie() -> None:
    batch = make_batch(CONTRACT, rows=5_000)
    weights = torch.linspace(-2, 2, ENCODING.width, dtype=torch.float64)
    edges = torch.linspace(-1.0, 2.5, SCORE_BINS + 1, dtype=torch.float64)
    question = Evaluation(ENCODING, weights, edges)
    table = score_table(exact_sum(question, batch), noise=0.0, edges=edges)
    assert table.bad.sum().item() == pytest.approx(batch.outcomes.sum(), abs=0.1)
    assert table.both.sum().item() == pytest.approx(5_000, abs=0.1)
    logits = _logits(question, batch.cells)
    homes = np.searchsorted(edges[1:-1].numpy(), logits)
    for number in range(SCORE_BINS):
        inside = np.clip(logits[homes == number], edges[0].item(), edges[-1].item())
        assert table.both[number].item() == pytest.approx(len(inside), abs=0.1)
        if len(inside):
            assert table.logits[number].item() == pytest.approx(inside.mean(), abs=1e-3)


def test_noise_never_puts_a_bins_logit_out_of_the_bin() -> None:
    edges = torch.linspace(-3, 3, SCORE_BINS + 1, dtype=torch.float64)
    for seed in range(20):
        drawn = torch.randn(3 * SCORE_BINS, dtype=torch.float64, generator=torch.manual_seed(seed))
        table = score_table(100 * drawn, noise=100.0, edges=edges)
        assert bool((table.logits >= edges[:-1] - 1e-12).all())
        assert bool((table.logits <= edges[1:] + 1e-12).all())


def test_even_edges_split_what_was_seen_evenly() -> None:
    rows, weights = _rows()
    logits = np.exp(rows @ weights.numpy() / 3)  # far from normal
    edges = torch.linspace(0, float(logits.max()), SCORE_BINS + 1, dtype=torch.float64)
    for _ in range(3):  # closer each time, as they are taken as even inside of each bin
        counts = torch.from_numpy(
            np.bincount(np.searchsorted(edges[1:-1].numpy(), logits), minlength=SCORE_BINS) + 0.0
        )
        nothing = torch.zeros(SCORE_BINS, dtype=torch.float64)
        edges = even_edges(ScoreTable(counts, nothing, nothing, 0.0, nothing), edges)
    bins = np.bincount(np.searchsorted(edges[1:-1].numpy(), logits), minlength=SCORE_BINS)
    assert bins.min() > 1_500
    assert bins.max() < 2_500


@pytest.mark.parametrize("number", [0.0, -50.0, 1e-9])
def test_even_edges_ascend_whatever_noise_makes_of_the_counts(number: float) -> None:
    edges = torch.linspace(-1, 1, SCORE_BINS + 1, dtype=torch.float64)
    counts = torch.full((SCORE_BINS,), number, dtype=torch.float64)
    counts[3] = 1e6
    table = ScoreTable(counts, -counts, counts, 5.0, counts)
    for each in (table, ScoreTable(counts, counts, counts, 5.0, counts)):
        found = even_edges(each, edges)
        assert bool((found.diff() > 0).all())
        assert (found[0].item(), found[-1].item()) == pytest.approx((-1.0, 1.0))


def _logits(question: Evaluation, cells: np.ndarray) -> np.ndarray:
    return row_logits(cells, question.encoding, question.weights).numpy()
