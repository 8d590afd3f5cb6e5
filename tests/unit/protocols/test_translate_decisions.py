"""Every word has its number, and a number or text that this version does not know is refused."""

from collections.abc import Callable
from typing import get_args

import pytest

from protocols.contracts.decisions import Change, Outcome, Source
from protocols.contracts.regulation import Segment
from protocols.errors import ContractError
from protocols.translate_decisions import (
    CHANGES,
    OUTCOMES,
    SEGMENTS,
    SOURCES,
    decision_from_wire,
)
from protocols.wire import decisions_v1_pb2 as wire
from tests.unit.protocols.answers import decision_to_wire, make_decision


@pytest.mark.parametrize(
    ("words", "numbers", "enum"),
    [
        (Outcome, OUTCOMES, wire.Outcome),
        (Change, CHANGES, wire.Change),
        (Source, SOURCES, wire.ReasonSource),
        (Segment, SEGMENTS, wire.Segment),
    ],
)
def test_every_word_has_a_number_of_its_own_and_none_is_left_over(
    words: object, numbers: dict[str, int], enum: object
) -> None:
    assert set(get_args(words)) == set(numbers)
    assert sorted(numbers.values()) == sorted(set(enum.values()) - {0})
    assert all(enum.Name(number).endswith(word) for word, number in numbers.items())


def _refused(change: Callable[[wire.LimitDecision], object]) -> str:
    message = decision_to_wire(make_decision())
    change(message)
    with pytest.raises(ContractError) as caught:
        decision_from_wire(message)
    return str(caught.value)


@pytest.mark.parametrize("name", ["outcome", "change", "segment"])
@pytest.mark.parametrize("number", [0, 99])
def test_a_number_that_this_version_does_not_know_is_refused(name: str, number: int) -> None:
    said = _refused(lambda message: setattr(message, name, number))
    assert said == f"answer: {name}: not one that this version knows"


def test_a_reason_of_an_unknown_source_is_refused() -> None:
    said = _refused(lambda message: setattr(message.principal_reasons[0], "source", 99))
    assert said == "answer: source: not one that this version knows"


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("offers", "method", "BARTER"),
        ("offers", "first_minor", -1),
        ("withheld", "group", "shoes"),
        ("withheld", "why", "LOST"),
        ("components", "name", ""),
        ("components", "limit_minor", -1),
        ("steps", "result", "not a name"),
        ("principal_reasons", "sentence", ""),
        ("principal_reasons", "sentence_zh", ""),
        ("reasons", "points_lost", 0.0),
    ],
)
def test_a_part_that_makes_no_sense_is_refused(part: str, name: str, value: object) -> None:
    said = _refused(lambda message: setattr(getattr(message, part)[0], name, value))
    assert said.startswith("answer: ")
    assert name in said


def test_a_cost_on_an_unknown_basis_is_refused() -> None:
    said = _refused(lambda message: setattr(message.offers[0].costs[0], "basis", "GUESS"))
    assert said.startswith("answer: basis")
    said = _refused(lambda message: setattr(message.offers[0].costs[0], "percent", "much"))
    assert said.startswith("answer: percent")


@pytest.mark.parametrize(
    "name",
    [
        *("release_digest", "calibration_digest", "policy_digest", "profile_digest"),
        *("features_digest", "code_digest"),
    ],
)
def test_a_digest_that_is_none_is_refused(name: str) -> None:
    assert name in _refused(lambda message: setattr(message, name, b"short"))
