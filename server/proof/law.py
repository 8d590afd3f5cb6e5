"""What a law is: a pure function over a policy on a day and two drawn applicants."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

from protocols.errors import ScoringError
from server.decisions import pipeline
from server.decisions.pipeline import Case, Decided, Frame


@dataclass(frozen=True)
class Drawn:
    """One draw of the search.

    Attributes:
        frame: Policy, law and day.
        first, second: Applicants of one segment, the second like the first but for some things.
        dice: At least 0; for what else a law may choose.
    """

    frame: Frame
    first: Case
    second: Case
    dice: int

    @cached_property
    def decided(self) -> Decided | None:
        """Return what the first one gets, decided once for all laws; None where it is refused."""
        return decided_or_none(self.first, self.frame)


class Side(NamedTuple):
    """An applicant and what it got; None where no decision came of it."""

    case: Case
    decided: Decided | None


class Broken(NamedTuple):
    """A counterexample.

    Attributes:
        law: Which.
        what: What is wrong, in words.
        day: Of the decisions.
        first: An applicant.
        second: The one it is compared with, if the law compares two.
    """

    law: str
    what: str
    day: date
    first: Side
    second: Side | None = None


Check = Callable[[Drawn], Broken | None]


class Law(NamedTuple):
    """A law.

    Attributes:
        name: As in answers, tests and documents.
        says: What must hold, in words.
        check: Returns a counterexample or None; no draw may raise.
    """

    name: str
    says: str
    check: Check


def decide(case: Case, frame: Frame) -> Decided:
    """Decide as the server does.

    Raises:
        ScoringError: No decision comes of it.
    """
    return pipeline.decide(case, frame)


def decided_or_none(case: Case, frame: Frame) -> Decided | None:
    """Decide; None where that is refused, which is for the law on price to say."""
    try:
        return decide(case, frame)
    except ScoringError:
        return None


def with_p_default(case: Case, p_default: float) -> Case:
    """Return a case with another probability of default."""
    return case._replace(known=case.known._replace(p_default=p_default))


def broken(law: str, what: str, drawn: Drawn, first: Side, second: Side | None = None) -> Broken:
    """Return a counterexample on the draw's day."""
    return Broken(law, what, drawn.frame.today, first, second)
