"""Rules that hold from one day to another, each with its source, in series without holes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, model_validator

from protocols.contracts.features import Contract, Name


def _check_day(text: str) -> str:
    try:
        written = date.fromisoformat(text).isoformat()
    except ValueError as err:
        raise ValueError("expected a day in quotes, as YYYY-MM-DD") from err
    if written != text:  # other ISO forms do not sort as text
        raise ValueError("expected a day in quotes, as YYYY-MM-DD")
    return text


DayText = Annotated[str, AfterValidator(_check_day)]  # sorts as the days do
Source = Annotated[str, Field(min_length=10, max_length=1_000)]


class Dated(Contract):
    """A rule, and when it holds.

    Attributes:
        id: Names the rule in answers, messages and records; no two of a profile share one.
        from_day: First day on which it holds.
        until: First day on which it no longer does; None while no end is known.
        source: Where rule and date stand, and what of it was not confirmed.
    """

    id: Name
    from_day: DayText = Field(alias="from")
    until: DayText | None = None
    source: Source

    @model_validator(mode="after")
    def _check_days(self) -> "Dated":
        if self.until is not None and self.until <= self.from_day:
            raise ValueError(f"{self.id}: until must be after from")
        return self

    def holds_on(self, day: DayText) -> bool:
        """Tell whether the rule is in force on a day."""
        return self.from_day <= day and (self.until is None or day < self.until)


DatedRule = TypeVar("DatedRule", bound=Dated)


@dataclass(frozen=True)
class Span:
    """The days that a series must cover.

    Attributes:
        since: The first.
        until: The first that it need not; None is for ever.
        why: What needs them, for the message.
    """

    since: DayText
    until: DayText | None
    why: str


def held_on(rules: Iterable[DatedRule], day: DayText) -> list[DatedRule]:
    """Return the rules that are in force on a day, in the order given."""
    return [rule for rule in rules if rule.holds_on(day)]


def check_series(name: str, rules: Sequence[Dated], *, covers: Span | None = None) -> None:
    """Raise unless rules about one thing follow one another day by day.

    Args:
        name: What the series is about, for the message.
        rules: In any order. The last one may end: a rule that is repealed says so by its date.
        covers: Days for which there must be a rule.

    Raises:
        ValueError: Two rules hold on one day, or none does between two of them or on a day that
            must be covered; names the rules and the days.
    """
    ordered = sorted(rules, key=lambda rule: rule.from_day)
    for before, after in pairwise(ordered):
        if before.until is None or before.until > after.from_day:
            both = f"{before.id} and {after.id}"
            raise ValueError(f"{name}: {both} both hold on {after.from_day}")
        if before.until < after.from_day:
            between = f"from {before.until} until {after.from_day}"
            raise ValueError(
                f"{name}: nothing holds {between}, after {before.id} and before {after.id}"
            )
    if covers is not None:
        _check_cover(name, ordered, covers)


def _check_cover(name: str, ordered: Sequence[Dated], covers: Span) -> None:
    if not ordered:
        raise ValueError(f"{name}: {covers.why} needs a rule from {covers.since} on")
    first, last = ordered[0], ordered[-1]
    if first.from_day > covers.since:
        between = f"from {covers.since} until {first.from_day}"
        raise ValueError(f"{name}: nothing holds {between}, before {first.id}; {covers.why}")
    if last.until is not None and (covers.until is None or last.until < covers.until):
        raise ValueError(f"{name}: nothing holds from {last.until} on, after {last.id}")
