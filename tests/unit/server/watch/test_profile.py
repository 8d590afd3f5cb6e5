"""A profile counts points, and which fields were missing or clipped, however rows come."""

import math

import pytest

from protocols.contracts.applicants import Applicant
from server.serving.reader import Reader, Scored
from server.serving.rows import Row
from server.watch.profile import _MOST_KEPT, POINTS, Profile
from tests.unit.server.serving.world import make_release

READER = Reader(make_release())
FIELDS = ("income", "utilisation", "inquiries", "home", "term")


def _profile(*applicants: Applicant) -> Profile:
    profile = Profile(READER.contract)
    for applicant in applicants:
        row = READER.read(applicant)
        profile.add([row], READER.score([row]))
    return profile


@pytest.mark.parametrize("absent", FIELDS)
def test_a_field_without_a_value_is_counted_under_its_name(absent: str) -> None:
    numbers = {"income": 1.0, "utilisation": 0.5, "inquiries": 1.0}
    categories = {"home": "own", "term": "36 months"}
    numbers.pop(absent, None)
    categories.pop(absent, None)
    profile = _profile(Applicant(numbers=numbers, categories=categories))
    assert profile.missing() == {name: int(name == absent) for name in FIELDS}


def test_a_packed_row_is_counted_as_a_named_one() -> None:
    profile = Profile(READER.contract)
    profile.add([Row((1.0, math.nan, 0.0), (0, 3))], [Scored(0.5, 600, (), ())])
    assert profile.missing() == dict.fromkeys(FIELDS, 0) | {"utilisation": 1, "term": 1}


def test_a_value_beyond_the_bounds_is_counted_and_a_special_code_is_not() -> None:
    profile = _profile(
        Applicant(numbers={"income": 1e9, "inquiries": -9.0}, categories={}),
        Applicant(numbers={"income": 1e9, "utilisation": 7.0}, categories={}),
    )
    assert profile.clipped() == {"income": 2, "utilisation": 1, "inquiries": 0}


def test_rows_are_counted_also_when_nobody_reads_and_are_not_kept() -> None:
    profile, nobody = Profile(READER.contract), Applicant(numbers={}, categories={})
    row, scored = READER.read(nobody), Scored(0.5, 600, (), ())
    for _ in range(2 * _MOST_KEPT + 3):
        profile.add([row], [scored])
    assert len(profile._rows) == 3
    assert profile.missing() == dict.fromkeys(FIELDS, 2 * _MOST_KEPT + 3)
    assert not profile._rows


def test_points_are_counted_in_steps_of_20_from_400_to_900() -> None:
    profile = Profile(READER.contract)
    for points in (400, 401, 900, 950):
        profile.add([Row((1.0, 1.0, 1.0), (0, 0))], [Scored(0.5, points, (), ())])
    below = dict(profile.points.buckets())
    assert (POINTS[0], POINTS[1], POINTS[-1]) == (400, 420, 900)
    assert [below[step] for step in ("400.0", "420.0", "900.0", "+Inf")] == [1, 2, 3, 4]
