"""The words in which ranges of values are named, in one language or another."""

from typing import NamedTuple


class LabelWords(NamedTuple):
    """Words of labels; ``{low}``, ``{high}`` and ``{count}`` stand for numbers."""

    missing: str
    other: str
    below: str
    between: str
    up_to: str
    from_to: str
    above: str
    any_number: str
    more: str


ENGLISH = LabelWords(
    missing="missing",
    other="other",
    below="below {high}",
    between="{low} to below {high}",
    up_to="up to {high}",
    from_to="{low} to {high}",
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


def say_whole_range(low: str, high: str, words: LabelWords = ENGLISH) -> str:
    """Name the whole numbers from ``low`` to ``high``, both of them included; as ``say_range``."""
    if low and low == high:
        return low
    if low and high:
        return words.from_to.format(low=low, high=high)
    return words.up_to.format(high=high) if high else say_range(low, "", words)
