"""Parameters survive the wire, and nothing malformed becomes a question."""

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch

from model.queries.batch import Question
from model.queries.calibration import Calibration
from model.queries.evaluation import SCORE_BINS, Evaluation
from model.queries.gradient import Gradient
from model.queries.gram import Gram
from model.queries.histogram import Histogram
from model.queries.parameters import LARGEST_NUMBER, parameters_of, question_from
from model.queries.segments import Segments
from model.queries.stability import Stability
from protocols.errors import ContractError, EntryError, UnsupportedMechanismError
from protocols.ledger.canonical import canonical_json, to_base64
from tests.unit.model.world import make_contract, make_encoding

CONTRACT = make_contract(segments=["home"])
ENCODING = make_encoding(CONTRACT)
WEIGHTS = torch.linspace(-1, LARGEST_NUMBER, ENCODING.width, dtype=torch.float64)
EDGES = torch.linspace(-1, 1, SCORE_BINS + 1, dtype=torch.float64)
ALL: list[Question] = [
    Histogram(CONTRACT),
    Gram(ENCODING),
    Gradient(ENCODING, WEIGHTS, clip_norm=0.5),
    Evaluation(ENCODING, WEIGHTS, EDGES),
    Calibration(ENCODING, WEIGHTS, EDGES),
    Stability(ENCODING, WEIGHTS, EDGES),
    Segments(ENCODING, WEIGHTS, EDGES, place=2),
]


def _rebuild(query: str, raw: bytes) -> Question:
    return question_from(query, raw, contract=CONTRACT, clip_norm=0.5)


def _text(*numbers: float) -> str:
    return to_base64(np.array(numbers, dtype="<f8").tobytes())


@pytest.mark.parametrize("question", ALL, ids=[question.name for question in ALL])
def test_parameters_make_the_round_trip(question: Question) -> None:
    raw = parameters_of(question)
    again = _rebuild(question.name, raw)
    assert type(again) is type(question)
    assert parameters_of(again) == raw
    assert again.width == question.width
    assert again.clip == question.clip


def test_floats_survive_to_the_last_bit() -> None:
    weights = torch.linspace(-1 / 3, 1 / 7, ENCODING.width, dtype=torch.float64)
    again = _rebuild("gradient", parameters_of(Gradient(ENCODING, weights, clip_norm=0.5)))
    assert isinstance(again, Gradient)
    assert torch.equal(again.weights, weights)


def test_the_clip_norm_is_the_charters_whatever_the_order_says() -> None:
    raw = parameters_of(Gradient(ENCODING, WEIGHTS, clip_norm=99.0))
    assert _rebuild("gradient", raw).clip.norm == 0.5


def test_a_query_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnsupportedMechanismError):
        _rebuild("raw_rows", b"{}")


@pytest.mark.parametrize("place", [0, -1, 3, 2.0, True, "2", None])
def test_only_fields_that_the_contract_reports_on_are_segments(place: object) -> None:
    table = json.loads(parameters_of(Segments(ENCODING, WEIGHTS, EDGES, place=2)))
    with pytest.raises((ContractError, EntryError)):
        _rebuild("segments", json.dumps(table | {"place": place}, separators=(",", ":")).encode())


@pytest.mark.parametrize("raw", [b"", b"{", b"{ }", b'{"a":1,"a":1}', b"\xff", b'{"a":1.5}'])
def test_what_is_not_canonical_json_is_refused(raw: bytes) -> None:
    with pytest.raises((EntryError, ContractError)):
        _rebuild("histogram", raw)


@pytest.mark.parametrize("question", ALL, ids=[question.name for question in ALL])
def test_one_member_more_or_less_is_refused(question: Question) -> None:
    table = json.loads(parameters_of(question))
    with pytest.raises(ContractError, match="other parameters"):
        _rebuild(question.name, canonical_json(table | {"more": 1}))
    for member in table:
        less = {name: value for name, value in table.items() if name != member}
        with pytest.raises(ContractError, match="other parameters"):
            _rebuild(question.name, canonical_json(less))
    with pytest.raises(ContractError, match="other parameters"):
        _rebuild(question.name, canonical_json([table]))


def _bins(*numbers: int) -> str:
    return to_base64(np.array(numbers, dtype="<u4").tobytes())


Change = Callable[[list[str]], object]

ENCODINGS: dict[str, Change] = {
    "no list": lambda bins: "bins",
    "a field that is no text": lambda bins: [*bins[:2], 3],
    "a field of numbers": lambda bins: [*bins[:2], [0, 1, 2, 3]],
    "a field without cells": lambda bins: [*bins[:2], ""],
    "not base64": lambda bins: [*bins[:2], "%%%"],
    "half a number": lambda bins: [*bins[:2], to_base64(bytes(15))],
    "too few fields": lambda bins: bins[:2],
    "too few cells": lambda bins: [*bins[:2], _bins(0, 1, 2)],
    "a bin beyond the cells": lambda bins: [*bins[:2], _bins(0, 1, 2, 4)],
    "a gap": lambda bins: [*bins[:2], _bins(0, 2, 2, 2)],
    "a huge number": lambda bins: [*bins[:2], _bins(0, 1, 2, 2**32 - 1)],
}


def test_the_encodings_below_are_wrong_for_their_own_reason_only() -> None:
    bins = [_bins(*table) for table in ENCODING.bins]
    assert _rebuild("gram", canonical_json({"encoding": bins})) == Gram(ENCODING)


@pytest.mark.parametrize("change", ENCODINGS.values(), ids=ENCODINGS)
def test_a_malformed_encoding_is_refused(change: Change) -> None:
    raw = canonical_json({"encoding": change([_bins(*table) for table in ENCODING.bins])})
    with pytest.raises((ContractError, EntryError)):
        _rebuild("gram", raw)


NUMBERS: dict[str, Callable[[int], object]] = {
    "no text": lambda count: [0] * count,
    "not base64": lambda count: "%%%",
    "one short": lambda count: _text(*[0.0] * (count - 1)),
    "one more": lambda count: _text(*[0.0] * (count + 1)),
    "half a number": lambda count: to_base64(bytes(8 * count - 4)),
    "not a number": lambda count: _text(*[0.0] * (count - 1), float("nan")),
    "infinite": lambda count: _text(*[0.0] * (count - 1), float("inf")),
    "minus infinite": lambda count: _text(float("-inf"), *[0.0] * (count - 1)),
    "out of range": lambda count: _text(*[0.0] * (count - 1), 1.001 * LARGEST_NUMBER),
}


@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("member", ["weights", "score_edges"])
def test_malformed_numbers_are_refused(member: str, value: Callable[[int], object]) -> None:
    table = json.loads(parameters_of(ALL[3]))
    table[member] = value(ENCODING.width if member == "weights" else SCORE_BINS + 1)
    with pytest.raises((ContractError, EntryError)):
        _rebuild("evaluation", canonical_json(table))


@pytest.mark.parametrize("edges", [EDGES.flip(0), torch.ones_like(EDGES)], ids=["fall", "stay"])
@pytest.mark.parametrize("query", ["calibration", "evaluation", "stability"])
def test_score_edges_that_do_not_ascend_are_refused(query: str, edges: torch.Tensor) -> None:
    raw = parameters_of(Evaluation(ENCODING, WEIGHTS, edges))
    with pytest.raises(ContractError, match="ascend"):
        _rebuild(query, raw)
