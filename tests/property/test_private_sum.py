"""No borrower moves a private sum by more than the clip, whatever the numbers are."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.noise import IntegerVector
from model.private_sum import Clip, Floats, Vectors, clipped_integers, private_sum
from model.queries.answer import answer_question
from model.queries.batch import Batch, Question
from model.queries.calibration import Calibration
from model.queries.evaluation import SCORE_BINS, Evaluation
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from model.queries.segments import Segments
from model.queries.stability import Stability
from tests.unit.model.world import make_contract, make_encoding, whole

ODD = (0.0, -0.0, 5e-324, -5e-324, 1e-308, 1.0, -1.0, 1e154, 1e155, -1e308, 1.7976931348623157e308)
NOT_FINITE = (math.nan, math.inf, -math.inf)
NUMBERS = st.one_of(
    st.sampled_from(ODD), st.floats(allow_nan=False, allow_infinity=False), st.floats(-2, 2)
)
ANY = st.one_of(NUMBERS, st.sampled_from(NOT_FINITE))
CLIPS = st.builds(
    Clip,
    norm=st.one_of(st.sampled_from((0.5, 1.0, math.sqrt(19))), st.floats(1e-3, 1e3)),
    steps=st.sampled_from((1, 7, 1000, 2**20)),
)
MANY = settings(max_examples=300, deadline=None)

CONTRACT = make_contract()
ENCODING = make_encoding(CONTRACT)


class NoNoise:
    """Noise of nothing, so that sensitivity can be seen."""

    def draw(self, size: int) -> IntegerVector:
        """Return zeros."""
        return np.zeros(size, dtype=np.int64)


def _tables(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Floats]:
    return st.integers(1, 6).flatmap(
        lambda width: st.lists(
            st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=6
        ).map(np.array)
    )


def _squared(row: IntegerVector) -> int:
    return sum(int(entry) ** 2 for entry in row)  # exact: Python integers do not overflow


@MANY
@given(_tables(ANY), CLIPS)
def test_no_row_is_ever_longer_than_the_steps(rows: Floats, clip: Clip) -> None:
    for row in clipped_integers(whole(rows), clip=clip):
        assert _squared(row) <= clip.steps**2


@MANY
@given(st.lists(ANY, min_size=1, max_size=6), st.integers(1, 2_000), CLIPS)
def test_one_number_in_many_places_is_no_longer_than_the_steps_either(
    numbers: list[float], copies: int, clip: Clip
) -> None:
    places = np.broadcast_to(np.arange(copies), (len(numbers), copies))
    once = Vectors(places, np.array(numbers)[:, np.newaxis])
    integers = clipped_integers(once, clip=clip)
    assert integers.shape == (len(numbers), 1)
    written_out = np.broadcast_to(once.entries, places.shape)
    others = clipped_integers(Vectors(places, written_out), clip=clip)
    for one, row in zip(integers, others, strict=True):
        assert copies * int(one[0]) ** 2 <= clip.steps**2
        # The length of a long vector may be a last bit apart, and with it one step.
        assert abs(int(one[0]) - int(row[0])) <= 1


@MANY
@given(_tables(NUMBERS), CLIPS)
def test_truncation_never_lengthens_an_entry_or_turns_its_sign(rows: Floats, clip: Clip) -> None:
    integers = clipped_integers(whole(rows), clip=clip)
    with np.errstate(over="ignore"):
        scaled = rows / clip.step
    # Scaling may round the last bit up; truncation then gains nothing but that.
    assert bool((np.abs(integers) * (1 - 1e-12) <= np.abs(scaled)).all())
    assert bool((integers * np.sign(rows) >= 0).all())


@MANY
@given(_tables(NUMBERS), CLIPS, st.data())
def test_what_is_not_finite_counts_as_zero_and_touches_nobody_else(
    rows: Floats, clip: Clip, data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, rows.shape[1] - 1))
    before = clipped_integers(whole(rows), clip=clip)
    rows[row, column] = data.draw(st.sampled_from(NOT_FINITE))
    after = clipped_integers(whole(rows), clip=clip)
    assert after[row].tolist() == [0] * rows.shape[1]
    before[row] = 0
    assert np.array_equal(before, after)


@MANY
@given(_tables(ANY), CLIPS, st.data())
def test_how_borrowers_are_cut_into_chunks_and_ordered_changes_nothing(
    rows: Floats, clip: Clip, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    cut = data.draw(st.integers(0, len(rows)))
    shuffled = rows[list(order)]
    one = private_sum([whole(rows)], width=rows.shape[1], clip=clip, noise=NoNoise())
    two = private_sum(
        [whole(part) for part in (shuffled[cut:], shuffled[:cut]) if len(part)],
        width=rows.shape[1],
        clip=clip,
        noise=NoNoise(),
    )
    assert one.tolist() == two.tolist()


@st.composite
def _questions(draw: st.DrawFn) -> Question:
    scale = draw(st.sampled_from((0.0, 1.0, 1e6)))
    weights = scale * torch.linspace(-1, 1, ENCODING.width, dtype=torch.float64)
    edges = torch.linspace(-1, 1, SCORE_BINS + 1, dtype=torch.float64)
    questions: list[Question] = [
        Histogram(CONTRACT),
        Gram(ENCODING),
        Gradient(ENCODING, weights, clip_norm=draw(st.sampled_from((0.5, 1.0)))),
        Evaluation(ENCODING, weights, edges),
        Calibration(ENCODING, weights, edges),
        Stability(ENCODING, weights, edges),
        Segments(ENCODING, weights, edges, place=2),
    ]
    return draw(st.sampled_from(questions))


@st.composite
def _borrowers(draw: st.DrawFn) -> list[list[tuple[int, ...]]]:
    """Draw some borrowers, each a list of rows: a cell a field, and the outcome last."""
    row = st.tuples(
        *(st.integers(0, field.cell_count - 1) for field in CONTRACT.fields), st.integers(0, 1)
    )
    return draw(st.lists(st.lists(row, min_size=1, max_size=4), min_size=1, max_size=5))


def _sum(question: Question, people: list[list[tuple[int, ...]]]) -> IntegerVector:
    rows = np.array([row for person in people for row in person], dtype=np.int64)
    rows = rows.reshape(-1, len(CONTRACT.fields) + 1)
    numbers = [index for index, person in enumerate(people) for _ in person]
    batch = Batch(
        cells=rows[:, :-1].astype(np.uint16),
        outcomes=rows[:, -1].astype(np.float64),
        borrower=np.array(numbers, dtype=np.int64),
    )
    return answer_question(question, batch, noise=NoNoise(), most_entries=200)


@MANY
@given(_questions(), _borrowers(), st.data())
def test_without_one_borrower_a_sum_moves_by_the_clip_norm_at_most(
    question: Question, people: list[list[tuple[int, ...]]], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(people) - 1))
    others = people[:index] + people[index + 1 :]
    moved = _sum(question, people) - _sum(question, others)
    assert _squared(moved) <= question.clip.steps**2


@MANY
@given(_questions(), _borrowers(), st.integers(2, 5), st.data())
def test_a_borrower_counts_once_however_often_the_rows_are_repeated(
    question: Question, people: list[list[tuple[int, ...]]], times: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(people) - 1))
    others = people[:index] + people[index + 1 :]
    copied = [*people[:index], people[index] * times, *people[index + 1 :]]
    moved = _sum(question, copied) - _sum(question, others)
    assert _squared(moved) <= question.clip.steps**2


@MANY
@given(_questions(), _borrowers(), _borrowers(), st.data())
def test_a_borrower_who_changes_moves_a_sum_by_twice_the_clip_norm_at_most(
    question: Question,
    people: list[list[tuple[int, ...]]],
    strangers: list[list[tuple[int, ...]]],
    data: st.DataObject,
) -> None:
    index = data.draw(st.integers(0, len(people) - 1))
    changed = [*people[:index], strangers[0], *people[index + 1 :]]
    moved = _sum(question, people) - _sum(question, changed)
    assert _squared(moved) <= (2 * question.clip.steps) ** 2
