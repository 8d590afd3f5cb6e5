"""What a review does to an open line: never to and fro, and at once where a cap cannot wait."""

import math
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from protocols.contracts.decisions import MOST_REVIEWS, Change, Line
from protocols.contracts.limit_policy import LineTerms


class Moved(NamedTuple):
    """A line after a review.

    Attributes:
        limit_minor: What stands from now on.
        change: What became of it.
        better_reviews, worse_reviews: In a row, this one included; both 0 after a change, unless
            more of it still waits.
        code: Of the reason that keeps it below what was assessed; empty if nothing does.
    """

    limit_minor: int
    change: Change
    better_reviews: int = 0
    worse_reviews: int = 0
    code: str = ""


class Assessed(NamedTuple):
    """What caps allow, in whole steps.

    Attributes:
        limit_minor: All of them.
        at_once_minor: Those that wait for no second review: never below ``limit_minor``.
    """

    limit_minor: int
    at_once_minor: int


def moved_line(
    line: Line, assessed: Assessed, *, terms: LineTerms, step_minor: int, today: date
) -> Moved:
    """Return a line after a review that assessed a limit.

    An increase waits for reviews in a row and for time since the last change, and adds no more
    than the policy's share. A decrease that comes of risk waits for reviews in a row; one that
    comes of the product, the law, debts elsewhere or the borrower's own wish does not.

    Args:
        line: As it stands.
        assessed: What is allowed today.
        terms: The policy's.
        step_minor: The product's.
        today: In the policy's time zone.

    Source: docs/limits.md, "Lines".
    """
    if assessed.limit_minor > line.limit_minor:
        return _better(line, assessed.limit_minor, terms, step_minor=step_minor, today=today)
    if assessed.limit_minor < line.limit_minor:
        return _worse(line, assessed, terms)
    return Moved(line.limit_minor, "UNCHANGED")


def _better(
    line: Line, assessed_minor: int, terms: LineTerms, *, step_minor: int, today: date
) -> Moved:
    reviews = min(line.better_reviews + 1, MOST_REVIEWS)
    if (today - line.changed_on).days < terms.increase_after_days:
        return Moved(line.limit_minor, "UNCHANGED", reviews, 0, "LINE.COOL_DOWN")
    if reviews < terms.increase_after_reviews:
        return Moved(line.limit_minor, "UNCHANGED", reviews, 0, "LINE.REVIEWS")
    share = 1 + Decimal(terms.increase_share)
    most = math.floor(share * line.limit_minor)
    limit_minor = min(assessed_minor, most - most % step_minor)
    code = "LINE.STEP" if limit_minor < assessed_minor else ""
    if limit_minor <= line.limit_minor:
        return Moved(line.limit_minor, "UNCHANGED", reviews, 0, code)
    return Moved(limit_minor, "INCREASE", code=code)


def _worse(line: Line, assessed: Assessed, terms: LineTerms) -> Moved:
    reviews = min(line.worse_reviews + 1, MOST_REVIEWS)
    if reviews >= terms.decrease_after_reviews or assessed.limit_minor == assessed.at_once_minor:
        return Moved(assessed.limit_minor, "DECREASE")
    if assessed.at_once_minor < line.limit_minor:
        return Moved(assessed.at_once_minor, "DECREASE", 0, reviews)
    return Moved(line.limit_minor, "UNCHANGED", 0, reviews)
