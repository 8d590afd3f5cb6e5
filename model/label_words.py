"""The words in which ranges of values are named, in one language or another."""

from typing import NamedTuple


class LabelWords(NamedTuple):
    """Words of labels; ``{low}``, ``{high}`` and ``{count}`` stand for numbers."""

    missing: str
    other: str
    below: str
    between: str
    above: str
    any_number: str
    more: str


ENGLISH = LabelWords(
    missing="missing",
    other="other",
    below="below {high}",
    between="{low} to below {high}",
    above="{low} and above",
    any_number="any number",
    more="and {count} more",
)


def say_range(low: str, high: str, words: LabelWords = ENGLISH) -> str:
    """Name the numbers from ``low`` on and below ``high``, as text; an empty one is no bound."""
    if low and high:
        return words.between.format(low=low, high=high)
    if low:
        return words.above.format(low=low)
    return words.below.format(high=high) if high else words.any_number
