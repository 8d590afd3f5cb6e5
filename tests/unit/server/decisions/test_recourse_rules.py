"""What a case refuses, each with its own error, and who may not decide."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from protocols.contracts.applicants import RequestError
from protocols.contracts.cases import ReviewResolved
from protocols.contracts.recourse import MOST_EVENTS, Step
from protocols.recourse_errors import (
    AlreadyReviewedError,
    CaseFullError,
    ClaimedByAnotherError,
    NotClaimedError,
    NotUnderReviewError,
    OutcomeOrderError,
    SameReviewerError,
    SelfApprovalError,
    StaleCaseError,
    UnderReviewError,
)
from server.decisions.recourse import Case
from server.decisions.recourse_rules import (
    OFFICERS_PLACES,
    Taking,
    check_version,
    detail_of,
    outcome_detail,
)
from tests.unit.server.decisions.recourse_world import (
    ANN,
    BOB,
    CAT,
    DECIDED,
    GIVEN,
    HOUR,
    PLATFORM,
    TERMS,
    Story,
    add_evidence,
    claim,
    label,
    override,
    overturn,
    report,
    request_review,
    submit_appeal,
    uphold,
    withdraw,
)


def opened(officers: tuple[str, ...] = ()) -> Story:
    """Return a story of a review that waits."""
    story = Story(officers=officers)
    story.take(request_review())
    return story


@pytest.mark.parametrize("step", [add_evidence(), withdraw(), claim(), uphold(1)])
def test_while_nothing_is_under_review_there_is_nothing_to_do(step: Step) -> None:
    for story in (Story(), opened().resolved(ANN)):
        with pytest.raises(NotUnderReviewError):
            story.take(step, BOB)


@pytest.mark.parametrize("step", [request_review(), submit_appeal()])
def test_while_something_is_under_review_nothing_else_is_opened(step: Step) -> None:
    story = opened()
    for _ in range(2):
        with pytest.raises(UnderReviewError):
            story.take(step)
        story.take(claim(), ANN)


def test_what_was_withdrawn_may_be_requested_again_and_what_a_person_said_is_appealed() -> None:
    story = opened()
    story.take(withdraw())
    story.take(request_review())
    story.resolved(ANN)
    with pytest.raises(AlreadyReviewedError):
        story.take(request_review())
    story.take(submit_appeal())


def test_a_decision_may_be_appealed_against_at_once() -> None:
    Story().take(submit_appeal())


def test_one_officer_at_a_time_has_a_case() -> None:
    story = opened()
    story.take(claim(), ANN)
    for step in (claim(), uphold(2), overturn(2)):
        with pytest.raises(ClaimedByAnotherError):
            story.take(step, BOB)
    story.take(claim(), ANN)  # for longer
    with pytest.raises(ClaimedByAnotherError):
        story.take(claim(), BOB, after=TERMS.claim_for - HOUR)
    story.take(claim(), BOB, after=TERMS.claim_for)


def test_who_has_no_claim_or_no_longer_resolves_nothing() -> None:
    story = opened()
    with pytest.raises(NotClaimedError):
        story.take(uphold(1), ANN)
    story.take(claim(), ANN)
    with pytest.raises(NotClaimedError):
        story.take(uphold(2), ANN, after=TERMS.claim_for)


def test_who_resolved_before_neither_claims_nor_resolves_the_appeal() -> None:
    story = opened().resolved(ANN)
    story.take(submit_appeal())
    for step in (claim(), uphold(4)):
        with pytest.raises(SameReviewerError):
            story.take(step, ANN)
    story.resolved(BOB)
    story.take(submit_appeal())
    for officer in (ANN, BOB):
        with pytest.raises(SameReviewerError):
            story.take(claim(), officer)
    story.resolved(CAT)


def test_who_wrote_or_approved_the_policy_upholds_but_does_not_override() -> None:
    story = opened(officers=(ANN, BOB))
    story.take(claim(), ANN)
    with pytest.raises(SelfApprovalError):
        story.take(overturn(2), ANN)
    story.take(uphold(2), ANN)
    story.take(submit_appeal())
    story.resolved(CAT, overturns=True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"limit_minor": 700_001}, "override.limit_minor"),
        ({"limit_minor": 700_000}, "override.outcome"),
        ({"limit_minor": 0}, "override.outcome"),
        ({"limit_minor": 500_000}, "override.limit_minor"),
        ({"outcome": "APPROVE"}, "override.outcome"),
        ({"expires_at": DECIDED + 3 * HOUR}, "override.expires_at"),
        (
            {"expires_at": DECIDED + 4 * HOUR + timedelta(days=366)},
            "override.expires_at",
        ),
    ],
)
def test_an_override_is_within_the_request_changes_something_and_ends(
    changes: dict[str, object], field: str
) -> None:
    story = opened()
    story.take(claim(), ANN)
    with pytest.raises(RequestError) as caught:
        story.take(overturn(2, override=override(**changes)), ANN)
    assert [item.field for item in caught.value.violations] == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {"limit_minor": 700_000, "outcome": "APPROVE"},
        {"limit_minor": 0, "outcome": "DECLINE"},
        {"expires_at": DECIDED + 3 * HOUR + timedelta(days=366)},
    ],
)
def test_an_override_may_go_either_way_within_its_bounds(changes: dict[str, object]) -> None:
    story = opened()
    story.take(claim(), ANN)
    detail = story.take(overturn(2, override=override(**changes)), ANN)
    assert isinstance(detail, ReviewResolved)
    assert detail.supersedes == "d-1"


def test_an_override_supersedes_what_stood_and_differs_from_that() -> None:
    story = opened().resolved(ANN, overturns=True)
    story.take(submit_appeal())
    story.take(claim(), BOB)
    with pytest.raises(RequestError):
        story.take(overturn(5, story.at), BOB)
    detail = story.take(overturn(5, override=override(story.at, limit_minor=500_000)), BOB)
    assert isinstance(detail, ReviewResolved)
    assert detail.supersedes == "e-3"


def test_another_version_than_the_callers_is_refused_with_the_one_that_there_is() -> None:
    check_version(claim(expected_version=0), 3)
    check_version(claim(expected_version=3), 3)
    for expected in (2, 4):
        with pytest.raises(StaleCaseError) as caught:
            check_version(claim(expected_version=expected), 3)
        assert caught.value.current_version == 3


def test_a_case_cannot_be_filled_so_that_officers_have_no_place() -> None:
    taking = Taking(PLATFORM, DECIDED, GIVEN, TERMS)
    most = MOST_EVENTS - OFFICERS_PLACES
    case = Case(version=most - 1, state="SUBMITTED")
    detail_of(add_evidence(), case, taking)
    full = replace(case, version=most)
    for step in (add_evidence(), withdraw()):
        with pytest.raises(CaseFullError):
            detail_of(step, full, taking)
    detail_of(claim(), full, taking)
    nearly = replace(full, version=MOST_EVENTS - 1)
    with pytest.raises(CaseFullError):
        detail_of(claim(), nearly, taking)
    story = opened()
    story.take(claim(), PLATFORM)
    held = replace(nearly, claim=Case().claim)
    with pytest.raises(NotClaimedError):  # there is a place for it
        detail_of(uphold(MOST_EVENTS - 1), held, taking)
    with pytest.raises(CaseFullError):
        detail_of(uphold(MOST_EVENTS), replace(held, version=MOST_EVENTS), taking)


AT = DECIDED + timedelta(days=40)
TAKING = Taking(PLATFORM, AT, GIVEN, TERMS)


def test_outcomes_are_observed_one_after_the_other_and_a_final_one_is_only_corrected() -> None:
    interim, later = label(), label(observed_on=date(2026, 12, 2))
    final = label(maturity="FINAL")
    assert outcome_detail(report(), 0, None, TAKING).label == interim
    outcome_detail(report(), 1, interim, TAKING)
    outcome_detail(report(label=label(maturity="FINAL", is_default=True)), 1, final, TAKING)
    with pytest.raises(OutcomeOrderError):
        outcome_detail(report(), 1, later, TAKING)
    with pytest.raises(OutcomeOrderError):
        outcome_detail(report(), 1, final, TAKING)
    with pytest.raises(CaseFullError):
        outcome_detail(report(), MOST_EVENTS, interim, TAKING)


def test_an_outcome_lies_between_the_decision_and_today_wherever_that_has_begun() -> None:
    for day in (DECIDED.date(), (AT + timedelta(days=1)).date()):
        outcome_detail(report(label=label(observed_on=day)), 0, None, TAKING)
    for day in (DECIDED.date() - timedelta(days=1), (AT + timedelta(days=2)).date()):
        with pytest.raises(RequestError):
            outcome_detail(report(label=label(observed_on=day)), 0, None, TAKING)
