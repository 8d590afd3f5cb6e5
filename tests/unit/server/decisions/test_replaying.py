"""A decision made again matches if every field is equal; else what is not as it was is named."""

import pytest

from protocols.contracts.decisions import LimitDecision
from protocols.contracts.explanations import Cause
from protocols.wire import decisions_v1_pb2 as decisions
from server.decisions.replaying import Came, Present, differing_fields, replay_of, today_of
from tests.unit.protocols.answers import make_decision

THEN = make_decision()
PRESENT = Present(
    data=THEN.features_digest,
    model=THEN.release_digest,
    policy=THEN.policy_digest,
    profile=THEN.profile_digest,
    code=THEN.code_digest,
)
OTHER = b"o" * 32


def test_what_comes_out_the_same_is_a_match() -> None:
    again = make_decision(decision_id="another", journal_position=99)
    replay = replay_of(THEN, PRESENT, again=again)
    assert (replay.verdict, replay.drifts, replay.differing_fields) == ("MATCH", (), ())
    assert (replay.outcome, replay.limit_minor) == (THEN.outcome, THEN.limit_minor)


@pytest.mark.parametrize(
    ("name", "cause"),
    [("data", "DATA"), ("model", "MODEL"), ("policy", "POLICY"), ("profile", "PROFILE")],
)
def test_a_digest_that_is_not_here_is_named_with_what_stands_in_its_place(
    name: str, cause: Cause
) -> None:
    for now in (OTHER, b""):
        replay = replay_of(THEN, PRESENT._replace(**{name: now}), again=None)
        (drift,) = replay.drifts
        was = getattr(PRESENT, name)
        assert replay.verdict == "DRIFT"
        assert (drift.cause, drift.then, drift.now) == (cause, was, now)


def test_another_answer_from_the_same_digests_is_the_program() -> None:
    replay = replay_of(THEN, PRESENT, again=make_decision(limit_minor=1, points=2))
    assert [drift.cause for drift in replay.drifts] == ["CODE"]
    assert replay.differing_fields == ("limit_minor", "points")


def test_another_program_that_answers_the_same_is_said_too() -> None:
    present = PRESENT._replace(code=OTHER)
    replay = replay_of(THEN, present, again=make_decision(code_digest=OTHER))
    (drift,) = replay.drifts
    assert (drift.cause, drift.then, drift.now) == ("CODE", THEN.code_digest, OTHER)
    assert replay.differing_fields == ("code_digest",)


def test_no_answer_where_there_was_one_is_the_program() -> None:
    assert [drift.cause for drift in replay_of(THEN, PRESENT, again=None).drifts] == ["CODE"]


def test_every_field_of_the_wire_is_compared_but_two() -> None:
    named = {field.name for field in decisions.LimitDecision.DESCRIPTOR.fields}
    assert named == set(LimitDecision.model_fields)
    other = make_decision(decision_id="another", journal_position=99, request_id="mine")
    assert differing_fields(THEN, other) == ("request_id",)


def test_today_says_whether_anything_would_be_otherwise() -> None:
    same = today_of(THEN, Came(THEN.outcome, THEN.limit_minor), swapped=None)
    less = today_of(THEN, Came(THEN.outcome, THEN.limit_minor - 1), swapped="POLICY")
    none = today_of(THEN, Came(None, 0, "a rule"), swapped="DAY")
    assert [one.is_other for one in (same, less, none)] == [False, True, True]
    assert (none.outcome, none.refused) == (None, "a rule")
