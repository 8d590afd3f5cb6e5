"""Every query: its width, its longest vector, and a borrower's rows added before they are cut."""

import math

import numpy as np
import pytest
import torch

from model.features import bins_of, row_logits
from model.network import design_matrix
from model.queries.batch import Batch, Question
from model.queries.calibration import Calibration
from model.queries.evaluation import POSITION_WEIGHT, SCORE_BINS, Evaluation
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from model.queries.segments import Segments
from model.queries.stability import Stability
from tests.unit.model.world import (
    dense,
    integers_of,
    make_batch,
    make_contract,
    make_encoding,
)

CONTRACT = make_contract()
ENCODING = make_encoding(CONTRACT)
WEIGHTS = torch.linspace(-2, 2, ENCODING.width, dtype=torch.float64)
EDGES = torch.linspace(-1.2, -0.1, SCORE_BINS + 1, dtype=torch.float64)
CELLS = 66 + 65 + 4

HISTOGRAM = Histogram(CONTRACT)
GRAM = Gram(ENCODING)
GRADIENT = Gradient(ENCODING, WEIGHTS, clip_norm=0.5)
CALIBRATION = Calibration(ENCODING, WEIGHTS, EDGES)
EVALUATION = Evaluation(ENCODING, WEIGHTS, EDGES)
STABILITY = Stability(ENCODING, WEIGHTS, EDGES)
SEGMENTS = Segments(ENCODING, WEIGHTS, EDGES, place=2)
ALL: list[Question] = [
    HISTOGRAM,
    GRAM,
    GRADIENT,
    CALIBRATION,
    EVALUATION,
    SEGMENTS,
    STABILITY,
]

queries = pytest.mark.parametrize("question", ALL, ids=[question.name for question in ALL])


@queries
def test_one_row_brings_one_vector_of_the_stated_width(question: Question) -> None:
    batch = make_batch(CONTRACT, rows=30)
    vectors = question.vectors(batch)
    assert len(vectors.places) == len(vectors.entries) == 30
    assert 0 <= vectors.places.min() <= vectors.places.max() < question.width
    assert all(len(set(row)) == len(row) for row in vectors.places.tolist())
    assert (vectors.places.dtype, vectors.entries.dtype) == (np.int64, np.float64)


