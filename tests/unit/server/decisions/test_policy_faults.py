"""What is wrong with a policy that parses is found row by row, and said in words."""

import pytest

from protocols.contracts.limit_policy import LimitPolicy
from server.decisions.policy_faults import policy_faults
from server.decisions.regulation import load_profiles
from tests.unit.server.decisions.cases import example_policy, no_caps

PROFILES = load_profiles()


def _faults(policy: LimitPolicy) -> list[str]:
    return [fault.removeprefix("segments.CONSUMER: ") for fault in policy_faults(policy, PROFILES)]


def _bands(first: dict[str, object], second: dict[str, object]) -> list[dict[str, object]]:
    safe = {"name": "A", "p_default_up_to": "0.1", "limit_minor": 900_000, "annual_rate": "0.1"}
    risky = {"name": "B", "p_default_up_to": "0.2", "limit_minor": 900_000, "annual_rate": "0.1"}
    return [safe | first, risky | second, {"name": "C", "p_default_up_to": "1", "limit_minor": 0}]


def _table(
    *cells: tuple[list[list[int]], str], facts: tuple[str, ...] = ("utilisation_percent",)
) -> dict[str, object]:
    return {
        "code": "UTILISATION.HIGH",
        "facts": list(facts),
        "when_unknown": "1",
        "cells": [{"ranges": ranges, "share": share} for ranges, share in cells],
    }


def test_the_example_has_no_fault() -> None:
    assert policy_faults(example_policy(), PROFILES) == []


def test_a_profile_that_there_is_not_is_a_fault() -> None:
    assert _faults(no_caps({"profile": "moon"})) == ["profile: there is none of that name"]


@pytest.mark.parametrize(
    ("increase", "decrease", "is_fault"),
    [(1, 1, True), (1, 2, False), (2, 1, False), (2, 2, False)],
)
def test_a_line_that_one_review_may_raise_and_one_may_cut_goes_to_and_fro(
    increase: int, decrease: int, is_fault: bool
) -> None:
    line = {
        "increase_after_days": 90,
        "increase_after_reviews": increase,
        "increase_share": "0.5",
        "decrease_after_reviews": decrease,
    }
    assert bool(_faults(no_caps({"line": line}))) == is_fault


def test_every_segment_is_looked_at() -> None:
    segments = {"CONSUMER": {}, "MICRO_SMALL_BUSINESS": {"bands": _bands({"limit_minor": 0}, {})}}
    faults = policy_faults(no_caps({"segments": segments}, bands=_bands({}, {})), PROFILES)
    assert faults == ["segments.MICRO_SMALL_BUSINESS: bands A and B: the safer one gets less"]


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        ({}, {}, None),
        ({"limit_minor": 897_500}, {}, "the safer one gets less"),
        ({"limit_minor": 902_500}, {}, None),
        ({"annual_rate": "0.11"}, {}, "the safer one pays more"),
        ({"annual_rate": "0.10"}, {}, None),
        ({"annual_rate": "0.09"}, {}, None),
        ({}, {"limit_minor": 0, "annual_rate": None}, None),
        ({"income_multiple": "0.4"}, {"income_multiple": "0.4"}, None),
        (
            {"income_multiple": "0.3"},
            {"income_multiple": "0.4"},
            "the safer one gets a smaller multiple of income",
        ),
        ({"income_multiple": "0.4"}, {}, "income caps the safer one only"),
        ({}, {"income_multiple": "0.4"}, None),
        ({"income_multiple": "0.3"}, {"income_multiple": "0.4", "limit_minor": 0}, None),
        ({"income_multiple": "0.4"}, {"limit_minor": 0}, None),
    ],
)
def test_a_safer_band_gets_no_less_and_pays_no_more(
    first: dict[str, object], second: dict[str, object], fault: str | None
) -> None:
    expected = [] if fault is None else [f"bands A and B: {fault}"]
    assert _faults(no_caps(bands=_bands(first, second))) == expected


def test_a_code_that_the_catalogue_does_not_have_is_told_once() -> None:
    rule = {
        "code": "SHOES.UGLY",
        "fact": "fraud_flags",
        "at_least": 1,
        "action": "REFER",
        "when_unknown": "PASS",
    }
    table = _table(([[0, 1_001]], "1")) | {"code": "HAT.UGLY"}
    assert _faults(no_caps(rules=[rule, rule], tables=[table])) == [
        "SHOES.UGLY: the catalogue of reasons has no such code",
        "HAT.UGLY: the catalogue of reasons has no such code",
    ]


