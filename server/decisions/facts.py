"""Facts by the ranges between which a policy tells, never by their values."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from model.label_words import LabelWords, say_range
from protocols.contracts.facts import BETTER_WHEN_HIGHER, FACT_RANGES, FactName
from protocols.contracts.limit_policy import SegmentPolicy


class FactRange(NamedTuple):
    """Values of a fact that a policy treats alike: from ``low``, and below ``high``."""

    fact: FactName
    low: int
    high: int

    def label(self, words: LabelWords) -> str:
        """Return the range in words."""
        lowest, highest = FACT_RANGES[self.fact]
        low = f"{self.low}" if self.low > lowest else ""
        return say_range(low, f"{self.high}" if self.high <= highest else "", words)


def fact_ranges(segment: SegmentPolicy, fact: FactName) -> list[FactRange]:
    """Return the ranges of a fact between which any rule or table of a segment tells, ascending."""
    low, high = FACT_RANGES[fact]
    edges = {edge for edge in _edges(segment, fact) if low < edge <= high}
    return [FactRange(fact, *both) for both in pairwise(sorted({low, *edges, high + 1}))]


def better_ranges(
    segment: SegmentPolicy, fact: FactName, value: int
) -> tuple[FactRange, list[FactRange]]:
    """Return the range of a value, and those that are better, the nearest first."""
    low, high = FACT_RANGES[fact]
    ranges, value = fact_ranges(segment, fact), min(max(value, low), high)
    place = next(place for place, one in enumerate(ranges) if one.low <= value < one.high)
    is_higher = fact in BETTER_WHEN_HIGHER
    return ranges[place], ranges[place + 1 :] if is_higher else ranges[:place][::-1]


def nearest(one: FactRange) -> int:
    """Return the value in a better range that is nearest to the worse ones."""
    return one.low if one.fact in BETTER_WHEN_HIGHER else one.high - 1


def _edges(segment: SegmentPolicy, fact: FactName) -> Iterable[int]:
    for rule in segment.rules:
        if rule.fact == fact:
            yield from (edge for edge in (rule.at_least, rule.below) if edge is not None)
    for table in segment.tables:
        if fact in table.facts:
            place = table.facts.index(fact)
            for cell in table.cells:
                yield from cell.ranges[place]
