"""What is served is what was trained: one encoder, on every value an applicant can have."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.artifacts import Release
from model.features import bins_of, cells_of
from model.network import design_matrix
from model.scorecard import Scorecard
from protocols.contracts.applicants import Applicant, Packing
from protocols.contracts.features import GRID_CELLS, NumericField
from protocols.contracts.scores import ScoreRequest, check_score_request
from protocols.translate_questions import score_request_from_wire, score_request_to_wire
from server.serving.reader import Reader
from tests.unit.server.serving.world import make_contract, make_release

CONTRACT = make_contract()
RELEASES = [make_release(seed) for seed in (1, 2, 3)]
ODD = (math.nan, math.inf, -math.inf, -0.0, 0.0, -9.0, 1e308, -1e308, 5e-324, 250_000.0, 1.5, 20.0)

numbers = st.one_of(st.sampled_from(ODD), st.floats(), st.floats(min_value=-1, max_value=300_000))
levels = st.one_of(
    st.sampled_from(["own", "rent", "mortgage", "36 months", "60 months", "Own", " own"]),
    st.text("aZ0 .'\n\x00é中😀", min_size=1, max_size=20),
)

PACKING = Packing.of(CONTRACT, contract_digest=bytes(32))


@st.composite
def applicants(draw: st.DrawFn) -> Applicant:
    """Draw an applicant with any of the fields, each with any value."""
    numeric = [field.name for field in CONTRACT.fields if field.kind == "numeric"]
    categorical = [field.name for field in CONTRACT.fields if field.kind == "categorical"]
    return Applicant(
        numbers=draw(st.dictionaries(st.sampled_from(numeric), numbers)),
        categories=draw(st.dictionaries(st.sampled_from(categorical), levels)),
    )


def _trained_answer(people: list[Applicant], scorecard: Scorecard) -> list[float]:
    # Columns of many rows, as a partner's file gives them: arrays with NaN, lists with None.
    columns = {
        field.name: np.array([one.numbers.get(field.name, math.nan) for one in people])
        if isinstance(field, NumericField)
        else [one.categories.get(field.name) for one in people]
        for field in scorecard.contract.fields
    }
    rows = design_matrix(cells_of(columns, scorecard.contract), scorecard.encoding)
    logits = rows @ scorecard.weights
    answers: list[float] = scorecard.link.probabilities(logits).tolist()
    return answers


@settings(max_examples=150, deadline=None)
@given(st.lists(applicants(), min_size=1, max_size=6), st.sampled_from(RELEASES))
def test_training_rows_and_served_answers_agree(people: list[Applicant], release: Release) -> None:

    reader = Reader(release)
    for one, trained in zip(people, _trained_answer(people, release.scorecard), strict=True):
        raw = score_request_to_wire(ScoreRequest(request_id="r", features=one)).SerializeToString()
        request = score_request_from_wire(raw)
        check_score_request(
            request, CONTRACT, packing=PACKING
        )  # whatever the values, the request is a good one
        (served,) = reader.score([reader.read(request.features)])
        assert served.p_default == pytest.approx(trained, rel=1e-12)


@settings(max_examples=150, deadline=None)
@given(applicants())
def test_every_value_falls_into_the_cell_the_contract_says(person: Applicant) -> None:
    cells = cells_of(person.columns(CONTRACT), CONTRACT)[0].tolist()
    for field, cell in zip(CONTRACT.fields, cells, strict=True):
        missing, other = field.cell_count - 1, field.cell_count - 2
        number = person.numbers.get(field.name, math.nan)
        if math.isnan(number) and field.name not in person.categories:
            assert cell == missing
        elif not isinstance(field, NumericField):
            level = person.categories[field.name]
            assert cell == (field.levels.index(level) if level in field.levels else other)
        elif person.numbers[field.name] in [float(special.code) for special in field.special]:
            assert cell >= GRID_CELLS
        elif person.numbers[field.name] >= float(field.high):
            assert cell == GRID_CELLS - 1
        elif person.numbers[field.name] <= float(field.low):
            assert cell == 0
        else:
            assert 0 <= cell < GRID_CELLS


@settings(deadline=None)
@given(applicants(), st.sampled_from([0, 1, 2]))
def test_a_lost_point_is_the_weight_of_the_very_bin_in_the_training_row(
    person: Applicant, seed: int
) -> None:
    scorecard = RELEASES[seed].scorecard
    cells = cells_of(person.columns(CONTRACT), CONTRACT)
    (positions,) = bins_of(cells, scorecard.encoding).tolist()
    row = design_matrix(cells, scorecard.encoding)[0]
    (score,) = scorecard.score(person.columns(CONTRACT))
    factor = scorecard.scaling.points_to_double / math.log(2)
    parts = zip(scorecard.encoding.offsets, scorecard.encoding.bin_counts, strict=True)
    for lost, position, (start, count) in zip(score.points_lost, positions, parts, strict=True):
        assert row[position] == scorecard.encoding.row_scale
        weights = scorecard.weights[start : start + count]
        average = (weights * scorecard.bin_shares[start : start + count]).sum()
        expected = (scorecard.weights[position] - average) * scorecard.encoding.row_scale * factor
        assert lost == pytest.approx(expected.item(), abs=1e-9)
