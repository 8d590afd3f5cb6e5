"""Values of a row by the group of their field."""

import math

import pytest

from protocols.contracts.features import Group
from server.serving.groups import GroupedFields
from server.serving.rows import Row
from tests.unit.server.serving.grouped import grouped_release

# income of application; utilisation, inquiries and term of bureau; home of social.
FIELDS = GroupedFields(grouped_release().scorecard.contract)
NONE = Row([math.nan] * 3, [4, 3])
ALL = Row([1.0, 2.0, 3.0], [0, 1])


def _same(found: Row, expected: Row) -> bool:
    return repr(found) == repr(expected)  # as NaN is not itself


def test_a_group_is_given_if_one_of_its_values_is() -> None:
    assert FIELDS.given(NONE) == set()
    assert FIELDS.given(ALL) == {"application", "bureau", "social"}
    assert FIELDS.given(NONE._replace(numbers=[math.nan, 0.0, math.nan])) == {"bureau"}
    assert FIELDS.given(NONE._replace(codes=[4, 0])) == {"bureau"}
    assert FIELDS.given(NONE._replace(codes=[3, 3])) == {"social"}  # a level that is not listed


def test_a_row_without_groups_has_their_values_missing_and_no_others() -> None:
    assert _same(FIELDS.without(ALL, {"bureau"}), Row([1.0, math.nan, math.nan], [0, 3]))
    assert _same(FIELDS.without(ALL, {"social"}), Row([1.0, 2.0, 3.0], [4, 1]))
    assert _same(FIELDS.without(ALL, {"application", "bureau", "social"}), NONE)
    assert _same(FIELDS.without(ALL, {"consumption"}), ALL)


def test_where_nothing_is_withheld_the_row_is_the_same_one() -> None:
    assert FIELDS.without(ALL, set()) is ALL


@pytest.mark.parametrize(
    ("group", "known"), [("application", 1), ("bureau", 3), ("social", 1), ("consumption", 0)]
)
def test_the_known_values_of_a_group_are_counted(group: Group, known: int) -> None:
    assert FIELDS.known(ALL, group) == known
    assert FIELDS.known(NONE, group) == 0


def test_only_what_is_there_counts_as_known() -> None:
    assert FIELDS.known(Row([1.0, math.nan, 0.0], [0, 3]), "bureau") == 1
    assert FIELDS.known(Row([1.0, math.nan, math.inf], [0, 0]), "bureau") == 2
