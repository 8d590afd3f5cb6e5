"""A borrower's vector is its own: bit for bit the same alone, anywhere, and beside anybody.

Floating point is not associative, and fast kernels treat the last rows of a table in another way
than the rest. Were a vector a few ulps different for where it stands, a coordinator who puts a
score edge on that ulp, or an integer boundary there, would see one borrower move the others.
"""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from model.features import Encoding, row_logits
from model.network import design_matrix
from model.private_sum import _squares, clipped_integers
from model.queries.answer import answer_question
from model.queries.batch import Batch, Question
from model.queries.evaluation import SCORE_BINS, Evaluation
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from model.queries.segments import Segments
from model.queries.stability import Stability
from tests.unit.model.world import integers_of, make_batch, make_contract, make_encoding, whole

CONTRACT = make_contract(numeric=6)
ENCODING = make_encoding(CONTRACT)
ONE_BIN = Encoding(tuple((0,) * field.cell_count for field in CONTRACT.fields))  # all rows alike
SIZES = (2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 130)  # beside one at a time


@pytest.fixture(params=[1, 2])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def _questions() -> list[Question]:
    """Weights that cancel almost, and an edge exactly where a logit falls."""
    random = np.random.default_rng(5)
    found: list[Question] = [Histogram(CONTRACT), Gram(ENCODING)]
    for encoding in (ENCODING, ONE_BIN):
        weights = torch.from_numpy(random.normal(size=encoding.width) * 1e5)
        weights[0] = -weights[1:].sum() / 3
        batch = make_batch(CONTRACT, rows=1)
        edge = row_logits(batch.cells, encoding, weights)[0]
        edges = _around(edge.item())
        found += [Gradient(encoding, weights / 1e5, 0.5), Evaluation(encoding, weights, edges)]
        found.append(Stability(encoding, weights, edges))
        found.append(Segments(encoding, weights, edges, place=6))
    return found


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("rows_each", [1, 3])
def test_a_borrowers_integers_do_not_depend_on_who_else_is_in_the_chunk(rows_each: int) -> None:
    for question in _questions():
        everybody = make_batch(CONTRACT, rows=130 * rows_each, seed=2, rows_each=rows_each)
        alone = [integers_of(question, one) for one in everybody.chunks(1)]
        for size in SIZES:
            parts = everybody.chunks(size * rows_each)
            chunked = torch.cat([integers_of(question, part) for part in parts])
            assert torch.equal(chunked, torch.cat(alone)), (question.name, size)


@pytest.mark.usefixtures("_threads")
def test_a_borrower_with_more_rows_moves_nobody_else() -> None:
    """The first borrower changes from one row to four; all others are the same ones."""
    rest = make_batch(CONTRACT, rows=101, seed=3)
    for question in _questions():
        without = _sum(question, rest)
        sums = set()
        for rows in (1, 2, 3, 4):
            batch = _with_first(rest, rows=rows)
            first = Batch(batch.cells[:rows], batch.outcomes[:rows], batch.borrower[:rows])
            sums.add((_sum(question, batch) - _sum(question, first)).tobytes())
        assert sums == {without.tobytes()}, question.name


@pytest.mark.parametrize("numeric", [1, 13, 61])
@pytest.mark.parametrize("clip", [0.5, 1.0])
def test_a_second_row_of_one_borrower_moves_nobody_by_a_step(numeric: int, clip: float) -> None:
    """With 3, 15 and 63 fields a clipped entry is a whole number of steps: an ulp decides.

    A coordinator who puts everybody into one bin, with weights on the intercept alone, gives all
    good borrowers one residual. Were they added up in another way because one of them has two
    rows, all of them would move by a step together, and the sum by more than the clip.
    """
    contract = make_contract(numeric=numeric)
    encoding = Encoding(tuple((0,) * field.cell_count for field in contract.fields))
    rest = make_batch(contract, rows=20, seed=1)
    rest = Batch(rest.cells, np.zeros(20), rest.borrower)
    both = _with_first(rest, rows=2)
    first = Batch(both.cells[:2], both.outcomes[:2], both.borrower[:2])
    for logit in np.random.default_rng(1).uniform(-4, 4, 400):
        weights = torch.zeros(encoding.width, dtype=torch.float64)
        weights[0] = logit / encoding.row_scale
        question = Gradient(encoding, weights, clip)
        moved = _sum(question, both) - _sum(question, first)
        assert np.array_equal(moved, _sum(question, rest)), logit


def _with_first(rest: Batch, *, rows: int) -> Batch:
    """Return a batch with one more borrower in front, who has so many rows."""
    return Batch(
        cells=np.concatenate([rest.cells[:1].repeat(rows, axis=0), rest.cells]),
        outcomes=np.concatenate([np.ones(rows), rest.outcomes]),
        borrower=np.concatenate([np.zeros(rows, dtype=np.int64), rest.borrower + 1]),
    )


def _sum(question: Question, batch: Batch) -> np.ndarray:
    return answer_question(question, batch, noise=NoNoise())


class NoNoise:
    """Noise of nothing, so that others' vectors can be seen."""

    def draw(self, size: int) -> np.ndarray:
        """Return zeros."""
        return np.zeros(size, dtype=np.int64)


@pytest.mark.usefixtures("_threads")
def test_an_edge_on_an_ulp_of_equal_rows_shows_nobody() -> None:
    """All rows are alike and weights cancel; edges are where a matrix product would put them."""
    for seed in range(12):
        drawn = torch.rand(ONE_BIN.width, dtype=torch.float64, generator=torch.manual_seed(seed))
        weights = 1e5 * (drawn - 0.5)
        weights[-1] = -weights[:-1].sum()
        cells = np.zeros((1_003, len(CONTRACT.fields)), dtype=np.uint16)
        for edge in set((design_matrix(cells, ONE_BIN) @ weights).tolist()):
            edges = _around(edge)
            question = Evaluation(ONE_BIN, weights, edges)
            for rows in range(1_000, 1_004):
                batch = Batch(cells[:rows], np.zeros(rows), np.arange(rows, dtype=np.int64))
                vectors = integers_of(question, batch)
                assert bool((vectors == vectors[0]).all()), (seed, rows)


@pytest.mark.usefixtures("_threads")
def test_a_wide_vector_is_as_long_alone_as_in_company() -> None:
    random = np.random.default_rng(6)
    rows = random.normal(size=(5, 70_001))
    clip = Histogram(CONTRACT).clip
    together = clipped_integers(whole(rows), clip=clip)
    alone = [clipped_integers(whole(rows[i : i + 1]), clip=clip) for i in range(5)]
    assert np.array_equal(together, np.concatenate(alone))
    squares = np.concatenate([_squares(rows[i : i + 1]) for i in range(5)])
    assert np.array_equal(_squares(rows), squares)


def _around(edge: float) -> torch.Tensor:
    """Return edges of which one is exactly ``edge``."""
    return edge + torch.arange(-5.0, SCORE_BINS - 4, dtype=torch.float64)