@pytest.mark.parametrize(
    ("last", "is_fault"), [(200_000, False), (300_000, False), (199_999, True)]
)
def test_who_is_a_customer_for_longer_gets_no_less(last: int, is_fault: bool) -> None:
    ladder = [
        {"months_on_book": 0, "limit_minor": 100_000},
        {"months_on_book": 6, "limit_minor": 200_000},
        {"months_on_book": 12, "limit_minor": last},
    ]
    thin = {"group": "bureau", "fewest_known": 3, "ladder": ladder}
    expected = ["thin_file.ladder: who is a customer for longer gets less"] if is_fault else []
    assert _faults(no_caps(thin_file=thin)) == expected


def test_a_gap_is_found_even_of_one_value() -> None:
    table = _table(([[0, 60]], "1"), ([[61, 1_001]], "0.5"))
    assert _faults(no_caps(tables=[table])) == ["UTILISATION.HIGH: a gap at utilisation_percent 60"]


def test_a_gap_at_either_end_is_found() -> None:
    assert _faults(no_caps(tables=[_table(([[1, 1_000]], "1"))])) == [
        "UTILISATION.HIGH: a gap at utilisation_percent 0",
        "UTILISATION.HIGH: a gap at utilisation_percent 1000",
    ]


def test_an_overlap_is_found_even_of_one_value() -> None:
    table = _table(([[0, 61]], "1"), ([[60, 1_001]], "0.5"), ([[60, 61]], "0.5"))
    assert _faults(no_caps(tables=[table])) == [
        "UTILISATION.HIGH: 3 rows at utilisation_percent 60"
    ]


def test_ranges_may_reach_beyond_what_a_fact_can_be() -> None:
    assert _faults(no_caps(tables=[_table(([[-5, 60]], "1"), ([[60, 9_999]], "0.5"))])) == []


def test_the_gap_of_a_well_known_engine_s_benchmark_is_found() -> None:
    # gorules/zen, benchmark/fixtures/graphs/credit-limit-adjustment.json, after the project's
    # survey of 2026-11-23, finding 7: rows leave out a low utilisation after a high average.
    both = ("utilisation_percent", "utilisation_6m_percent")
    table = _table(
        ([[0, 30], [0, 30]], "1"),
        ([[30, 50], [30, 1_001]], "0.75"),
        ([[50, 1_001], [0, 1_001]], "0.5"),
        facts=both,
    )
    assert _faults(no_caps(tables=[table])) == [
        "UTILISATION.HIGH: a gap at utilisation_percent 0, utilisation_6m_percent 30",
        "UTILISATION.HIGH: a gap at utilisation_percent 30, utilisation_6m_percent 0",
    ]


def test_five_faults_of_a_table_are_enough() -> None:
    cells = [([[2 * place, 2 * place + 1]], "1") for place in range(9)]
    assert len(_faults(no_caps(tables=[_table(*cells)]))) == 5


def test_a_worse_fact_that_gets_more_is_found() -> None:
    table = _table(([[0, 60]], "0.5"), ([[60, 90]], "0.6"), ([[90, 1_001]], "0.6"))
    assert _faults(no_caps(tables=[table])) == [
        "UTILISATION.HIGH: a worse utilisation_percent than 0 gets more"
    ]


def test_every_box_is_held_against_its_neighbours_to_the_last_one() -> None:
    shares = ["0.5", "0.5", "0.4", "0.6"]
    bounds = [(0, 30), (30, 60), (60, 90), (90, 1_001)]
    cells = [([list(both)], share) for both, share in zip(bounds, shares, strict=True)]
    assert _faults(no_caps(tables=[_table(*cells)])) == [
        "UTILISATION.HIGH: a worse utilisation_percent than 60 gets more"
    ]


def test_a_better_fact_that_gets_less_is_found_once() -> None:
    facts = ("months_on_book", "utilisation_percent")
    table = _table(
        ([[0, 12], [0, 60]], "0.9"),
        ([[0, 12], [60, 1_001]], "0.8"),
        ([[12, 1_201], [0, 60]], "0.8"),
        ([[12, 1_201], [60, 1_001]], "0.7"),
        facts=facts,
    )
    assert _faults(no_caps(tables=[table])) == [
        "UTILISATION.HIGH: a worse months_on_book than 12 gets more"
    ]


def test_the_direction_of_a_table_with_gaps_is_not_looked_at() -> None:
    table = _table(([[0, 60]], "0.5"), ([[61, 1_001]], "0.6"))
    assert len(_faults(no_caps(tables=[table]))) == 1
