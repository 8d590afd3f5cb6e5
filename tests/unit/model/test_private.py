"""A private value leaves by ``reveal`` and by nothing else."""

import copy
import json
import pickle

import pytest

from model.private import Private

SECRET = 123_456_789


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{:>30}".format, "%s".__mod__])
def test_no_way_of_printing_shows_the_value(show: object) -> None:
    assert callable(show)
    assert show(Private(SECRET)).strip() == "<private>"


def test_inside_a_container_it_does_not_print_either() -> None:
    assert str(SECRET) not in f"{[Private(SECRET)]} { ({'a': Private(SECRET)})!r}"


@pytest.mark.parametrize("serialise", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_it_cannot_be_serialised_or_copied(serialise: object) -> None:
    assert callable(serialise)
    with pytest.raises(TypeError):
        serialise(Private(SECRET))


def test_it_does_not_compare_and_holds_nothing_by_name() -> None:
    assert Private(SECRET) != Private(SECRET)
    with pytest.raises(TypeError):
        vars(Private(SECRET))


def test_reveal_gives_it_back() -> None:
    assert Private(SECRET).reveal() == SECRET
