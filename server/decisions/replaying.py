"""Whether a decision that is made again comes out as it was, and what is not as it was."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from protocols.contracts.decisions import LimitDecision, Outcome
from protocols.contracts.explanations import Cause, Drift, Replay, Today

# Two answers to one question differ in these by nature: one of them was not given.
_BY_NATURE = frozenset(("decision_id", "journal_position"))


class Present(NamedTuple):
    """Digests of what there is to make a decision again with.

    What a decision names is present if it is anywhere at hand; else this is what stands in its
    place now, and empty where nothing does.
    """

    data: bytes
    model: bytes
    policy: bytes
    profile: bytes
    code: bytes


class Came(NamedTuple):
    """What came of a request; no outcome, and the rule, if it would be refused."""

    outcome: Outcome | None
    limit_minor: int = 0
    refused: str = ""


def drifts_of(then: LimitDecision, present: Present) -> tuple[Drift, ...]:
    """Return what a decision names and is not present, but for the program."""
    named: Sequence[tuple[Cause, bytes, bytes]] = (
        ("DATA", then.features_digest, present.data),
        ("MODEL", then.release_digest, present.model),
        ("POLICY", then.policy_digest, present.policy),
        ("PROFILE", then.profile_digest, present.profile),
    )
    return tuple(Drift(cause=cause, then=was, now=now) for cause, was, now in named if was != now)


def differing_fields(then: LimitDecision, again: LimitDecision) -> tuple[str, ...]:
    """Return the names of fields that came out otherwise, in the decision's order."""
    return tuple(
        name
        for name in LimitDecision.model_fields
        if name not in _BY_NATURE and getattr(then, name) != getattr(again, name)
    )


def replay_of(
    then: LimitDecision,
    present: Present,
    *,
    again: LimitDecision | None,
    today: Iterable[Today] = (),
) -> Replay:
    """Return how a decision came out again.

    It matches if and only if every field is equal but those that cannot be. A program of another
    digest is a drift even where it answers the same; ``differing_fields`` then names no more than
    its digest.

    Args:
        then: As it was given.
        present: What there is to make it again with.
        again: As it came out now; None where it could not be made again.
        today: What would come of it now.

    Source: docs/explanations.md, "Replay".
    """
    drifts = drifts_of(then, present)
    differing = () if again is None else differing_fields(then, again)
    if not drifts and (again is None or differing):
        drifts = (Drift(cause="CODE", then=then.code_digest, now=present.code),)
    return Replay(
        verdict="DRIFT" if drifts or differing else "MATCH",
        drifts=drifts,
        differing_fields=differing,
        outcome=then.outcome,
        limit_minor=then.limit_minor,
        today=tuple(today),
    )


def today_of(then: LimitDecision, came: Came, *, swapped: Cause | None) -> Today:
    """Return what would come of a request with one thing as it is now, beside what did."""
    return Today(
        swapped=swapped,
        outcome=came.outcome,
        limit_minor=came.limit_minor,
        is_other=(came.outcome, came.limit_minor) != (then.outcome, then.limit_minor),
        refused=came.refused,
    )
