"""Steps over the wire: recorded once, told again byte for byte, refused by name."""

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest

from protocols.contracts.cases import ReviewRequested
from protocols.contracts.recourse import Step
from protocols.translate_recourse import step_to_wire
from protocols.wire import recourse_v1_pb2 as recourse
from server.journal.journal import Journal, open_journal
from server.journal.record import Draft, Record
from server.serving.access import Tenant
from server.serving.calls import Reply
from server.serving.desk import REPLAYED
from server.serving.recourse import EVENTS
from tests.unit.server.decisions.recourse_world import (
    add_evidence,
    claim,
    label,
    overturn,
    report,
    request_review,
    submit_appeal,
    uphold,
    withdraw,
)
from tests.unit.server.serving.cases import (
    PLATFORM,
    RIVAL,
    START,
    Cases,
    current_version,
    faults,
    officer,
    recorded,
    said,
)

ANN, BOB = officer("ann"), officer("bob")
EARLY = label(observed_on=START.date() - timedelta(days=1))
NO_NOTE = recourse.ResolveReviewRequest(
    request_id="r", decision_id="d-1", expected_version=2, verdict=recourse.VERDICT_UPHELD
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = open_journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


@pytest.fixture
def cases(journal: Journal) -> Cases:
    cases = Cases(journal)
    cases.decide()
    return cases


def test_a_case_goes_from_request_to_override_and_every_step_is_in_the_journal(
    cases: Cases, journal: Journal
) -> None:
    first = cases.taken(request_review(request_id="r-1"))
    assert isinstance(first.detail, ReviewRequested)
    assert first.detail.due_at == START + timedelta(days=30)
    assert (first.version, first.author, first.journal_position) == (1, "platform", 2)
    cases.taken(add_evidence(request_id="r-2"))
    cases.taken(claim(request_id="r-3"), ANN)
    cases.taken(overturn(3, START, request_id="r-4"), ANN)
    case = cases.case()
    assert [event.author for event in case.events] == ["platform", "platform", "ann", "ann"]
    assert [event.version for event in case.events] == [1, 2, 3, 4]
    assert (case.summary.state, case.summary.reviewed_by) == ("OVERTURNED", "ann")
    assert not case.summary.is_solely_automated
    assert (case.standing.limit_minor, case.standing.supersedes) == (600_000, "d-1")
    assert case.decision.limit_minor == 500_000  # as it was given
    assert journal.verify() == 5
    cases.later(days=90)
    assert cases.case().standing.limit_minor == 500_000


def test_the_same_step_again_gets_the_same_bytes_and_changes_nothing(
    cases: Cases, journal: Journal
) -> None:
    step = request_review(expected_version=0)
    first = cases.take(step)
    cases.taken(claim(request_id="r-2"), ANN)
    cases.later(days=400)
    again = cases.take(step)
    assert again.messages == first.messages
    assert (first.trailing, again.trailing) == ((), REPLAYED)
    assert journal.verify() == 3
    assert cases.spent == ["platform"]


def test_a_request_id_of_another_body_or_author_is_refused(cases: Cases) -> None:
    cases.taken(request_review(request_id="r-1"))
    cases.taken(claim(request_id="r-2"), ANN)
    reused = [
        cases.take(request_review(request_id="r-1", note="other")),
        cases.take(withdraw(request_id="r-1")),
        cases.take(claim(request_id="r-2"), BOB),
        cases.take(claim(request_id="r-2", expected_version=1), ANN),
    ]
    assert {said(reply) for reply in reused} == {("ALREADY_EXISTS", "REQUEST_ID_REUSED")}
    assert cases.case().summary.version == 2


def test_another_version_is_aborted_and_says_the_current_one(cases: Cases) -> None:
    cases.taken(request_review(request_id="r-1", expected_version=0))
    cases.taken(claim(request_id="r-2", expected_version=1), ANN)
    cases.taken(add_evidence(request_id="r-3"))
    reply = cases.take(uphold(2, request_id="r-4"), ANN)
    assert said(reply) == ("ABORTED", "VERSION_MISMATCH")
    assert current_version(reply) == "3"
    cases.taken(uphold(3, request_id="r-4"), ANN)


@pytest.mark.parametrize(
    ("step", "tenant", "code", "reason"),
    [
        (request_review(request_id="x"), PLATFORM, "FAILED_PRECONDITION", "REVIEW_ALREADY_OPEN"),
        (uphold(1, request_id="x"), ANN, "FAILED_PRECONDITION", "NOT_CLAIMED"),
        (withdraw(request_id="x", decision_id="d-2"), PLATFORM, "NOT_FOUND", "UNKNOWN_DECISION"),
        (withdraw(request_id="x"), RIVAL, "NOT_FOUND", "UNKNOWN_DECISION"),
        (report(label=EARLY), PLATFORM, "INVALID_ARGUMENT", "INVALID_REQUEST"),
    ],
)
def test_what_is_refused_is_refused_by_code_and_reason(
    cases: Cases, step: Step, tenant: Tenant, code: str, reason: str
) -> None:
    cases.taken(request_review(request_id="r-1"))
    assert said(cases.take(step, tenant)) == (code, reason)


def test_reviewers_are_refused_by_code_and_reason(cases: Cases) -> None:
    cases.officers = ("ann",)
    cases.taken(request_review(request_id="r-1"))
    cases.taken(claim(request_id="r-2"), ANN)
    assert said(cases.take(claim(request_id="r-3"), BOB)) == (
        "FAILED_PRECONDITION",
        "CLAIMED_BY_ANOTHER",
    )
    own = cases.take(overturn(2, START, request_id="r-3"), ANN)
    assert said(own) == ("PERMISSION_DENIED", "SELF_APPROVAL")
    cases.taken(uphold(2, request_id="r-4"), ANN)
    again = cases.take(request_review(request_id="r-5"))
    assert said(again) == ("FAILED_PRECONDITION", "ALREADY_REVIEWED")
    cases.taken(submit_appeal(request_id="r-6"))
    same = cases.take(claim(request_id="r-7"), ANN)
    assert said(same) == ("PERMISSION_DENIED", "SAME_REVIEWER")


def test_of_a_policy_that_nobody_knows_decisions_are_reviewed_but_not_overridden(
    cases: Cases,
) -> None:
    cases.officers = None
    cases.taken(request_review(request_id="r-1"))
    cases.taken(claim(request_id="r-2"), ANN)
    reply = cases.take(overturn(2, START, request_id="r-3"), ANN)
    assert said(reply) == ("INVALID_ARGUMENT", "CONTRACT_BROKEN")
    cases.taken(uphold(2, request_id="r-3"), ANN)


def test_another_tenants_case_is_as_unknown_as_one_that_there_is_not(cases: Cases) -> None:
    cases.taken(request_review())
    replies = [
        cases.ask("GetCase", recourse.GetCaseRequest(decision_id=name), RIVAL)
        for name in ("d-1", "d-9")
    ]
    assert replies[0] == replies[1]
    assert said(replies[0]) == ("NOT_FOUND", "UNKNOWN_DECISION")
    assert cases.page(RIVAL).cases == ()


@pytest.mark.parametrize(
    ("kind", "message", "fields"),
    [
        ("ResolveReview", NO_NOTE, ["note"]),
        ("RequestReview", recourse.RequestReviewRequest(decision_id="d-1"), ["request_id"]),
        ("RequestReview", recourse.RequestReviewRequest(request_id="r"), ["decision_id"]),
        (
            "RequestReview",
            recourse.RequestReviewRequest(request_id="r", decision_id="d-1", note="\x1b[2J"),
            ["note"],
        ),
        (
            "AddEvidence",
            recourse.AddEvidenceRequest(request_id="r", decision_id="d-1"),
            ["evidence.kind", "evidence.digest"],
        ),
        (
            "ReportOutcome",
            recourse.ReportOutcomeRequest(request_id="r", decision_id="d-1"),
            ["label.observed_on", "label.maturity"],
        ),
        ("GetCase", recourse.GetCaseRequest(), ["decision_id"]),
        ("GetCase", recourse.GetCaseRequest(decision_id="d 1"), ["decision_id"]),
        ("ListCases", recourse.ListCasesRequest(page_token="x"), ["page_token"]),
    ],
)
def test_what_is_malformed_is_refused_by_field(
    cases: Cases, kind: str, message: recourse.GetCaseRequest, fields: list[str]
) -> None:
    reply = cases.ask(kind, message)
    assert said(reply)[0] == "INVALID_ARGUMENT"
    assert faults(reply) == fields


def test_an_override_without_overturning_or_the_other_way_round_is_refused(cases: Cases) -> None:
    message = step_to_wire(overturn(2, START))
    assert isinstance(message, recourse.ResolveReviewRequest)
    message.verdict = recourse.VERDICT_UPHELD
    assert said(cases.ask("ResolveReview", message))[0] == "INVALID_ARGUMENT"
    message.verdict = recourse.VERDICT_OVERTURNED
    message.ClearField("override")
    assert said(cases.ask("ResolveReview", message))[0] == "INVALID_ARGUMENT"


def test_a_field_that_this_version_does_not_know_is_refused_wherever_it_stands(
    cases: Cases,
) -> None:
    for step in (add_evidence(), submit_appeal(), report(), overturn(2, START)):
        message = step_to_wire(step)
        inner = {
            "AddEvidence": lambda m: m.evidence,
            "SubmitAppeal": lambda m: m.evidence[0],
            "ReportOutcome": lambda m: m.label,
            "ResolveReview": lambda m: m.override,
        }[step.kind](message)
        inner.MergeFromString(b"\x98\x06\x01")  # field 99
        assert faults(cases.ask(step.kind, message)) == ["request"]


def test_outcomes_are_a_row_of_their_own(cases: Cases, journal: Journal) -> None:
    cases.later(days=40)
    first = cases.taken(report(request_id="o-1", expected_version=0))
    cases.taken(report(request_id="o-2", expected_version=1, label=label(maturity="FINAL")))
    assert said(cases.take(report(request_id="o-3")))[1] == "OUTCOME_NOT_LATER"
    case = cases.case()
    assert (case.summary.state, case.summary.version, case.events) == ("NONE", 0, ())
    assert [event.version for event in case.outcomes] == [1, 2]
    assert case.outcomes[0] == first
    assert cases.page().cases == ()
    assert journal.verify() == 3


def test_only_the_platforms_steps_count_against_its_rate(cases: Cases) -> None:
    cases.taken(request_review(request_id="r-1"))
    cases.taken(claim(request_id="r-2"), ANN)
    cases.taken(uphold(2, request_id="r-3"), ANN)
    assert cases.spent == ["platform"]


def test_a_clock_that_goes_back_puts_no_event_before_another(cases: Cases) -> None:
    cases.later(hours=-1)
    first = cases.taken(request_review(request_id="r-1"))
    assert first.at == START  # the decision's own time
    cases.later(days=2)
    second = cases.taken(claim(request_id="r-2"), ANN)
    cases.later(days=-1)
    assert cases.case().summary.state == "IN_REVIEW"
    assert cases.taken(add_evidence(request_id="r-3")).at == second.at


def test_what_retention_deleted_is_not_found(cases: Cases, journal: Journal) -> None:
    cases.taken(request_review(request_id="r-1"))
    journal.prune(before=START + timedelta(hours=1))
    cases.later(days=1)
    gone = [cases.take(withdraw(request_id="r-2")), cases.take(request_review(request_id="r-1"))]
    gone.append(cases.ask("GetCase", recourse.GetCaseRequest(decision_id="d-1")))
    assert {said(reply) for reply in gone} == {("NOT_FOUND", "ANSWER_DELETED")}
    assert cases.page().cases == ()


def test_a_case_has_more_events_than_one_look_reads(cases: Cases) -> None:
    cases.taken(request_review(request_id="r-0"))
    for number in range(70):
        cases.taken(add_evidence(request_id=f"r-{number + 1}"))
    case = cases.case()
    assert [event.version for event in case.events] == list(range(1, 72))
    assert case.events[-1].request_id == "r-70"


class _Beaten:
    """A journal in which others are faster, so many times."""

    def __init__(self, journal: Journal, times: int) -> None:
        self.read, self.find, self.list = journal.read, journal.find, journal.list
        self._journal, self._times = journal, times

    def commit(self, drafts: Sequence[Draft]) -> Sequence[Record]:
        """Store another's evidence first."""
        if drafts[0].key.method == EVENTS and self._times > 0:
            self._times -= 1
            other = Cases(self._journal)
            other.taken(add_evidence(request_id=str(uuid.uuid4())))
        return self._journal.commit(drafts)


def test_who_is_beaten_takes_the_next_place_unless_a_version_is_expected(
    cases: Cases, journal: Journal
) -> None:
    cases.taken(request_review(request_id="r-1"))
    beaten = Cases(_Beaten(journal, times=2))
    assert beaten.taken(claim(request_id="r-2"), ANN).version == 4
    beaten = Cases(_Beaten(journal, times=1))
    reply = beaten.take(uphold(4, request_id="r-3"), ANN)
    assert said(reply) == ("ABORTED", "VERSION_MISMATCH")
    assert current_version(reply) == "5"
    hopeless = Cases(_Beaten(journal, times=99))
    assert said(hopeless.take(withdraw(request_id="r-4")))[0] == "ABORTED"


def test_of_eight_at_once_one_resolves_a_case(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journals = [open_journal(path) for _ in range(8)]
    worlds = [Cases(journal) for journal in journals]
    worlds[0].decide()
    worlds[0].taken(request_review(request_id="r-1"))
    worlds[0].taken(claim(request_id="r-2"), ANN)
    begin = Barrier(8)

    def resolve(number: int) -> Reply:
        begin.wait()
        return worlds[number].take(uphold(2, request_id=f"u-{number}"), ANN)

    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(resolve, range(8)))
    won = [reply for reply in replies if reply.status is None]
    lost = {said(reply) for reply in replies if reply.status is not None}
    assert len(won) == 1
    assert lost == {("ABORTED", "VERSION_MISMATCH")}
    assert worlds[0].case().events[-1] == recorded(won[0])
    assert journals[0].verify() == 4
    for journal in journals:
        journal.close()


def test_of_eight_equal_calls_at_once_one_is_taken_and_all_get_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journals = [open_journal(path) for _ in range(8)]
    worlds = [Cases(journal) for journal in journals]
    worlds[0].decide()
    begin = Barrier(8)

    def request(number: int) -> Reply:
        begin.wait()
        return worlds[number].take(request_review(request_id="r-1"))

    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(request, range(8)))
    assert len({tuple(reply.messages) for reply in replies}) == 1
    assert sorted(len(reply.trailing) for reply in replies) == [0] + [1] * 7
    assert journals[0].verify() == 2
    for journal in journals:
        journal.close()
