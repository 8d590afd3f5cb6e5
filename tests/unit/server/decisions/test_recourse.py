"""A case is what its events make of it, and claims and overrides end by themselves."""

from datetime import timedelta

from server.decisions.recourse import Case, after, fold, seen_at, standing_of, summary_of
from tests.unit.server.decisions.recourse_world import (
    ANN,
    BOB,
    GIVEN,
    HOUR,
    TERMS,
    Story,
    add_evidence,
    claim,
    overturn,
    request_review,
    submit_appeal,
    withdraw,
)


def test_a_decision_that_nobody_contested_is_solely_automated_and_stands() -> None:
    case = fold([], GIVEN.decided_at)
    assert case == Case()
    assert case.is_solely_automated
    assert not case.is_open
    standing = standing_of(GIVEN, case)
    assert (standing.outcome, standing.limit_minor) == ("COUNTEROFFER", 500_000)
    assert (standing.supersedes, standing.override_event_id) == ("", "")


def test_a_review_goes_from_submitted_to_in_review_to_a_persons_word() -> None:
    story, states = Story(), []
    for step, author in ((request_review(), "platform"), (claim(), ANN), (add_evidence(), "p")):
        story.take(step, author)
        states.append(fold(story.events, story.at).state)
    assert states == ["SUBMITTED", "IN_REVIEW", "IN_REVIEW"]
    story.take(overturn(3, story.at), ANN)
    case = fold(story.events, story.at)
    assert (case.state, case.version, case.reviewers) == ("OVERTURNED", 4, (ANN,))
    assert case.claim is None
    assert not case.is_solely_automated


def test_what_is_requested_is_due_so_long_after() -> None:
    story = Story()
    for step in (request_review(), submit_appeal()):
        story.take(step)
        case = fold(story.events, story.at)
        assert (case.opened_at, case.due_at) == (story.at, story.at + TERMS.due_after)
        story.take(withdraw())
        assert fold(story.events, story.at).state == "WITHDRAWN"


def test_what_is_open_is_overdue_after_its_time_and_what_is_closed_is_not() -> None:
    story = Story()
    story.take(request_review())
    case, due_at = fold(story.events, story.at), story.at + TERMS.due_after
    assert not summary_of("d-1", case, due_at).is_overdue
    late = due_at + timedelta(microseconds=1)
    assert summary_of("d-1", case, late).is_overdue
    story.take(withdraw())
    assert not summary_of("d-1", fold(story.events, late), late).is_overdue


def test_a_claim_ends_by_itself_and_the_case_waits_again() -> None:
    story = Story()
    story.take(request_review())
    story.take(claim(), ANN)
    end = story.at + TERMS.claim_for
    held, waiting = fold(story.events, end - HOUR), fold(story.events, end)
    assert (held.state, held.claim and held.claim.holder) == ("IN_REVIEW", ANN)
    assert (waiting.state, waiting.claim, waiting.version) == ("SUBMITTED", None, 2)
    assert summary_of("d-1", held, end).holder == ANN
    assert summary_of("d-1", waiting, end).holder == ""


def test_an_override_stands_until_its_end_and_then_the_decision_does() -> None:
    story = Story()
    story.take(request_review())
    story.resolved(ANN, overturns=True)
    end = story.at + timedelta(days=90)
    during = standing_of(GIVEN, fold(story.events, end - timedelta(microseconds=1)))
    assert (during.limit_minor, during.expires_at) == (600_000, end)
    assert (during.supersedes, during.override_event_id) == ("d-1", "e-3")
    ended = fold(story.events, end)
    assert standing_of(GIVEN, ended).limit_minor == 500_000
    assert not ended.is_solely_automated
    assert (ended.state, summary_of("d-1", ended, end).reviewed_by) == ("OVERTURNED", ANN)


def test_an_override_outlives_an_appeal_that_is_upheld_or_withdrawn() -> None:
    story = Story()
    story.take(request_review())
    story.resolved(ANN, overturns=True)
    for end in ("upheld", "withdrawn"):
        story.take(submit_appeal())
        if end == "upheld":
            story.resolved(BOB)
        else:
            story.take(withdraw())
        case = fold(story.events, story.at)
        assert standing_of(GIVEN, case).override_event_id == "e-3"
    assert case.reviewers == (ANN, BOB)


def test_folding_is_one_event_after_the_other() -> None:
    story = Story()
    story.take(request_review())
    story.resolved(ANN, overturns=True)
    case = Case()
    for one in story.events:
        case = after(case, one)
    assert seen_at(case, story.at) == fold(story.events, story.at)
