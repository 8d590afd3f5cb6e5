"""Any decision made again is the same to the last field, and any other digest is named: I13."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.contracts.decisions import LimitDecision, LimitRequest
from protocols.translate_decisions import decision_from_wire
from protocols.wire import decisions_v1_pb2 as decisions
from server.decisions.replaying import Present, replay_of
from server.serving.again import Basis, message_of
from tests.unit.server.decisions.cases import example_policy
from tests.unit.server.serving.monotone import (
    AT,
    borrower,
    monotone_reader,
    monotone_rulebook,
)

READER = monotone_reader()
RULEBOOK = monotone_rulebook(
    example_policy().model_copy(update={"plans": example_policy().plans[:1]})
)
BASIS = Basis(READER, RULEBOOK.policy, RULEBOOK.profile, AT, 0)
INCOMES = (None, 0, 150_000, 433_300, 2_000_000)


# Eight cases of ten bytes in one draw, 1,000 in all: a strategy for each value takes far longer.
@settings(max_examples=125, deadline=None)
@given(st.binary(min_size=80, max_size=80))
def test_any_decision_made_again_matches_and_any_other_digest_does_not(drawn: bytes) -> None:
    for first in range(0, len(drawn), 10):
        _check(drawn[first : first + 10])


def _check(drawn: bytes) -> None:
    request, hours = _request(drawn), drawn[9] % 72
    basis = replace(BASIS, at=AT + timedelta(hours=hours))
    then = _given(message_of(request, basis))
    again = _given(message_of(request, basis))
    present = Present(
        request.body_digest,
        READER.release.digest,
        RULEBOOK.policy.digest,
        RULEBOOK.profile.digest,
        then.code_digest,
    )
    assert replay_of(then, present, again=again).verdict == "MATCH"
    field = Present._fields[hours % len(Present._fields)]
    other = present._replace(**{field: bytes(32)})
    drifted = again.model_copy(update={"code_digest": other.code})
    replay = replay_of(then, other, again=drifted)
    assert [drift.cause for drift in replay.drifts] == [field.upper()]


def _request(drawn: bytes) -> LimitRequest:
    numbers = {
        "income": drawn[0] * 1_000.0,
        "utilisation": drawn[1] / 128,
        "inquiries": drawn[2] % 30 - 9.0,
        "savings": drawn[3] * 256.0,
        "debt": drawn[4] * 256.0,
    }
    features = {
        "numbers": {name: value for name, value in numbers.items() if drawn[5] % len(name)},
        "categories": {"home": ("own", "rent", "castle")[drawn[6] % 3]},
    }
    circumstances = {
        "monthly_income_minor": INCOMES[drawn[7] % 5],
        "monthly_obligations_minor": drawn[7] * 1_000,
        "exposure_elsewhere_minor": drawn[8] * 30_000,
        "facts": {"days_past_due": drawn[8] % 31} if drawn[8] % 5 else {},
    }
    amount = (99_999, 500_000, 1_203_000, 4_000_000)[drawn[9] % 4]
    return borrower(features=features, requested_amount_minor=amount, circumstances=circumstances)


def _given(message: decisions.LimitDecision) -> LimitDecision:
    message.decision_id, message.journal_position = "decision-1", 1
    return decision_from_wire(message)
