"""An answer reads well, for people and for scripts."""

import json
from datetime import UTC, datetime

import pytest

from clients.scorer.answer import (
    answer_json,
    answer_lines,
    explanation_lines,
    inquiry_json,
    replay_lines,
)
from protocols.contracts.explanations import (
    Advice,
    BucketedValue,
    Drift,
    ExplainedCap,
    ExplainedReason,
    Explanation,
    Replay,
    SimulatedDecision,
    Today,
)
from protocols.contracts.scores import Reason, ScoreAnswer
from tests.unit.protocols.answers import make_decision

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REASON = Reason(
    code="R.INCOME", sentence="Low income.", field="income", points_lost=12.75, is_missing=True
)
SCORE = ScoreAnswer(
    score_id="score-1",
    request_id="request-1",
    p_default=0.07312,
    points=584,
    reasons=(REASON,),
    release_digest=b"\x01" * 32,
    scored_at=NOW,
    journal_position=7,
)


def test_a_person_reads_limit_rules_risk_and_reasons() -> None:
    assert answer_lines(make_decision()).splitlines() == [
        "COUNTEROFFER: 12,000.00 USD of 15,000.05 USD requested",
        "  INCOME.MULTIPLE: Too low.",
        "  EQUAL_INSTALMENT, 12 months, 1,066.19 USD to 1,066.14 USD each; "
        "a year 12.68 % EFFECTIVE",
        "stands until 2026-12-24",
        "beside other offers of 2,500.00 USD that still stand",
        "probability of default 7.31%, 584 points",
        "points lost against the average borrower:",
        "    12.8  R.INCOME: Low income. (not given)",
        "counted at their bound: income",
        f"request request-1, release {'01' * 32}",
        "decision decision-1",
    ]


def test_a_score_has_no_limit_and_names_no_decision() -> None:
    lines = answer_lines(SCORE).splitlines()
    assert lines[0] == "probability of default 7.31%, 584 points"
    assert lines[-1].startswith("request request-1, release ")


def test_every_field_beyond_its_bounds_is_named_and_none_where_there_is_none() -> None:
    two = SCORE.model_copy(update={"clipped_fields": ("late_24m", "income")})
    assert "\ncounted at their bound: late_24m, income\n" in answer_lines(two)
    assert "bound" not in answer_lines(SCORE)
    assert "bound" not in answer_lines(make_decision(clipped_fields=()))


@pytest.mark.parametrize(
    ("currency", "money"), [("JPY", "1,200,000 JPY"), ("KWD", "1,200.000 KWD")]
)
def test_money_has_the_digits_of_its_currency(currency: str, money: str) -> None:
    assert f"COUNTEROFFER: {money} of " in answer_lines(make_decision(currency=currency))


def test_a_script_reads_hexadecimal_digests_and_iso_times() -> None:
    plain = json.loads(answer_json(make_decision()))
    assert plain["policy_digest"] == "03" * 32
    assert plain["decided_at"] == "2026-11-23T12:00:00+00:00"
    assert plain["reasons"][0]["points_lost"] == 12.75
    assert json.loads(answer_json(SCORE))["scored_at"] == "2026-11-23T12:00:00+00:00"


EXPLANATION = Explanation(
    outcome="COUNTEROFFER",
    limit_minor=1_200_000,
    reasons=(
        ExplainedReason(
            code="R.INCOME",
            source="MODEL",
            sentence="Low income.",
            is_changeable=False,
            values=(
                BucketedValue(
                    field="income",
                    label="Income",
                    bucket="below 5",
                    needed_bucket="5 and above",
                    points_lost=12.75,
                ),
            ),
        ),
    ),
    caps=(
        ExplainedCap(name="LAW", label="the law's", limit_minor=1_200_000, is_binding=True),
        ExplainedCap(name="REQUESTED", label="asked for", limit_minor=1_500_005, is_binding=False),
    ),
    advice=(Advice(kind="ASK_AMOUNT", sentence="Ask for less.", outcome="APPROVE", limit_minor=5),),
    drifts=(),
)


def test_a_person_reads_an_explanation() -> None:
    assert explanation_lines(EXPLANATION, make_decision(), "en").splitlines() == [
        "COUNTEROFFER: 12,000.00 USD",
        "  R.INCOME: Low income.",
        "    Income: below 5; needed: 5 and above (12.8 points)",
        "caps, the smallest of which bound:",
        "         12,000.00 USD  the law's (bound)",
        "         15,000.05 USD  asked for",
        "beside other offers of 2,500.00 USD that still stand",
        "what would change it:",
        "  Ask for less.",
        "decision decision-1",
    ]
    drift = Drift(cause="MODEL", then=b"\x01" * 32, now=b"")
    gone = EXPLANATION.model_copy(update={"advice": (), "drifts": (drift,)})
    *_, why, name = explanation_lines(gone, make_decision(), "en").splitlines()
    assert why == "no advice was sought: not as it was is MODEL"
    assert name == "decision decision-1"
    plain = json.loads(inquiry_json(gone, "decision-1"))
    assert plain["decision_id"] == "decision-1"
    assert plain["drifts"][0]["then"] == "01" * 32


def test_a_person_reads_a_replay_and_which_decision_it_is_of() -> None:
    replay = Replay(
        verdict="MATCH",
        drifts=(),
        differing_fields=(),
        outcome="COUNTEROFFER",
        limit_minor=5,
        today=(Today(swapped=None, outcome="DECLINE", limit_minor=0, is_other=True),),
    )
    assert replay_lines(replay, "decision-1").splitlines() == [
        "MATCH: COUNTEROFFER was decided",
        "  with everything of today otherwise: DECLINE",
        "decision decision-1",
    ]


def test_what_was_tried_only_says_so() -> None:
    table = make_decision().model_dump() | {"decision_id": "", "journal_position": 0}
    tried = SimulatedDecision.model_validate(table)
    assert answer_lines(tried).startswith("tried only, not decided\nCOUNTEROFFER: ")
    assert "\ndecision" not in answer_lines(tried)