@pytest.mark.parametrize(
    ("question", "width", "clip"),
    [
        (HISTOGRAM, CELLS, math.sqrt(3)),
        (GRAM, 10 * 11 // 2, 1.0),
        (GRADIENT, 10, 0.5),
        (CALIBRATION, 3 * SCORE_BINS, math.sqrt(1.25)),
        (EVALUATION, 3 * SCORE_BINS, math.sqrt(1.25)),
        (SEGMENTS, 4 * 3 * SCORE_BINS, math.sqrt(1.25)),
        (STABILITY, 9 + SCORE_BINS, 2.0),
    ],
    ids=[question.name for question in ALL],
)
def test_widths_and_clip_norms_are_those_documented(
    question: Question, width: int, clip: float
) -> None:
    assert question.width == width
    assert question.clip.norm == pytest.approx(clip)


@pytest.mark.parametrize("question", [HISTOGRAM, GRAM, STABILITY], ids=lambda q: q.name)
def test_a_borrower_with_one_row_fills_the_clip_norm_exactly(question: Question) -> None:
    norms = dense(question, make_batch(CONTRACT, rows=50)).norm(dim=1)
    torch.testing.assert_close(norms, torch.full_like(norms, question.clip.norm))


@queries
def test_a_borrowers_rows_are_added_before_anything_is_cut(question: Question) -> None:
    many = make_batch(CONTRACT, rows=24, rows_each=4)
    rows = Batch(cells=many.cells, outcomes=many.outcomes, borrower=np.arange(24, dtype=np.int64))
    added = dense(question, rows).reshape(6, 4, question.width).sum(dim=1)
    torch.testing.assert_close(dense(question, many), added)
    # Four rows together still count for no more than one clip norm.
    integers = integers_of(question, many)
    assert int((integers * integers).sum(dim=1).max()) <= question.clip.steps**2


@queries
def test_nobody_brings_nothing(question: Question) -> None:
    assert dense(question, make_batch(CONTRACT, rows=0)).shape == (0, question.width)


def test_the_histogram_counts_cells() -> None:
    batch = make_batch(CONTRACT, rows=200)
    counts = dense(HISTOGRAM, batch).sum(dim=0)
    expected = np.concatenate(
        [
            np.bincount(batch.cells[:, index], minlength=count)
            for index, count in enumerate(HISTOGRAM.cell_counts)
        ]
    )
    assert counts.tolist() == expected.tolist()


def test_the_gram_triangle_is_the_matrix_of_outer_products() -> None:
    batch = make_batch(CONTRACT, rows=100)
    rows = design_matrix(batch.cells, ENCODING)
    torch.testing.assert_close(GRAM.matrix(dense(GRAM, batch).sum(dim=0)), rows.T @ rows)


def test_the_gradient_is_that_of_the_network() -> None:
    batch = make_batch(CONTRACT, rows=60)
    rows = design_matrix(batch.cells, ENCODING)
    residuals = torch.sigmoid(rows @ WEIGHTS) - torch.from_numpy(batch.outcomes)
    torch.testing.assert_close(dense(GRADIENT, batch), residuals.unsqueeze(1) * rows)


def test_the_stability_query_counts_bins_and_scores() -> None:
    batch = make_batch(CONTRACT, rows=300)
    counts = dense(STABILITY, batch).sum(dim=0)
    bins = np.bincount(bins_of(batch.cells, ENCODING).ravel(), minlength=ENCODING.width)
    assert counts[: ENCODING.width - 1].tolist() == bins[1:].tolist()
    scored = dense(EVALUATION, batch).sum(dim=0)[: 2 * SCORE_BINS].reshape(2, -1).sum(dim=0)
    assert counts[ENCODING.width - 1 :].tolist() == scored.tolist()


@pytest.mark.parametrize("rows_each", [1, 3])
def test_segments_are_evaluations_of_each_level(rows_each: int) -> None:
    batch = make_batch(CONTRACT, rows=300, rows_each=rows_each)
    parts = dense(SEGMENTS, batch).sum(dim=0).reshape(4, -1)
    for level, part in enumerate(parts):
        rows = batch.cells[:, 2] == level
        alone = Batch(batch.cells[rows], batch.outcomes[rows], np.arange(rows.sum()))
        torch.testing.assert_close(part, dense(EVALUATION, alone).sum(dim=0))
    torch.testing.assert_close(parts.sum(dim=0), dense(EVALUATION, batch).sum(dim=0))


def test_an_evaluation_says_where_in_its_bin_a_logit_lies() -> None:
    batch = make_batch(CONTRACT, rows=300)
    logits = row_logits(batch.cells, ENCODING, WEIGHTS)
    vectors = EVALUATION.vectors(batch)
    edges = EDGES.numpy()
    bins = vectors.places[:, 1] - 2 * SCORE_BINS
    middles = (edges[bins] + edges[bins + 1]) / 2
    half = (edges[1] - edges[0]) / 2
    expected = np.clip((logits.numpy() - middles) / half, -1, 1)
    np.testing.assert_allclose(vectors.entries[:, 1] / POSITION_WEIGHT, expected, atol=1e-12)
    assert (np.abs(expected) == 1).any()  # beyond the outermost edges
    norms = dense(EVALUATION, batch).norm(dim=1)
    assert 1.0 <= norms.min().item() <= norms.max().item() <= EVALUATION.clip.norm * (1 + 1e-12)


def test_the_evaluation_counts_score_bins_by_outcome_on_the_holdout() -> None:
    batch = make_batch(CONTRACT, rows=300)
    counts = dense(EVALUATION, batch).sum(dim=0)
    places = torch.from_numpy(bins_of(batch.cells, ENCODING))
    logits = (WEIGHTS[places].sum(dim=1) + WEIGHTS[0]) * ENCODING.row_scale
    outcomes = torch.from_numpy(batch.outcomes)
    assert counts[:SCORE_BINS].sum().item() == (outcomes == 0).sum().item()
    last = (logits > EDGES[-2]) & (outcomes == 0)
    first = (logits <= EDGES[1]) & (outcomes == 1)
    assert counts[SCORE_BINS - 1].item() == last.sum().item() > 0
    assert counts[SCORE_BINS].item() == first.sum().item() > 0
    assert {question.name: question.population for question in ALL} == {
        "histogram": "training",
        "gram": "training",
        "gradient": "training",
        "calibration": "training",
        "evaluation": "holdout",
        "segments": "holdout",
        "stability": "recent",
    }
