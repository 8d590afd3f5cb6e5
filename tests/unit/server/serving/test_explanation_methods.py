"""Decisions are tried, made again, explained and told, and nothing of it is stored."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from protocols.contracts.applicants import RequestError
from protocols.contracts.decisions import LimitRequest
from protocols.contracts.explanations import Explanation, Lender, Notice, Replay
from protocols.contracts.explanations import SimulatedDecision as Simulated
from protocols.decision_errors import ConsentError, GoneError, ProfileDateError
from protocols.translate_explanations import (
    explanation_from_wire,
    notice_from_wire,
    replay_from_wire,
    simulated_from_wire,
)
from protocols.translate_inquiries import (
    Inquiry,
    NoticeInquiry,
    Simulation,
    explain_to_wire,
    notice_to_wire,
    replay_to_wire,
    simulation_to_wire,
)
from protocols.wire import explanations_v1_pb2 as wire
from server.decisions.replaying import differing_fields
from server.journal.errors import UnknownDecisionError
from server.serving.access import Tenant
from server.serving.again import came_of
from tests.unit.server.decisions.advised import basis
from tests.unit.server.decisions.cases import example_policy
from tests.unit.server.serving.inquired import DECISION_ID, MINE, OTHERS, Here, call
from tests.unit.server.serving.monotone import AT, borrower, monotone_release


def _simulated(here: Here, asked: Simulation) -> Simulated:
    (raw,) = (
        here.methods().simulate(call(simulation_to_wire(asked).SerializeToString()), MINE).messages
    )
    return simulated_from_wire(wire.SimulateLimitResponse.FromString(raw))


def _replayed(here: Here, request: LimitRequest | None = None, tenant: Tenant = MINE) -> Replay:
    body = replay_to_wire(DECISION_ID, request or here.request).SerializeToString()
    (raw,) = here.methods().replay(call(body), tenant).messages
    return replay_from_wire(wire.ReplayDecisionResponse.FromString(raw))


def _explained(here: Here, request: LimitRequest | None = None) -> Explanation:
    asked = Inquiry(DECISION_ID, request or here.request)
    (raw,) = here.methods().explain(call(explain_to_wire(asked).SerializeToString()), MINE).messages
    return explanation_from_wire(wire.ExplainDecisionResponse.FromString(raw))


def _notice(here: Here, lender: Lender) -> Notice:
    asked = NoticeInquiry(DECISION_ID, "en", lender)
    (raw,) = here.methods().notice(call(notice_to_wire(asked).SerializeToString()), MINE).messages
    return notice_from_wire(wire.GetAdverseActionNoticeResponse.FromString(raw))


def _richer() -> LimitRequest:
    return borrower(requested_amount_minor=3_002_000)


# Trying.


def test_what_is_tried_is_what_would_be_decided() -> None:
    here = Here()
    assert differing_fields(here.then, _simulated(here, Simulation(here.request))) == ()


def test_what_is_tried_counts_as_a_decision_about_the_person() -> None:
    here = Here()
    _simulated(here, Simulation(here.request.model_copy(update={"subject": "ann"})))
    _simulated(here, Simulation(here.request.model_copy(update={"subject": ""})))
    assert here.spent == [("platform", 1, ["ann"]), ("platform", 1, [])]


def test_one_borrower_can_be_tried_under_any_profile_on_any_day() -> None:
    here = Here()
    union = _simulated(here, Simulation(here.request, "eu-ccd2", date(2026, 12, 1)))
    assert (union.profile, union.profile_digest) == ("eu-ccd2", here.profiles["eu-ccd2"].digest)
    # Noon in New York, the policy's zone.
    assert union.decided_at.isoformat() == "2026-12-01T17:00:00+00:00"
    assert union.valid_until == date(2026, 12, 31)
    states = _simulated(here, Simulation(here.request, "us", date(2016, 10, 3)))
    assert (states.profile, states.valid_until) == ("us", date(2016, 11, 2))
    with pytest.raises(ProfileDateError, match="us holds no rules"):
        _simulated(here, Simulation(here.request, "us", date(2016, 10, 2)))
    with pytest.raises(ConsentError):  # which China asks for
        _simulated(here, Simulation(here.request, "cn-bank", date(2026, 12, 1)))


def test_any_policy_that_is_here_can_be_tried() -> None:
    here = Here()
    other = example_policy().model_copy(update={"valid_days": 5})
    with pytest.raises(GoneError, match="policy_digest"):
        _simulated(here, Simulation(here.request, policy_digest=other.digest))
    here.policies.append(other)
    tried = _simulated(here, Simulation(here.request, policy_digest=other.digest))
    assert (tried.policy_digest, tried.valid_until) == (other.digest, date(2026, 12, 2))


def test_a_profile_that_there_is_not_is_refused_by_field() -> None:
    with pytest.raises(RequestError, match="profile: there is none of that name"):
        _simulated(Here(), Simulation(borrower(), "mars"))


# Making again.


def test_a_decision_made_again_matches_on_another_day() -> None:
    here = Here()
    here.now = AT + timedelta(days=400)
    replay = _replayed(here)
    assert (replay.verdict, replay.drifts, replay.differing_fields) == ("MATCH", (), ())
    assert here.spent == [("platform", 1, ())]


def test_another_request_is_drift_of_data_and_nothing_is_said_of_it() -> None:
    here, other = Here(), _richer()
    replay = _replayed(here, other)
    (drift,) = replay.drifts
    assert (drift.cause, drift.then) == ("DATA", here.request.body_digest)
    assert drift.now == other.body_digest
    assert (replay.differing_fields, replay.today) == ((), ())


def test_a_request_with_another_id_is_not_looked_at() -> None:
    here = Here()
    with pytest.raises(RequestError, match="request_id: is not that of the decision"):
        _replayed(here, borrower("another"))
    assert here.spent == []


def test_a_release_that_is_gone_is_drift_and_today_is_still_said() -> None:
    here, other = Here(), monotone_release(1.2)
    here.champion, here.releases = other, [other]
    replay = _replayed(here)
    (drift,) = replay.drifts
    assert (drift.cause, drift.now) == ("MODEL", other.digest)
    (today,) = replay.today
    assert (today.swapped, today.is_other) == (None, True)


def test_a_policy_or_profile_that_is_gone_is_drift() -> None:
    here, other = Here(), example_policy().model_copy(update={"valid_days": 5})
    here.policy, here.policies = other, [other]
    here.profiles = {"eu-ccd2": here.profiles["eu-ccd2"]}
    replay = _replayed(here)
    assert [(one.cause, one.now) for one in replay.drifts] == [
        ("POLICY", other.digest),
        ("PROFILE", b""),
    ]


def test_an_answer_that_comes_out_otherwise_is_drift_of_the_program() -> None:
    here = Here()
    here.message.decision.limit_minor -= 2_500
    here.message.decision.steps[0].result = "WITHHELD"
    replay = _replayed(here)
    assert [one.cause for one in replay.drifts] == ["CODE"]
    assert replay.differing_fields == ("limit_minor", "steps")


def test_what_would_be_otherwise_today_is_told_one_cause_at_a_time() -> None:
    here = Here()
    here.champion = monotone_release(1.2)
    richer = example_policy().segments
    bands = richer["CONSUMER"].bands
    lower = tuple(band.model_copy(update={"limit_minor": band.limit_minor // 2}) for band in bands)
    consumer = richer["CONSUMER"].model_copy(update={"bands": lower})
    here.policy = example_policy().model_copy(update={"segments": {"CONSUMER": consumer}})
    here.profile = here.profiles["eu-ccd2"]
    here.now = AT + timedelta(days=1)
    replay = _replayed(here)
    assert replay.verdict == "MATCH"
    swapped = {one.swapped: one for one in replay.today}
    assert set(swapped) == {None, "MODEL", "POLICY", "PROFILE", "DAY"}
    assert swapped["POLICY"].limit_minor < replay.limit_minor
    (came,) = came_of([here.request], replace(here.by, policy=here.policy))
    assert (swapped["POLICY"].outcome, swapped["POLICY"].limit_minor) == came[:2]
    assert swapped[None].limit_minor != came.limit_minor
    assert swapped["MODEL"].is_other
    assert not swapped["PROFILE"].is_other
    assert not swapped["DAY"].is_other


def test_a_rule_that_would_refuse_it_today_is_named() -> None:
    here = Here()
    here.profile = here.profiles["cn-bank"]
    (everything, *_, profile) = _replayed(here).today
    assert (everything.outcome, profile.swapped) == (None, "PROFILE")
    assert "consent" in profile.refused


def test_other_tenants_and_earlier_versions_have_no_such_decision() -> None:
    here = Here()
    with pytest.raises(UnknownDecisionError):
        _replayed(here, tenant=OTHERS)
    here.message.decision.ClearField("calibration_digest")
    with pytest.raises(RequestError, match="of an earlier version"):
        _replayed(here)


# Explaining.


def test_an_explanation_is_of_the_request_that_was_decided_on() -> None:
    here = Here()
    explanation = _explained(here)
    assert (explanation.outcome, explanation.drifts) == ("COUNTEROFFER", ())
    assert explanation.advice
    with pytest.raises(RequestError, match="request: is not the one that was decided on"):
        _explained(here, _richer())


def test_without_its_release_a_decision_is_explained_without_ranges_and_advice() -> None:
    here = Here()
    here.champion, here.releases = monotone_release(1.2), []
    explanation = _explained(here)
    assert [drift.cause for drift in explanation.drifts] == ["MODEL"]
    assert explanation.advice == ()
    assert [reason.code for reason in explanation.reasons] == [
        one.code for one in here.then.principal_reasons
    ]
    assert all(not reason.values for reason in explanation.reasons if reason.source == "MODEL")
    assert any(cap.is_binding for cap in explanation.caps)


def test_a_decision_that_comes_out_otherwise_gets_no_advice() -> None:
    here = Here()
    here.message.decision.points += 1
    explanation = _explained(here)
    assert [drift.cause for drift in explanation.drifts] == ["CODE"]
    assert explanation.advice == ()


def test_another_program_that_answers_the_same_gives_advice_all_the_same() -> None:
    here = Here()
    here.message.decision.code_digest = b"c" * 32
    explanation = _explained(here)
    assert explanation.drifts == ()
    assert explanation.advice


# Telling.


def test_a_notice_needs_no_request_and_says_the_range_of_the_release() -> None:
    here = Here()
    notice = _notice(here, Lender(name_and_address="Bank"))
    texts = {item.name: item.text for item in notice.items}
    assert (notice.is_owed, notice.due_on) == (True, "2026-12-27")
    low, high = (int(word) for word in texts["SCORE_RANGE"].rstrip(".").split() if word.isdigit())
    assert low < here.then.points < high
    assert "CREDITOR_NAME_AND_ADDRESS" in texts
    assert "REPORT_SOURCE" in notice.missing


def test_without_the_profile_there_is_no_notice() -> None:
    here = Here()
    here.profiles = {}
    with pytest.raises(GoneError, match=r"profile .* is no longer here"):
        _notice(here, Lender())


def test_a_decision_that_was_near_midnight_is_of_its_own_day() -> None:
    # 02:00 UTC on the 28th is still the 27th in New York.
    by = replace(basis(), at=AT + timedelta(hours=9))
    assert _notice(Here(by=by), Lender()).due_on == "2026-12-27"
