"""Laws on open lines: a sequence of reviews whose risk goes to and fro."""

from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from protocols.contracts.decisions import Change, Line
from server.decisions.candidates import AT_ONCE, rounded
from server.decisions.pipeline import Case, Decided, Frame
from server.proof.law import (
    Broken,
    Drawn,
    Law,
    Side,
    broken,
    decided_or_none,
    with_p_default,
)

_REVIEWS = 7
_GAPS = (30, 1, 7, 400)  # days between reviews; the policy's cool-down is tried too


class _Review(NamedTuple):
    """One review: the day, what the line was, and what was decided of it."""

    day: date
    before: Line
    decided: Decided


def steady(drawn: Drawn) -> Broken | None:
    """I16: no increase before its time, no decrease before its reviews, none to and fro."""
    is_turning = drawn.dice % 4 != 3
    reviews = _reviewed(drawn, is_turning=is_turning)
    what = _early(reviews, drawn.frame) or (_turned(reviews) if is_turning else "")
    if not what:
        return None
    said = ", ".join(f"{one.day} {one.decided.change}" for one in reviews)
    pair = [_side(drawn.first, case, drawn.frame) for case in (drawn.first, drawn.second)]
    return broken("I16", f"{what}: {said}", drawn, *pair)


LAWS: tuple[Law, ...] = (
    Law("I16", "a line rises only after its time and reviews, and never to and fro", steady),
)


def _side(first: Case, other: Case, frame: Frame) -> Side:
    case = with_p_default(first, other.known.p_default)
    return Side(case, decided_or_none(case, frame))


def _reviewed(drawn: Drawn, *, is_turning: bool) -> list[_Review]:
    """Review a line again and again, each time as the last decision left it.

    Args:
        drawn: Whose two probabilities of default take turns.
        is_turning: Whether strictly, or as the dice say.
    """
    risks = (drawn.first.known.p_default, drawn.second.known.p_default)
    day, case, reviews = drawn.frame.today, _with_line(drawn), list[_Review]()
    gap = timedelta(days=_gap(drawn))
    for number in range(_REVIEWS):
        turn = number if is_turning else drawn.dice >> (number + 5)
        line = case.request.line
        decided = decided_or_none(
            with_p_default(case, risks[turn % 2]), drawn.frame._replace(today=day)
        )
        if line is None or decided is None or decided.outcome not in ("APPROVE", "COUNTEROFFER"):
            break
        reviews.append(_Review(day, line, decided))
        case, day = _after(case, line, decided, day), day + gap
    return reviews


def _with_line(drawn: Drawn) -> Case:
    """Return the case with a line: its own, or the one that it is given if it asks for one."""
    case = drawn.first
    if case.request.line is not None:
        return case
    decided = decided_or_none(case, drawn.frame)
    if decided is None or decided.outcome not in ("APPROVE", "COUNTEROFFER"):
        return case
    line = Line(limit_minor=decided.limit_minor, outstanding_minor=0, changed_on=drawn.frame.today)
    return case._replace(request=case.request.model_copy(update={"line": line}))


def _gap(drawn: Drawn) -> int:
    own = drawn.frame.policy.line.increase_after_days
    gaps = (max(1, own), max(1, own // 2), *_GAPS)
    return gaps[drawn.dice // 4 % len(gaps)]


def _after(case: Case, line: Line, decided: Decided, day: date) -> Case:
    is_moved = decided.limit_minor != line.limit_minor
    changed = {
        "limit_minor": decided.limit_minor,
        "changed_on": day if is_moved else line.changed_on,
        "better_reviews": decided.better_reviews,
        "worse_reviews": decided.worse_reviews,
    }
    moved = line.model_copy(update=changed)
    return case._replace(request=case.request.model_copy(update={"line": moved}))


def _early(reviews: list[_Review], frame: Frame) -> str:
    """Say what came before its time, by counts of our own; nothing if nothing did."""
    terms = frame.policy.line
    first = reviews[0].before if reviews else None
    better, worse = (first.better_reviews, first.worse_reviews) if first else (0, 0)
    for day, before, decided in reviews:
        assessed, limit = decided.assessed_minor, before.limit_minor
        better = better + 1 if assessed > limit else 0
        worse = worse + 1 if assessed < limit else 0
        if decided.limit_minor > limit:
            if (day - before.changed_on).days < terms.increase_after_days:
                return "an increase inside the cool-down"
            if better < terms.increase_after_reviews:
                return "an increase before enough reviews"
        floor = min(limit, _at_once(decided, frame))
        if decided.limit_minor < floor and worse < terms.decrease_after_reviews:
            return "a decrease of risk before enough reviews"
        if decided.limit_minor == assessed or decided.change == "INCREASE":
            better = worse = 0
    return ""


def _at_once(decided: Decided, frame: Frame) -> int:
    """Return what the caps allow that wait for no second review."""
    return rounded(min(c.limit_minor for c in decided.caps if c.name in AT_ONCE), frame.policy)


def _turned(reviews: list[_Review]) -> str:
    """Say whether a line went up and down, or down and up, twice."""
    moves = [_way(one.decided.change) for one in reviews]
    ways = [way for way in moves if way]
    turns = sum(one != two for one, two in pairwise(ways))
    return "a line goes to and fro" if turns > 1 else ""


def _way(change: Change) -> int:
    return {"INCREASE": 1, "DECREASE": -1}.get(change, 0)
