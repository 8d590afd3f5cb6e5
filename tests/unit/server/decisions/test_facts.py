"""Facts are named by the ranges between which a policy tells."""

from model.label_words import ENGLISH
from protocols.contracts.limit_policy import SegmentPolicy
from server.decisions.facts import better_ranges, fact_ranges, nearest
from tests.unit.server.decisions.cases import example_policy

CONSUMER: SegmentPolicy = example_policy().segments["CONSUMER"]
BUSINESS: SegmentPolicy = example_policy().segments["MICRO_SMALL_BUSINESS"]


def test_ranges_are_those_of_all_rules_and_tables_without_a_gap() -> None:
    ranges = fact_ranges(CONSUMER, "utilisation_percent")
    assert [one.label(ENGLISH) for one in ranges] == [
        "below 60",
        "60 to below 90",
        "90 and above",
    ]
    assert [one.low for one in ranges[1:]] == [one.high for one in ranges[:-1]]
    assert [one.label(ENGLISH) for one in fact_ranges(CONSUMER, "enquiries_90_days")] == [
        "any number"
    ]


def test_better_ranges_come_nearest_first_in_the_facts_own_direction() -> None:
    here, better = better_ranges(CONSUMER, "utilisation_percent", 91)
    assert here.label(ENGLISH) == "90 and above"
    assert [nearest(one) for one in better] == [89, 59]
    here, better = better_ranges(BUSINESS, "months_in_business", 3)
    assert here.label(ENGLISH) == "below 12"
    assert [nearest(one) for one in better] == [12]


def test_a_fact_beyond_what_it_may_be_counts_as_the_bound() -> None:
    here, _ = better_ranges(CONSUMER, "utilisation_percent", 5_000)
    assert here.label(ENGLISH) == "90 and above"
